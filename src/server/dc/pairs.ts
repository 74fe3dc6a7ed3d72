import type { Millis, NodeId } from '../../base/brands.ts';
import { ByteReader } from '../../base/byte-reader.ts';
import { toHex, wipe } from '../../base/bytes.ts';
import { TEMP_KEY_MS } from '../../nat/constants.ts';
import { CHANNEL_MS, CHANNELS, PAIRS, PAIRS_OF_NODE, SHARED_MS } from './dc-limits.ts';

/** What two nodes that look for each other are both told. */
export interface Pair {
  readonly nodes: readonly [NodeId, NodeId];
  /** 8 bytes */
  readonly pathId: Uint8Array;
  /** 32 bytes */
  readonly tempKey: Uint8Array;
  readonly channel: number;
  /** name of the relay where the channel is, if there is one */
  readonly relay: string | undefined;
  readonly madeAt: Millis;
  /** who of the two asked, with the number of the newest request */
  readonly asked: Map<NodeId, number>;
}

type ChooseRelay = (before: string | undefined) => string | undefined;

interface Lent {
  readonly channel: number;
  readonly relay: string | undefined;
  readonly usedAt: Millis;
}

/** The pairs under way, and the relay channel that each pair keeps from one direction to the next. */
export class Pairs {
  readonly #random: (length: number) => Uint8Array;
  /** the newest of each two nodes */
  readonly #newest = new Map<string, Pair>();
  /** by path id, the oldest first */
  readonly #byPath = new Map<string, Pair>();
  readonly #countOf = new Map<NodeId, number>();
  /** the longest unused first */
  readonly #lent = new Map<string, Lent>();
  readonly #channels = new Set<number>();

  constructor(random: (length: number) => Uint8Array) {
    this.#random = random;
  }

  get size(): number {
    return this.#byPath.size;
  }

  /**
   * The pair of a request: the one that is made already if that was just now and its relay is still the one; undefined when there are too many. `choose` names
   * its relay, given the one of before.
   */
  get(a: NodeId, b: NodeId, now: Millis, choose: ChooseRelay): Pair | undefined {
    const name = nameOf(a, b);
    const known = this.#newest.get(name);
    if (known && now - known.madeAt < SHARED_MS && choose(known.relay) === known.relay) return known;
    const isFull = [a, b].some((node) => (this.#countOf.get(node) ?? 0) >= PAIRS_OF_NODE);
    if (isFull || this.#byPath.size >= PAIRS) return undefined;
    const [pathId, tempKey] = [this.#random(8), this.#random(32)];
    const { channel, relay } = this.#lend(name, choose, now);
    const pair: Pair = { nodes: [a, b], pathId, tempKey, channel, relay, madeAt: now, asked: new Map() };
    this.#newest.set(name, pair);
    this.#byPath.set(toHex(pathId), pair);
    this.#count(pair, 1);
    return pair;
  }

  byPath(pathId: Uint8Array): Pair | undefined {
    return this.#byPath.get(toHex(pathId));
  }

  remove(node: NodeId): void {
    for (const pair of [...this.#byPath.values()]) if (pair.nodes.includes(node)) this.#drop(pair);
    for (const [name, { channel }] of this.#lent) if (name.includes(node)) this.#forget(name, channel);
  }

  /** Drops pairs whose TempKey is over, and channels that nobody asked about for long. */
  tick(now: Millis): void {
    for (const pair of this.#byPath.values()) {
      if (now - pair.madeAt < TEMP_KEY_MS) break;
      this.#drop(pair);
    }
    for (const [name, { channel, usedAt }] of this.#lent) {
      if (now - usedAt < CHANNEL_MS && this.#lent.size <= CHANNELS) break;
      this.#forget(name, channel);
    }
  }

  /** The channel of before, at the relay of before; at another relay another one, so that nodes tell the two apart. */
  #lend(name: string, choose: ChooseRelay, now: Millis): Lent {
    const before = this.#lent.get(name);
    const relay = choose(before?.relay);
    const kept = before?.relay === relay ? before?.channel : undefined;
    if (before) this.#forget(name, before.channel);
    const lent = { channel: kept ?? this.#freeChannel(), relay, usedAt: now };
    this.#lent.set(name, lent);
    this.#channels.add(lent.channel);
    return lent;
  }

  #freeChannel(): number {
    for (;;) {
      const channel = new ByteReader(this.#random(4)).u32();
      if (channel !== 0 && !this.#channels.has(channel)) return channel;
    }
  }

  #drop(pair: Pair): void {
    this.#byPath.delete(toHex(pair.pathId));
    const name = nameOf(...pair.nodes);
    if (this.#newest.get(name) === pair) this.#newest.delete(name);
    this.#count(pair, -1);
    wipe(pair.tempKey);
  }

  #forget(name: string, channel: number): void {
    this.#lent.delete(name);
    this.#channels.delete(channel);
  }

  #count({ nodes }: Pair, by: number): void {
    for (const node of nodes) {
      const count = (this.#countOf.get(node) ?? 0) + by;
      if (count > 0) this.#countOf.set(node, count);
      else this.#countOf.delete(node);
    }
  }
}

function nameOf(a: NodeId, b: NodeId): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}
