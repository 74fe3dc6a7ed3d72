import type { Millis } from '../base/brands.ts';
import { Entries } from './entries.ts';
import { FLOW_KEY, type HashSeed, hashFlowKey, normalise } from './flow-key.ts';
import type { PitGate } from './gate.ts';
import { hashWords } from './hash-words.ts';
import { KEY_WORDS, type PitMemory, pitMemory } from './memory.ts';
import { OwnerLists } from './owner-lists.ts';
import type { Owners } from './owners.ts';
import type { PitView } from './pit-reader.ts';
import { PeerQuota, type PitLimits, pitLimits } from './quota.ts';
import { TaggedIndex } from './tagged-index.ts';
import { nextTcpState } from './tcp-state.ts';
import { type CloseCause, type PitAction, PUT_FAULT } from './terms.ts';

/** How many confirmed entries of each owner an eviction compares to find an idle one. */
const EVICTION_SAMPLE = 16;

/** What `put` writes beside the CID. A pit id of two zero words is none. */
export interface NewEntry {
  readonly action: PitAction;
  readonly confirmed: boolean;
  readonly owner: number;
  readonly version: number;
  readonly pitIdHigh: number;
  readonly pitIdLow: number;
  readonly reason: number;
}

/** Hears of every change while the entry still holds its values. */
export type PitListener = (event: 'created' | 'confirmed' | 'closed', entry: number, cause: CloseCause | null) => void;

export interface PitOptions {
  readonly capacity: number;
  /** 64 random bits */
  readonly seed: HashSeed;
  readonly owners: Owners;
  /** tests make them small */
  readonly limits?: PitLimits;
  /** where workers share the table: what they may use without asking */
  readonly gate?: PitGate;
}

/**
 * The Process Information Table: one entry per flow (protocol.md 5), found by CID in either direction, or by pit id.
 * Nothing is allocated per look-up. One writer.
 */
export class Pit {
  /** The columns of the entries, for reading. */
  readonly entries: Entries;
  readonly #memory: PitMemory;
  readonly #seed: HashSeed;
  readonly #owners: Owners;
  readonly #flows: TaggedIndex;
  readonly #pitIds: TaggedIndex;
  readonly #lists: OwnerLists;
  readonly #quota: PeerQuota;
  readonly #key = new Int32Array(FLOW_KEY.words);
  readonly #idWords = new Int32Array(3);
  readonly #gate: PitGate | undefined;
  #listener: PitListener | null = null;
  /** Entries made, and entries ended by cause. */
  readonly counters: Record<'created' | CloseCause, number>;

  constructor({ capacity, seed, owners, limits = pitLimits(capacity), gate }: PitOptions) {
    const memory = pitMemory(capacity);
    this.#memory = memory;
    this.#seed = seed;
    this.#gate = gate;
    this.#owners = owners;
    this.entries = new Entries(memory);
    this.#flows = new TaggedIndex(memory.flowSlots, (entry) => hashFlowKey(memory.keys, entry * KEY_WORDS, seed));
    this.#pitIds = new TaggedIndex(memory.pitIdSlots, (entry) => this.#pitIdHash(entry));
    this.#lists = new OwnerLists(this.entries);
    this.#quota = new PeerQuota(limits);
    this.counters = { created: 0, idle: 0, evicted: 0, closed: 0, 'owner-removed': 0, flushed: 0 };
  }

  /** What workers read of the table; undefined where there are none. */
  get view(): PitView | undefined {
    return this.#gate && { memory: this.#memory, seed: this.#seed, gate: this.#gate.words };
  }

  /** The shared memory of the table. */
  get buffer(): SharedArrayBuffer {
    return this.#memory.buffer;
  }

  /** Who hears of changes; null when nobody watches, which costs one comparison per change. */
  watch(listener: PitListener | null): void {
    this.#listener = listener;
  }

