import { DATAGRAM } from '../../base/datagram-kinds.ts';
import { MESSAGE } from '../../base/primitives.ts';
import {
  RELAY_CURSOR,
  RELAY_DROPS,
  RELAY_END,
  RELAY_NUMBER,
  RELAY_RUN,
  RELAY_SHARE,
  RELAY_SLOT,
  type RelayTable,
  type RelayWalk,
  relayHash,
} from '../../base/relay-primitives.ts';
import { NAT_KIND, NAT_SIZE } from '../../nat/constants.ts';
import { isRelayable } from '../../nat/relay-frame.ts';

type Drop = (typeof RELAY_DROPS)[number];

/** The TypeScript twin of the addon's `relayWalk`. */
export const relayWalk: RelayWalk = (table, arena, messages, count, runs, cursor) =>
  new Walk(table, arena, messages, runs, cursor).go(count);

class Walk {
  readonly #table: RelayTable;
  readonly #arena: Uint8Array;
  readonly #messages: Int32Array;
  readonly #runs: Int32Array;
  readonly #cursor: Int32Array;
  #count = 0;

  constructor(table: RelayTable, arena: Uint8Array, messages: Int32Array, runs: Int32Array, cursor: Int32Array) {
    this.#table = table;
    this.#arena = arena;
    this.#messages = messages;
    this.#runs = runs;
    this.#cursor = cursor;
  }

