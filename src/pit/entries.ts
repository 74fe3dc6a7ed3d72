import type { Millis } from '../base/brands.ts';
import { reverseWords } from '../base/flow.ts';
import { FLOW } from '../base/flow-words.ts';
import { FLOW_KEY, KEY_FAMILY_6, KEY_HEAD_BITS } from './flow-key.ts';
import type { FlowTally } from './flow-tally.ts';
import { HEADER, KEY_WORDS, type PitMemory, TAIL_WORDS } from './memory.ts';
import { DIRECTION, type PitAction } from './terms.ts';

/*
 *  key row, 16 words (one cache line)                          tail row, 10 words
 *  0 head   1-4 low address   5-8 high address   9 ports       float64: 0 packets, 1 packets back, 2 bytes, 3 bytes back
 *  10 owner  11 version  12-13 pit id  14 seen  15 created     words:   8 next, 9 previous
 *
 *  head: protocol 8 | family 1 | opened by the high end 1 | action 3 | confirmed 1 | answered 1 | 0 | TCP state 4 | 0×4 | reason 8
 */
const KEY = { owner: 10, version: 11, pitIdHigh: 12, pitIdLow: 13, seen: 14, created: 15 } as const;
const TAIL = { packets: 0, bytes: 2, next: 8, previous: 9 } as const;
const COUNTS = TAIL_WORDS / 2;

const OPENED_HIGH = 0x200;
const ACTION = { shift: 10, mask: 7 } as const;
const CONFIRMED = 0x2000;
const ANSWERED = 0x4000;
const TCP = { shift: 16, mask: 15 } as const;
const REASON = { shift: 24, mask: 255 } as const;

/** The columns of the PIT. An entry is a number from 0; reading a free one gives what it last held. */
export class Entries {
  readonly #keys: Int32Array;
  readonly #tails: Int32Array;
  readonly #counts: Float64Array;
  readonly #header: Int32Array;
  #tallies: readonly FlowTally[] = [];

  constructor(memory: PitMemory) {
    this.#keys = memory.keys;
    this.#tails = memory.tails;
    this.#counts = memory.counts;
    this.#header = memory.header;
  }

  /** Workers count packets, too: what they count belongs to the entries from now on. */
  addTally(tally: FlowTally): void {
    this.#tallies = [...this.#tallies, tally];
  }

  get capacity(): number {
    return this.#header[HEADER.capacity];
  }

  /** Entries in use. */
  get live(): number {
    return this.#header[HEADER.live];
  }

  /** All entries in use are below. */
  get highWater(): number {
    return this.#header[HEADER.highWater];
  }

