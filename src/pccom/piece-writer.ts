import { COUNTER } from './primitive-counters.ts';

const LENGTH_FIELD = 4;

/** Writes the pieces for TUN: 4-byte little-endian length of what follows, room for the virtio-net header, packet. */
export class PieceWriter {
  position = 0;
  view: DataView = new DataView(new ArrayBuffer(0));
  readonly #counters: Float64Array;
  #out: Uint8Array = new Uint8Array(0);
  #header = 0;

  constructor(counters: Float64Array) {
    this.#counters = counters;
  }

  /** header: bytes left free in front of each packet */
  begin(out: Uint8Array, header: number): void {
    this.#out = out;
    this.view = new DataView(out.buffer, out.byteOffset, out.byteLength);
    this.#header = header;
    this.position = 0;
  }

  /** Where the packet of the piece begun now lies in the output. */
  get packetStart(): number {
    return this.position + LENGTH_FIELD + this.#header;
  }

  /** Copies bytes to an offset of the piece begun now; left out where the output ends, which `finish` will notice. */
  copy(arena: Uint8Array, at: number, length: number, offset: number): void {
    const to = this.packetStart + offset;
    if (to + length <= this.#out.length) this.#out.set(arena.subarray(at, at + length), to);
  }

  /** Ends the piece begun now. Returns where its packet lies, or 0 when it does not fit and is dropped. */
  finish(packetLength: number): number {
    const packet = this.packetStart;
    if (packet + packetLength > this.#out.length) {
      this.#counters[COUNTER.tunWriteFailed] += 1;
      return 0;
    }
    this.view.setUint32(this.position, this.#header + packetLength, true);
    this.position = packet + packetLength;
    this.#counters[COUNTER.tunWrites] += 1;
    return packet;
  }

  /** A piece of one packet. */
  place(arena: Uint8Array, at: number, length: number): number {
    this.copy(arena, at, length, 0);
    return this.finish(length);
  }
}
