import type { Millis, NodeId } from '../../base/brands.ts';
import { type PathAddress, parsePath } from '../../base/path-address.ts';
import { EarlyFrames } from './early-frames.ts';
import { ForwardTable } from './forward-table.ts';
import { CHANNELS, CHANNELS_OF_NODE, SILENT_MS } from './relay-limits.ts';

/** One of the two nodes of a channel, bound to where it proved to be. */
export interface ChannelEnd {
  readonly node: NodeId;
  readonly seq: number;
  readonly path: PathAddress;
}

/** Two nodes that the coordinator brought together. */
export interface Channel {
  readonly number: number;
  /** its row in the forward table */
  readonly row: number;
  readonly nodes: readonly [NodeId, NodeId];
  readonly ends: [ChannelEnd | undefined, ChannelEnd | undefined];
  allowedAt: Millis;
}

/** The channels of a relay: which two nodes may use each, and where they are. What the packet path needs of that lies in `table`. */
export class Channels {
  readonly table = new ForwardTable();
  /** by row of `table.ends` */
  readonly early = new EarlyFrames();
  readonly #channels = new Map<number, Channel>();
  readonly #boundOf = new Map<NodeId, number>();
  readonly #shares = new Map<NodeId, number>();

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
      this.table.setEarly(2 * known.row, true);
      this.table.setEarly(2 * known.row + 1, true);
      return known.nodes.every((node) => nodes.includes(node));
    }
    if (this.#channels.size >= CHANNELS) return false;
    const row = this.table.add(number);
    this.#channels.set(number, { number, row, nodes, ends: [undefined, undefined], allowedAt: now });
    return true;
  }

  /** Binds a node of the channel to where it proved to be; false above its quota. */
  bind(channel: Channel, node: NodeId, seq: number, path: PathAddress, now: Millis): boolean {
    const side = sideOf(channel, node);
    const isNew = channel.ends[side] === undefined;
    const bound = this.#boundOf.get(node) ?? 0;
    if (isNew && bound >= CHANNELS_OF_NODE) return false;
    if (isNew) this.#boundOf.set(node, bound + 1);
    const share = this.#shares.get(node) ?? this.table.addShare();
    this.#shares.set(node, share);
    const { family, address, port } = parsePath(path);
    channel.ends[side] = { node, seq, path };
    this.table.setEnd(2 * channel.row + side, family, wordsOf(address), port, share, now);
    this.table.setEarly(2 * channel.row + side, false);
    return true;
  }

  /** The removed node's channels go, for both ends. */
  remove(node: NodeId): void {
    for (const channel of [...this.#channels.values()]) if (channel.nodes.includes(node)) this.#drop(channel);
  }

  tick(now: Millis): void {
    for (const channel of [...this.#channels.values()]) {
      for (const side of [0, 1] as const) {
        const heardAt = this.table.heardAt[2 * channel.row + side];
        if (channel.ends[side] && now - heardAt >= SILENT_MS) this.#unbind(channel, side);
      }
      const isBound = channel.ends.some((end) => end !== undefined);
      if (!isBound && now - channel.allowedAt >= SILENT_MS) this.#drop(channel);
    }
  }

  #unbind(channel: Channel, side: 0 | 1): void {
    const end = channel.ends[side];
    if (!end) return;
    channel.ends[side] = undefined;
    this.table.clearEnd(2 * channel.row + side);
    const left = (this.#boundOf.get(end.node) ?? 1) - 1;
    if (left > 0) {
      this.#boundOf.set(end.node, left);
      return;
    }
    this.#boundOf.delete(end.node);
    const share = this.#shares.get(end.node);
    if (share !== undefined) this.table.removeShare(share);
    this.#shares.delete(end.node);
  }

  #drop(channel: Channel): void {
    for (const side of [0, 1] as const) {
      this.#unbind(channel, side);
      this.early.forget(2 * channel.row + side);
    }
    this.table.remove(channel.number, channel.row);
    this.#channels.delete(channel.number);
  }
}

/** 0 or 1: whose end of the channel this is; the caller has checked that the node is one of the two. */
export function sideOf({ nodes }: Channel, node: NodeId): 0 | 1 {
  return nodes[0] === node ? 0 : 1;
}

/** An address as it lies in a message row. */
export function wordsOf(address: Uint8Array): Int32Array {
  const words = new Int32Array(4);
  new Uint8Array(words.buffer).set(address);
  return words;
}