  go(count: number): number {
    const cursor = this.#cursor;
    cursor[RELAY_CURSOR.stopLength] = 0;
    cursor[RELAY_CURSOR.early] = 0;
    while (cursor[RELAY_CURSOR.message] < count) {
      if (!this.#message(cursor[RELAY_CURSOR.message] * MESSAGE.stride)) break;
      cursor[RELAY_CURSOR.message]++;
      cursor[RELAY_CURSOR.offset] = 0;
    }
    return this.#count;
  }

  /** False when the walk stops in it. */
  #message(at: number): boolean {
    const start = this.#messages[at + MESSAGE.offset];
    const length = this.#messages[at + MESSAGE.length];
    const segment = this.#messages[at + MESSAGE.segment];
    if (start < 0 || segment <= 0 || start > this.#arena.length - length) return true;
    const end = start + length;
    let from = start + this.#cursor[RELAY_CURSOR.offset];
    while (from < end) {
      const channel = channelAt(this.#arena, from, Math.min(from + segment, end));
      let to = from + segment;
      while (to < end && channel !== 0 && channelAt(this.#arena, to, Math.min(to + segment, end)) === channel)
        to += segment;
      const until = Math.min(to, end);
      if (channel !== 0 && (this.#count + 1) * RELAY_RUN.stride > this.#runs.length) return false;
      this.#cursor[RELAY_CURSOR.offset] = until - start;
      if (channel === 0 ? this.#isBind(from, until) : this.#frames(at, channel, from, until)) return false;
      from = until;
    }
    return true;
  }

  /** One datagram that is no frame to be forwarded: is it for the binding desk? */
  #isBind(from: number, until: number): boolean {
    const kind = this.#arena[from];
    if (kind !== NAT_KIND.bind) {
      return this.#drop(kind === DATAGRAM.frame ? 'relay-frame' : 'relay-kind', 1);
    }
    return this.#stop(from, until - from, 0);
  }

  #stop(from: number, length: number, early: number): true {
    this.#cursor[RELAY_CURSOR.stop] = from;
    this.#cursor[RELAY_CURSOR.stopLength] = length;
    this.#cursor[RELAY_CURSOR.early] = early;
    return true;
  }

  /** Frames of one channel, one after the other. True where the first of them is to be kept for its end. */
  #frames(at: number, channel: number, from: number, until: number): boolean {
    const { ends, heardAt, numbers } = this.#table;
    const segment = this.#messages[at + MESSAGE.segment];
    const datagrams = Math.ceil((until - from) / segment);
    const sender = this.#senderOf(channel, at);
    if (sender < 0) return this.#drop('relay-unbound', datagrams);
    heardAt[sender] = numbers[RELAY_NUMBER.now];
    const receiver = sender ^ 1;
    const end = receiver * RELAY_END.stride;
    const isHandshake = this.#arena[from + NAT_SIZE.frame] !== DATAGRAM.data;
    const isEarly = isHandshake && ends[end + RELAY_END.early] !== 0;
    if (ends[end + RELAY_END.family] === 0) {
      this.#drop('relay-peer-unbound', datagrams);
      return isEarly && this.#stop(from, Math.min(segment, until - from), receiver + 1);
    }
    if (this.#isAt(receiver, at)) return this.#drop('relay-to-itself', datagrams);
    const refusal = this.#take(ends[sender * RELAY_END.stride + RELAY_END.share], until - from);
    if (refusal !== undefined) return this.#drop(refusal, datagrams);
    numbers[RELAY_NUMBER.datagrams] += datagrams;
    numbers[RELAY_NUMBER.bytes] += until - from;
    const run = this.#count++ * RELAY_RUN.stride;
    this.#runs[run + RELAY_RUN.offset] = from;
    this.#runs[run + RELAY_RUN.length] = until - from;
    this.#runs[run + RELAY_RUN.segment] = segment;
    this.#runs[run + RELAY_RUN.end] = receiver;
    return isEarly && this.#stop(from, Math.min(segment, until - from), receiver + 1);
  }

  /** The row of the end that this message was sent from; -1 when the channel is unknown or bound elsewhere. */
  #senderOf(channel: number, at: number): number {
    const row = rowOf(this.#table.slots, channel);
    if (row < 0 || (row + 1) * 2 * RELAY_END.stride > this.#table.ends.length) return -1;
    if (this.#isAt(2 * row, at)) return 2 * row;
    return this.#isAt(2 * row + 1, at) ? 2 * row + 1 : -1;
  }

  /** Was the message in this row sent from where the end is bound? */
  #isAt(end: number, at: number): boolean {
    const { ends } = this.#table;
    const messages = this.#messages;
    const own = end * RELAY_END.stride;
    const bound = own + RELAY_END.address;
    const from = at + MESSAGE.address;
    return (
      ends[own + RELAY_END.family] !== 0 &&
      messages[at + MESSAGE.port] === ends[own + RELAY_END.port] &&
      messages[at + MESSAGE.family] === ends[own + RELAY_END.family] &&
      messages[from] === ends[bound] &&
      messages[from + 1] === ends[bound + 1] &&
      messages[from + 2] === ends[bound + 2] &&
      messages[from + 3] === ends[bound + 3]
    );
  }

  /** May these bytes of a node pass? Undefined when they may. */
  #take(number: number, bytes: number): Drop | undefined {
    const { shares, numbers } = this.#table;
    const share = number * RELAY_SHARE.stride;
    if (share < 0 || share >= shares.length) return 'relay-quota';
    shares[share + RELAY_SHARE.offered] += bytes;
    const used = shares[share + RELAY_SHARE.used] + bytes;
    if (used > numbers[RELAY_NUMBER.perNode]) return 'relay-quota';
    const all = numbers[RELAY_NUMBER.used] + bytes;
    if (used > numbers[RELAY_NUMBER.level] || all > numbers[RELAY_NUMBER.total]) return 'relay-share';
    shares[share + RELAY_SHARE.used] = used;
    numbers[RELAY_NUMBER.used] = all;
    return undefined;
  }

  #drop(why: Drop, datagrams: number): false {
    this.#table.numbers[RELAY_NUMBER.drops + RELAY_DROPS.indexOf(why)] += datagrams;
    return false;
  }
}

/** The channel of the frame that lies here (a number with sign), if a relay forwards such a one (protocol.md N4); else 0. As `decodeFrame`, without objects. */
function channelAt(arena: Uint8Array, from: number, until: number): number {
  if (until - from <= NAT_SIZE.frame || arena[from] !== DATAGRAM.frame) return 0;
  if ((arena[from + 1] | arena[from + 2] | arena[from + 3]) !== 0) return 0;
  if (!isRelayable(arena[from + NAT_SIZE.frame])) return 0;
  return (arena[from + 4] << 24) | (arena[from + 5] << 16) | (arena[from + 6] << 8) | arena[from + 7];
}

/** Number of a channel in `ends`; -1 when it is unknown. */
export function rowOf(slots: Int32Array, channel: number): number {
  const count = slots.length / RELAY_SLOT.stride;
  for (let at = relayHash(channel, count), turns = 0; turns < count; at = (at + 1) & (count - 1), turns++) {
    const slot = at * RELAY_SLOT.stride;
    const row = slots[slot + RELAY_SLOT.row];
    if (row === 0) return -1;
    if (slots[slot + RELAY_SLOT.channel] === channel) return row - 1;
  }
  return -1;
}
