import { MESSAGE, PACKET, RECORD_ROW, RUN } from '../../base/primitives.ts';
import { aligned, type RingWriter } from './ring.ts';

/** What a record of the ring holds, each with its rows (base/primitives.ts) in front of its bytes. */
export const HANDED = {
  /** PACKET row, bytes */
  packet: 1,
  /** MESSAGE row, bytes: not opened */
  message: 2,
  /** MESSAGE row, RUN row, RECORD rows, bytes of each record: opened, not delivered */
  run: 3,
} as const;

export const PACKET_HEAD = aligned(4 * PACKET.stride);
export const MESSAGE_HEAD = aligned(4 * MESSAGE.stride);
export const RUN_HEAD = MESSAGE_HEAD + aligned(4 * RUN.stride);
const RECORD_BYTES = 4 * RECORD_ROW.stride;

/** Writes what a worker does not decide into its ring. False where the ring is full: then it is lost, and counted. */
export class HandOver {
  readonly ring: RingWriter;

  constructor(ring: RingWriter) {
    this.ring = ring;
  }

  packet(arena: Uint8Array, packets: Int32Array, at: number): boolean {
    const length = packets[at + PACKET.length];
    const place = this.ring.place(PACKET_HEAD + length);
    if (place < 0) return false;
    this.#rows(place, packets, at, PACKET.stride);
    this.#bytes(place + PACKET_HEAD, arena, packets[at + PACKET.offset], length);
    this.ring.push(HANDED.packet, PACKET_HEAD + length);
    return true;
  }

  message(arena: Uint8Array, messages: Int32Array, at: number): boolean {
    const length = messages[at + MESSAGE.length];
    const place = this.ring.place(MESSAGE_HEAD + length);
    if (place < 0) return false;
    this.#rows(place, messages, at, MESSAGE.stride);
    this.#bytes(place + MESSAGE_HEAD, arena, messages[at + MESSAGE.offset], length);
    this.ring.push(HANDED.message, MESSAGE_HEAD + length);
    return true;
  }

  run(arena: Uint8Array, messages: Int32Array, records: Int32Array, runs: Int32Array, at: number): boolean {
    const first = runs[at + RUN.firstRecord] * RECORD_ROW.stride;
    const end = first + runs[at + RUN.count] * RECORD_ROW.stride;
    let length = RUN_HEAD + runs[at + RUN.count] * RECORD_BYTES;
    for (let row = first; row < end; row += RECORD_ROW.stride) length += aligned(records[row + RECORD_ROW.length]);
    const place = this.ring.place(length);
    if (place < 0) return false;
    this.#rows(place, messages, runs[at + RUN.message] * MESSAGE.stride, MESSAGE.stride);
    this.#rows(place + MESSAGE_HEAD, runs, at, RUN.stride);
    let rowAt = place + RUN_HEAD;
    let bytesAt = rowAt + runs[at + RUN.count] * RECORD_BYTES;
    for (let row = first; row < end; row += RECORD_ROW.stride) {
      const size = records[row + RECORD_ROW.length];
      this.#rows(rowAt, records, row, RECORD_ROW.stride);
      this.ring.words[(rowAt >> 2) + RECORD_ROW.offset] = bytesAt;
      this.#bytes(bytesAt, arena, records[row + RECORD_ROW.offset], size);
      rowAt += RECORD_BYTES;
      bytesAt += aligned(size);
    }
    this.ring.push(HANDED.run, length);
    return true;
  }

  #rows(place: number, table: Int32Array, at: number, stride: number): void {
    const words = this.ring.words;
    const to = place >> 2;
    for (let word = 0; word < stride; word++) words[to + word] = table[at + word];
  }

  #bytes(place: number, arena: Uint8Array, offset: number, length: number): void {
    this.ring.bytes.set(arena.subarray(offset, offset + length), place);
  }
}
