import type { Millis, NodeId } from '../../base/brands.ts';
import { type PathAddress, parsePath } from '../../base/path-address.ts';
import { MESSAGE } from '../../base/primitives.ts';
import { type NodeShare, newShare } from './fair-shares.ts';
import { CHANNELS, CHANNELS_OF_NODE, SILENT_MS } from './relay-limits.ts';

/** One of the two nodes of a channel, bound to where it proved to be. */
export interface ChannelEnd {
  readonly node: NodeId;
  readonly seq: number;
  readonly path: PathAddress;
  /** 4 or 16 bytes, and the same as four words of a message row */
  readonly address: Uint8Array;
  readonly words: Int32Array;
  readonly family: 4 | 6;
  readonly port: number;
  readonly share: NodeShare;
  heardAt: Millis;
}

/** Two nodes that the coordinator brought together. */
export interface Channel {
  readonly number: number;
  readonly nodes: readonly [NodeId, NodeId];
  readonly ends: [ChannelEnd | undefined, ChannelEnd | undefined];
  allowedAt: Millis;
}

/** The channels of a relay: which two nodes may use each, and where they are. */
export class Channels {
  readonly #channels = new Map<number, Channel>();
  readonly #boundOf = new Map<NodeId, number>();
  readonly #shares = new Map<NodeId, NodeShare>();

  get size(): number {
    return this.#channels.size;
  }

  get(number: number): Channel | undefined {
    return this.#channels.get(number);
  }

  /** The coordinator says so; it says so again whenever the two look for each other. False when there is no room. */
  allow(number: number, nodes: readonly [NodeId, NodeId], now: Millis): boolean {
    const known = this.#channels.get(number);
    if (known) {
      known.allowedAt = now;
      return known.nodes.every((node) => nodes.includes(node));
    }
    if (this.#channels.size >= CHANNELS) return false;
    this.#channels.set(number, { number, nodes, ends: [undefined, undefined], allowedAt: now });
    return true;
  }

  /** Binds a node of the channel to where it proved to be; false above its quota. */
  bind(channel: Channel, node: NodeId, seq: number, path: PathAddress, now: Millis): boolean {
    const side = sideOf(channel, node);
    const isNew = channel.ends[side] === undefined;
    const bound = this.#boundOf.get(node) ?? 0;
    if (isNew && bound >= CHANNELS_OF_NODE) return false;
    if (isNew) this.#boundOf.set(node, bound + 1);
    const share = this.#shares.get(node) ?? newShare();
    this.#shares.set(node, share);
    const { family, address, port } = parsePath(path);
    channel.ends[side] = { node, seq, path, address, words: wordsOf(address), family, port, share, heardAt: now };
    return true;
  }

  /** The removed node's channels go, for both ends. */
  remove(node: NodeId): void {
    for (const channel of [...this.#channels.values()]) if (channel.nodes.includes(node)) this.#drop(channel);
  }

  tick(now: Millis): void {
    for (const channel of [...this.#channels.values()]) {
      for (const side of [0, 1] as const) {
        const end = channel.ends[side];
        if (end && now - end.heardAt >= SILENT_MS) this.#unbind(channel, side);
      }
      const isBound = channel.ends.some((end) => end !== undefined);
      if (!isBound && now - channel.allowedAt >= SILENT_MS) this.#drop(channel);
    }
  }

  #unbind(channel: Channel, side: 0 | 1): void {
    const end = channel.ends[side];
    if (!end) return;
    channel.ends[side] = undefined;
    const left = (this.#boundOf.get(end.node) ?? 1) - 1;
    if (left > 0) {
      this.#boundOf.set(end.node, left);
      return;
    }
    this.#boundOf.delete(end.node);
    this.#shares.delete(end.node);
  }

  #drop(channel: Channel): void {
    for (const side of [0, 1] as const) this.#unbind(channel, side);
    this.#channels.delete(channel.number);
  }
}

/** 0 or 1: whose end of the channel this is; the caller has checked that the node is one of the two. */
export function sideOf({ nodes }: Channel, node: NodeId): 0 | 1 {
  return nodes[0] === node ? 0 : 1;
}

/** Was this message sent from where the end is bound? `at`: where its row begins. */
export function isFrom({ words, port, family }: ChannelEnd, messages: Int32Array, at: number): boolean {
  const from = at + MESSAGE.address;
  return (
    messages[at + MESSAGE.port] === port &&
    messages[at + MESSAGE.family] === family &&
    messages[from] === words[0] &&
    messages[from + 1] === words[1] &&
    messages[from + 2] === words[2] &&
    messages[from + 3] === words[3]
  );
}

/** An address as it lies in a message row. */
export function wordsOf(address: Uint8Array): Int32Array {
  const words = new Int32Array(4);
  new Uint8Array(words.buffer).set(address);
  return words;
}