  /** The entry of the flow in FLOW words, as entry << 1 | DIRECTION of this packet in it; -1 when there is none. */
  find(flow: Int32Array): number {
    const key = this.#key;
    const swapped = normalise(flow, key);
    const hash = hashFlowKey(key, 0, this.#seed);
    const flows = this.#flows;
    for (let slot = flows.probe(hash, flows.home(hash)); slot >= 0; slot = flows.probe(hash, flows.after(slot))) {
      const entry = flows.entryAt(slot);
      if (this.entries.matches(entry, key)) return (entry << 1) | this.entries.direction(entry, swapped);
    }
    return -1;
  }

  /** The entry of an owner with this pit id, or -1. */
  findPitId(owner: number, high: number, low: number): number {
    const { entries } = this;
    const hash = this.#hashPitId(owner, high, low);
    const ids = this.#pitIds;
    for (let slot = ids.probe(hash, ids.home(hash)); slot >= 0; slot = ids.probe(hash, ids.after(slot))) {
      const entry = ids.entryAt(slot);
      if (entries.owner(entry) === owner && entries.pitIdHigh(entry) === high && entries.pitIdLow(entry) === low)
        return entry;
    }
    return -1;
  }

  /** Counts packets on what `find` gave; `tcpFlags` are the joined flags of the packets, 0 for other protocols. */
  count(found: number, packets: number, bytes: number, tcpFlags: number, now: Millis): void {
    const entry = found >> 1;
    const direction = (found & 1) === 0 ? 0 : 1;
    this.entries.count(entry, direction, packets, bytes, now);
    if (tcpFlags !== 0) this.#follow(entry, tcpFlags, direction);
    this.#gate?.want(entry);
  }

  /** Everything decided so far has left: workers may use what they can (see PitGate). */
  openGates(ownHigh: (entry: number) => boolean | undefined): void {
    this.#gate?.open(this.entries, ownHigh);
  }

  /** Addresses have other owners: which end of an entry is whose is found out anew. */
  shutAll(): void {
    this.#gate?.shutAll();
  }

  /** See PitGate. */
  keepShut(isKept: boolean): void {
    this.#gate?.keepShut(isKept);
  }

  /** What waits for this entry must go first: its packets are decided here until one passes again. */
  shut(entry: number): void {
    this.#gate?.shut(entry);
  }

  /**
   * Makes the entry of the flow in FLOW words, whose source is the end that opened it. Returns the entry or a PUT_FAULT.
   * A peer at its quota, or a full table, costs this same peer another entry (protocol.md P4).
   */
  put(flow: Int32Array, values: NewEntry, now: Millis): number {
    if (this.find(flow) >= 0) return PUT_FAULT.exists;
    const peer = this.#owners.peerOf(values.owner);
    if (!this.#quota.take(peer, now)) return PUT_FAULT.rate;
    const { entries } = this;
    if ((this.#quota.isSpent(peer) || entries.live === entries.capacity) && !this.#evict(peer, now))
      return PUT_FAULT.full;
    const entry = entries.allocate(this.#key, normalise(flow, this.#key), now);
    entries.setAction(entry, values.action);
    entries.setConfirmed(entry, values.confirmed);
    entries.setOwner(entry, values.owner);
    entries.setVersion(entry, values.version);
    entries.setReason(entry, values.reason);
    entries.setPitId(entry, values.pitIdHigh, values.pitIdLow);
    this.#quota.add(peer, 1, now);
    this.#lists.add(entry);
    this.#flows.insert(hashFlowKey(this.#key, 0, this.#seed), entry);
    this.#insertPitId(entry);
    this.counters.created++;
    this.#listener?.('created', entry, null);
    return entry;
  }

  /** Whether `put` would make an entry for this owner now: room in its peer's rate, and a free place or one to evict. */
  hasRoom(owner: number, now: Millis): boolean {
    const peer = this.#owners.peerOf(owner);
    if (!this.#quota.hasToken(peer, now)) return false;
    return this.entries.live < this.entries.capacity || this.#quota.entries(peer) > 0;
  }

  /** CDN came: the entry is final. */
  confirm(entry: number): void {
    if (this.entries.isConfirmed(entry)) return;
    this.#moveTo(entry, true);
    this.#listener?.('confirmed', entry, null);
  }

  /** NOENTRY came: the peer must be told again (protocol.md 5.3). */
  makeProvisional(entry: number): void {
    this.#gate?.shut(entry);
    if (this.entries.isConfirmed(entry)) this.#moveTo(entry, false);
  }

  /** Gives an entry another pit id: mirror MPITs leave one of two (protocol.md 5.3). */
  renamePitId(entry: number, high: number, low: number): void {
    this.#removePitId(entry);
    this.entries.setPitId(entry, high, low);
    this.#insertPitId(entry);
  }

  /** A new decision for a known flow. The entry keeps its counters, its state and its pit id. */
  reassign(entry: number, values: Pick<NewEntry, 'action' | 'owner' | 'version' | 'reason'>, now: Millis): void {
    const { entries } = this;
    this.#changeOwner(entry, values.owner, now);
    entries.setAction(entry, values.action);
    entries.setVersion(entry, values.version);
    entries.setReason(entry, values.reason);
  }

  remove(entry: number, cause: CloseCause, now: Millis): void {
    this.counters[cause]++;
    this.#gate?.shut(entry);
    this.#listener?.('closed', entry, cause);
    this.#flows.remove(entry);
    this.#removePitId(entry);
    this.#lists.remove(entry);
    this.#quota.add(this.#owners.peerOf(this.entries.owner(entry)), -1, now);
    this.entries.release(entry);
  }

  /** Removes all entries of an owner, in time proportional to their number; returns it. */
  removeOwner(owner: number, cause: CloseCause, now: Millis): number {
    let removed = 0;
    for (let entry = this.#firstOf(owner); entry >= 0; entry = this.#firstOf(owner)) {
      this.remove(entry, cause, now);
      removed++;
    }
    return removed;
  }

  /** Gives all confirmed entries of an owner to another one, under the version of its SA; returns how many. */
  moveOwner(from: number, to: number, version: number, now: Millis): number {
    const { entries } = this;
    let moved = 0;
    for (let entry = this.#lists.first(from, true); entry >= 0 && from !== to; entry = this.#lists.first(from, true)) {
      this.#changeOwner(entry, to, now);
      entries.setVersion(entry, version);
      moved++;
    }
    return moved;
  }

  /** Entries of an owner. */
  countOf(owner: number): number {
    return this.#lists.count(owner, false) + this.#lists.count(owner, true);
  }

  #follow(entry: number, tcpFlags: number, direction: 0 | 1): void {
    const state = this.entries.tcpState(entry);
    const next = nextTcpState(state, tcpFlags, direction);
    if (next === state) return;
    this.#gate?.shut(entry);
    this.entries.setTcpState(entry, next);
  }

  #changeOwner(entry: number, owner: number, now: Millis): void {
    const { entries } = this;
    this.#gate?.shut(entry);
    this.#removePitId(entry);
    this.#lists.remove(entry);
    this.#quota.add(this.#owners.peerOf(entries.owner(entry)), -1, now);
    entries.setOwner(entry, owner);
    this.#quota.add(this.#owners.peerOf(owner), 1, now);
    this.#lists.add(entry);
    this.#insertPitId(entry);
  }

  #firstOf(owner: number): number {
    const provisional = this.#lists.first(owner, false);
    return provisional >= 0 ? provisional : this.#lists.first(owner, true);
  }

  #moveTo(entry: number, confirmed: boolean): void {
    this.#lists.remove(entry);
    this.entries.setConfirmed(entry, confirmed);
    this.#lists.add(entry);
  }

  /** Ends one entry of the peer: its oldest provisional one, else the most idle of a sample. False when it has none. */
  #evict(peer: number, now: Millis): boolean {
    const owners = this.#owners.ownersOf(peer);
    let chosen = this.#mostIdleFirst(owners, now);
    if (chosen < 0) chosen = this.#mostIdleSampled(owners, now);
    if (chosen < 0) return false;
    this.remove(chosen, 'evicted', now);
    return true;
  }

  #mostIdleFirst(owners: readonly number[], now: Millis): number {
    let chosen = -1;
    for (const owner of owners) chosen = this.#moreIdle(chosen, this.#lists.first(owner, false), now);
    return chosen;
  }

