import type { Millis, NodeId, SaIndex } from '../base/brands.ts';
import type { PathAddress } from '../base/path-address.ts';
import { SA_TIMERS } from '../pccom/sa-timers.ts';
import { HOP_ENTRIES_MAX } from './tuning.ts';

/** What an on-path element keeps per SA pair: it never learns the flows inside (protocol.md 2.3). */
export interface RelayEntry {
  /** where the start GE's and the end GE's datagrams come from, as seen here */
  readonly start: PathAddress;
  readonly end: PathAddress;
  readonly indexStart: SaIndex;
  readonly indexEnd: SaIndex;
  readonly action: 'relay' | 'discard';
  readonly startNode: NodeId;
  readonly endNode: NodeId;
  /** seconds without a datagram after which it goes */
  readonly lifetime: number;
}

/** What passed one way, counted as it came: headers of ours included. */
export interface RelayTraffic {
  packets: number;
  bytes: number;
}

/** An entry as lists and watchers show it. */
export interface RelayListing {
  readonly entry: RelayEntry;
  readonly installedAt: Millis;
  readonly usedAt: Millis;
  /** from the start GE to the end GE, and back */
  readonly forward: Readonly<RelayTraffic>;
  readonly reverse: Readonly<RelayTraffic>;
}

/** Why an entry ended. */
export type RelayCloseCause = 'idle' | 'evicted' | 'replaced' | 'owner-removed';

export type RelayListener = (event: 'created' | 'closed', relayed: RelayListing, cause: RelayCloseCause | '') => void;

interface Held extends RelayListing {
  usedAt: Millis;
  readonly forward: RelayTraffic;
  readonly reverse: RelayTraffic;
}

/** Relay entries, found by receiver index with its lane bits ignored, then by the addresses (protocol.md 5.4). */
export class RelayTable {
  /** by index >>> 3, in the order of installation */
  readonly #byIndex = new Map<number, Held[]>();
  readonly #all = new Set<Held>();
  #listener: RelayListener | null = null;

  get size(): number {
    return this.#all.size;
  }

  /** Adds an entry, or replaces that of the same SA pair; beyond the quota the oldest goes. */
  install(entry: RelayEntry, now: Millis): void {
    for (const held of this.#byIndex.get(entry.indexEnd >>> 3) ?? [])
      if (samePair(held.entry, entry)) this.#remove(held, 'replaced');
    for (const oldest of this.#all) {
      if (this.#all.size < HOP_ENTRIES_MAX) break;
      this.#remove(oldest, 'evicted');
    }
    const traffic = () => ({ packets: 0, bytes: 0 });
    const held: Held = { entry, installedAt: now, usedAt: now, forward: traffic(), reverse: traffic() };
    this.#add(held);
    this.#listener?.('created', held, '');
  }

  /** Who hears of every entry that comes or goes; null for nobody. */
  watch(listener: RelayListener | null): void {
    this.#listener = listener;
  }

  /** The entry of a data datagram, if it is live; counts as use. */
  find(from: PathAddress, to: PathAddress, receiver: SaIndex, bytes: number, now: Millis): RelayEntry | undefined {
    for (const held of this.#byIndex.get(receiver >>> 3) ?? []) {
      if (!carries(held.entry, from, to, receiver >>> 3)) continue;
      if (now >= endOf(held)) return undefined;
      held.usedAt = now;
      const traffic = from === held.entry.start ? held.forward : held.reverse;
      traffic.packets += 1;
      traffic.bytes += bytes;
      return held.entry;
    }
    return undefined;
  }

  /** The live entry of a data datagram that came from outside, and where it goes on to; counts as use. */
  findFrom(from: PathAddress, receiver: SaIndex, bytes: number, now: Millis): RelayEntry | undefined {
    for (const { entry } of this.#byIndex.get(receiver >>> 3) ?? []) {
      if (from !== entry.start && from !== entry.end) continue;
      const found = this.find(from, otherEnd(entry, from), receiver, bytes, now);
      if (found) return found;
    }
    return undefined;
  }

  /** Removes what has ended and returns it. */
  expire(now: Millis): RelayEntry[] {
    const ended = [...this.#all].filter((held) => now >= endOf(held));
    for (const held of ended) this.#remove(held, 'idle');
    return ended.map(({ entry }) => entry);
  }

  /** Removes every entry that this node is an end of (protocol.md 10.3). */
  removeNode(node: NodeId): void {
    for (const held of [...this.#all])
      if (held.entry.startNode === node || held.entry.endNode === node) this.#remove(held, 'owner-removed');
  }

  list(): readonly RelayListing[] {
    return [...this.#all];
  }

  entries(): RelayEntry[] {
    return [...this.#all].map(({ entry }) => entry);
  }

  #add(held: Held): void {
    this.#all.add(held);
    for (const key of keysOf(held.entry)) this.#byIndex.set(key, [...(this.#byIndex.get(key) ?? []), held]);
  }

  #remove(held: Held, cause: RelayCloseCause): void {
    this.#listener?.('closed', held, cause);
    this.#all.delete(held);
    for (const key of keysOf(held.entry)) {
      const left = (this.#byIndex.get(key) ?? []).filter((other) => other !== held);
      if (left.length > 0) this.#byIndex.set(key, left);
      else this.#byIndex.delete(key);
    }
  }
}

/** Where an entry sends on what came from this one of its ends. */
export function otherEnd({ start, end }: RelayEntry, from: PathAddress): PathAddress {
  return from === start ? end : start;
}

/** An SA pair ends with its receive cap at the latest, so that no entry outlives what it was made for. */
function endOf({ entry, installedAt, usedAt }: Held): number {
  return Math.min(installedAt + SA_TIMERS.receiveCapInitiator, usedAt + entry.lifetime * 1_000);
}

function carries({ start, end, indexStart, indexEnd }: RelayEntry, from: PathAddress, to: PathAddress, base: number) {
  if (from === start && to === end) return indexEnd >>> 3 === base;
  return from === end && to === start && indexStart >>> 3 === base;
}

function samePair(a: RelayEntry, b: RelayEntry): boolean {
  const paths = a.start === b.start && a.end === b.end;
  return paths && a.indexStart === b.indexStart && a.indexEnd === b.indexEnd;
}

function keysOf({ indexStart, indexEnd }: RelayEntry): ReadonlySet<number> {
  return new Set([indexStart >>> 3, indexEnd >>> 3]);
}
