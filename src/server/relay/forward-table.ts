import type { Millis } from '../../base/brands.ts';
import {
  RELAY_CHANNEL,
  RELAY_END,
  RELAY_NUMBER,
  RELAY_SHARE,
  RELAY_SLOT,
  type RelayTable,
  relayHash,
} from '../../base/relay-primitives.ts';
import { FreeNumbers } from './free-numbers.ts';

const FIRST_CHANNELS = 64;
const FIRST_SHARES = 64;

/** Where frames of the channels go, as the packet path of the relay reads it (base/relay-primitives.ts). It grows as needed. */
export class ForwardTable implements RelayTable {
  slots = new Int32Array(2 * FIRST_CHANNELS * RELAY_SLOT.stride);
  ends = new Int32Array(FIRST_CHANNELS * RELAY_CHANNEL);
  heardAt = new Float64Array(2 * FIRST_CHANNELS);
  shares = new Float64Array(FIRST_SHARES * RELAY_SHARE.stride);
  readonly numbers = new Float64Array(RELAY_NUMBER.length);
  readonly #rows = new FreeNumbers();
  readonly #shareRows = new FreeNumbers();

  /** Takes a row for a channel that has none; its two ends are rows 2n and 2n + 1 of `ends`. */
  add(channel: number): number {
    const row = this.#rows.take();
    if ((row + 1) * RELAY_CHANNEL > this.ends.length) this.#grow();
    this.#enter(channel | 0, row);
    for (const end of [2 * row, 2 * row + 1]) this.setEarly(end, true);
    return row;
  }

  remove(channel: number, row: number): void {
    for (const end of [2 * row, 2 * row + 1]) this.clearEnd(end);
    this.#rows.giveBack(row);
    this.#forget(channel | 0);
  }

  setEnd(end: number, family: 4 | 6, words: Int32Array, port: number, share: number, now: Millis): void {
    const at = end * RELAY_END.stride;
    this.ends[at + RELAY_END.family] = family;
    this.ends.set(words, at + RELAY_END.address);
    this.ends[at + RELAY_END.port] = port;
    this.ends[at + RELAY_END.share] = share;
    this.heardAt[end] = now;
  }

  /** May the first frame for this end, which nobody is bound to, be kept? */
  setEarly(end: number, isEarly: boolean): void {
    this.ends[end * RELAY_END.stride + RELAY_END.early] = isEarly ? 1 : 0;
  }

  clearEnd(end: number): void {
    this.ends.fill(0, end * RELAY_END.stride, (end + 1) * RELAY_END.stride);
  }

  /** Takes a row of `shares` for a node. */
  addShare(): number {
    const row = this.#shareRows.take();
    if ((row + 1) * RELAY_SHARE.stride > this.shares.length) this.shares = doubled(this.shares);
    return row;
  }

  removeShare(row: number): void {
    this.shares.fill(0, row * RELAY_SHARE.stride, (row + 1) * RELAY_SHARE.stride);
    this.#shareRows.giveBack(row);
  }

  #grow(): void {
    this.heardAt = doubled(this.heardAt);
    const more = new Int32Array(2 * this.ends.length);
    more.set(this.ends);
    this.ends = more;
    const old = this.slots;
    this.slots = new Int32Array(2 * old.length);
    for (let slot = 0; slot < old.length; slot += RELAY_SLOT.stride)
      if (old[slot + RELAY_SLOT.row] !== 0) this.#enter(old[slot + RELAY_SLOT.channel], old[slot + RELAY_SLOT.row] - 1);
  }

  #enter(channel: number, row: number): void {
    const slot = this.#find(channel) * RELAY_SLOT.stride;
    this.slots[slot + RELAY_SLOT.channel] = channel;
    this.slots[slot + RELAY_SLOT.row] = row + 1;
  }

  /** Frees the channel's slot, and moves up those behind it that would not be found any more. */
  #forget(channel: number): void {
    const mask = this.slots.length / RELAY_SLOT.stride - 1;
    let hole = this.#find(channel);
    for (let at = (hole + 1) & mask; this.#rowAt(at) !== 0; at = (at + 1) & mask) {
      const moved = this.slots[at * RELAY_SLOT.stride + RELAY_SLOT.channel];
      const home = relayHash(moved, mask + 1);
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      const from = at * RELAY_SLOT.stride;
      this.slots.copyWithin(hole * RELAY_SLOT.stride, from, from + RELAY_SLOT.stride);
      hole = at;
    }
    this.slots.fill(0, hole * RELAY_SLOT.stride, (hole + 1) * RELAY_SLOT.stride);
  }

  /** The channel's slot, or the free one that it may take. There are twice as many slots as channels. */
  #find(channel: number): number {
    const mask = this.slots.length / RELAY_SLOT.stride - 1;
    let at = relayHash(channel, mask + 1);
    while (this.#rowAt(at) !== 0 && this.slots[at * RELAY_SLOT.stride + RELAY_SLOT.channel] !== channel)
      at = (at + 1) & mask;
    return at;
  }

  #rowAt(slot: number): number {
    return this.slots[slot * RELAY_SLOT.stride + RELAY_SLOT.row];
  }
}

function doubled(values: Float64Array): Float64Array<ArrayBuffer> {
  const more = new Float64Array(2 * values.length);
  more.set(values);
  return more;
}