  #mostIdleSampled(owners: readonly number[], now: Millis): number {
    let chosen = -1;
    for (const owner of owners) {
      const sample = Math.min(EVICTION_SAMPLE, this.#lists.count(owner, true));
      for (let i = 0; i < sample; i++) {
        chosen = this.#moreIdle(chosen, this.#lists.first(owner, true), now);
        // the next eviction looks at others
        this.#lists.rotate(owner, true);
      }
    }
    return chosen;
  }

  #moreIdle(a: number, b: number, now: Millis): number {
    if (a < 0 || b < 0) return a < 0 ? b : a;
    return this.entries.idle(b, now) > this.entries.idle(a, now) ? b : a;
  }

  #insertPitId(entry: number): void {
    if (this.#hasPitId(entry)) this.#pitIds.insert(this.#pitIdHash(entry), entry);
  }

  #removePitId(entry: number): void {
    if (this.#hasPitId(entry)) this.#pitIds.remove(entry);
  }

  #hasPitId(entry: number): boolean {
    return (this.entries.pitIdHigh(entry) | this.entries.pitIdLow(entry)) !== 0;
  }

  #pitIdHash(entry: number): number {
    const { entries } = this;
    return this.#hashPitId(entries.owner(entry), entries.pitIdHigh(entry), entries.pitIdLow(entry));
  }

  #hashPitId(owner: number, high: number, low: number): number {
    const words = this.#idWords;
    words[0] = owner;
    words[1] = high;
    words[2] = low;
    return hashWords(words, 0, 3, this.#seed.low, this.#seed.high);
  }
}