  /** A free entry with its key written and everything else zero, or -1. */
  allocate(key: Int32Array, openedHigh: 0 | 1, now: Millis): number {
    const header = this.#header;
    const free = header[HEADER.freeHead];
    if (free === 0 && header[HEADER.highWater] === header[HEADER.capacity]) return -1;
    const entry = free === 0 ? header[HEADER.highWater]++ : free - 1;
    if (free !== 0) header[HEADER.freeHead] = this.next(entry) + 1;
    header[HEADER.live]++;
    const at = entry * KEY_WORDS;
    for (let word = 0; word < FLOW_KEY.words; word++) this.#keys[at + word] = key[word];
    this.#keys.fill(0, at + FLOW_KEY.words, at + KEY_WORDS);
    this.#tails.fill(0, entry * TAIL_WORDS, (entry + 1) * TAIL_WORDS);
    if (openedHigh === 1) this.#keys[at] |= OPENED_HIGH;
    this.#keys[at + KEY.seen] = now;
    this.#keys[at + KEY.created] = now / 1000;
    for (const tally of this.#tallies) tally.clear(entry);
    return entry;
  }

  release(entry: number): void {
    this.#set(entry, ACTION, 0);
    this.link(entry, this.#header[HEADER.freeHead] - 1, -1);
    this.#header[HEADER.freeHead] = entry + 1;
    this.#header[HEADER.live]--;
  }

  /** The next entry in use from `entry` on, or -1. */
  inUseFrom(entry: number): number {
    for (let at = entry; at < this.highWater; at++) if (this.inUse(at)) return at;
    return -1;
  }

  inUse(entry: number): boolean {
    return this.action(entry) !== 0;
  }

  /** True when the entry's key is `key`. */
  matches(entry: number, key: Int32Array): boolean {
    const keys = this.#keys;
    const at = entry * KEY_WORDS;
    if ((keys[at] & KEY_HEAD_BITS) !== key[FLOW_KEY.head]) return false;
    for (let word = FLOW_KEY.ports; word > 0; word--) if (keys[at + word] !== key[word]) return false;
    return true;
  }

  /** Which way a packet goes through the entry whose key `normalise` has swapped or not. */
  direction(entry: number, swapped: 0 | 1): 0 | 1 {
    return ((this.#keys[entry * KEY_WORDS] & OPENED_HIGH) !== 0) === (swapped === 1)
      ? DIRECTION.forward
      : DIRECTION.reverse;
  }

  /** Writes the CID words of the flow as its first packet had them. */
  writeFlow(entry: number, flow: Int32Array): void {
    const at = entry * KEY_WORDS;
    const keys = this.#keys;
    const head = keys[at];
    const openedHigh = (head & OPENED_HIGH) !== 0;
    flow[FLOW.head] = (((head & KEY_FAMILY_6) !== 0 ? 6 : 4) << 8) | (head & 0xff);
    for (let word = 0; word < 8; word++) flow[FLOW.source + word] = keys[at + FLOW_KEY.low + word];
    flow[FLOW.ports] = keys[at + FLOW_KEY.ports];
    if (openedHigh) reverseWords(flow);
  }

  protocol(entry: number): number {
    return this.#keys[entry * KEY_WORDS] & 0xff;
  }

  /** One of PIT_ACTION, 0 when the entry is free. */
  action(entry: number): number {
    return this.#field(entry, ACTION);
  }

  setAction(entry: number, action: PitAction): void {
    this.#set(entry, ACTION, action);
  }

  isConfirmed(entry: number): boolean {
    return (this.#keys[entry * KEY_WORDS] & CONFIRMED) !== 0;
  }

  setConfirmed(entry: number, confirmed: boolean): void {
    if (confirmed) this.#keys[entry * KEY_WORDS] |= CONFIRMED;
    else this.#keys[entry * KEY_WORDS] &= ~CONFIRMED;
  }

  /** True when packets went both ways. */
  isAnswered(entry: number): boolean {
    if ((this.#keys[entry * KEY_WORDS] & ANSWERED) !== 0) return true;
    return this.#tallies.some((tally) => tally.packets(entry, DIRECTION.reverse) > 0);
  }

  /** One of TCP_STATE. */
  tcpState(entry: number): number {
    return this.#field(entry, TCP);
  }

  setTcpState(entry: number, state: number): void {
    this.#set(entry, TCP, state);
  }

  /** A number below 256 that the composer gave: why this action. */
  reason(entry: number): number {
    return this.#field(entry, REASON);
  }

  setReason(entry: number, reason: number): void {
    this.#set(entry, REASON, reason);
  }

  owner(entry: number): number {
    return this.#keys[entry * KEY_WORDS + KEY.owner];
  }

  setOwner(entry: number, owner: number): void {
    this.#keys[entry * KEY_WORDS + KEY.owner] = owner;
  }

  /** Key version under which the flow was last negotiated. */
  version(entry: number): number {
    return this.#keys[entry * KEY_WORDS + KEY.version] >>> 0;
  }

  setVersion(entry: number, version: number): void {
    this.#keys[entry * KEY_WORDS + KEY.version] = version;
  }

  pitIdHigh(entry: number): number {
    return this.#keys[entry * KEY_WORDS + KEY.pitIdHigh];
  }

  pitIdLow(entry: number): number {
    return this.#keys[entry * KEY_WORDS + KEY.pitIdLow];
  }

  setPitId(entry: number, high: number, low: number): void {
    this.#keys[entry * KEY_WORDS + KEY.pitIdHigh] = high;
    this.#keys[entry * KEY_WORDS + KEY.pitIdLow] = low;
  }

  /** Milliseconds without a packet. */
  idle(entry: number, now: Millis): number {
    // both sides modulo 2³² ms: right for 49 days, and no entry is idle that long
    let idle = (now - this.#keys[entry * KEY_WORDS + KEY.seen]) >>> 0;
    for (const tally of this.#tallies) idle = Math.min(idle, tally.idle(entry, now));
    return idle;
  }

  /** Whole seconds since the entry was made. */
  age(entry: number, now: Millis): number {
    return Math.max(0, Math.floor(now / 1000) - this.#keys[entry * KEY_WORDS + KEY.created]);
  }

  /** Counts packets of one direction and notes the time. */
  count(entry: number, direction: 0 | 1, packets: number, bytes: number, now: Millis): void {
    const at = entry * COUNTS + direction;
    this.#counts[at + TAIL.packets] += packets;
    this.#counts[at + TAIL.bytes] += bytes;
    this.#keys[entry * KEY_WORDS + KEY.seen] = now;
    if (direction === DIRECTION.reverse) this.#keys[entry * KEY_WORDS] |= ANSWERED;
  }

  packets(entry: number, direction: 0 | 1): number {
    let packets = this.#counts[entry * COUNTS + direction + TAIL.packets];
    for (const tally of this.#tallies) packets += tally.packets(entry, direction);
    return packets;
  }

  bytes(entry: number, direction: 0 | 1): number {
    let bytes = this.#counts[entry * COUNTS + direction + TAIL.bytes];
    for (const tally of this.#tallies) bytes += tally.bytes(entry, direction);
    return bytes;
  }

  /** Neighbour in the list that the entry is in, or -1. */
  next(entry: number): number {
    return this.#tails[entry * TAIL_WORDS + TAIL.next] - 1;
  }

  previous(entry: number): number {
    return this.#tails[entry * TAIL_WORDS + TAIL.previous] - 1;
  }

  link(entry: number, next: number, previous: number): void {
    this.#tails[entry * TAIL_WORDS + TAIL.next] = next + 1;
    this.#tails[entry * TAIL_WORDS + TAIL.previous] = previous + 1;
  }

  setNext(entry: number, next: number): void {
    this.#tails[entry * TAIL_WORDS + TAIL.next] = next + 1;
  }

  setPrevious(entry: number, previous: number): void {
    this.#tails[entry * TAIL_WORDS + TAIL.previous] = previous + 1;
  }

  #field(entry: number, field: { readonly shift: number; readonly mask: number }): number {
    return (this.#keys[entry * KEY_WORDS] >>> field.shift) & field.mask;
  }

  #set(entry: number, field: { readonly shift: number; readonly mask: number }, value: number): void {
    const at = entry * KEY_WORDS;
    this.#keys[at] = (this.#keys[at] & ~(field.mask << field.shift)) | ((value & field.mask) << field.shift);
  }
}
