/** Reads big-endian fields one after the other. The caller has checked the whole length before (protocol.md W1). */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = at;
  }

  get position(): number {
    return this.#at;
  }

  u8(): number {
    const value = this.#view.getUint8(this.#at);
    this.#at += 1;
    return value;
  }

  u16(): number {
    const value = this.#view.getUint16(this.#at);
    this.#at += 2;
    return value;
  }

  u32(): number {
    const value = this.#view.getUint32(this.#at);
    this.#at += 4;
    return value;
  }

  /** A copy of the next `length` bytes. */
  raw(length: number): Uint8Array {
    const value = this.#bytes.slice(this.#at, this.#at + length);
    this.#at += length;
    return value;
  }

  /** Skips pad bytes; false when one of them is not zero. */
  zeros(count: number): boolean {
    let seen = 0;
    for (let i = 0; i < count; i++) seen |= this.#bytes[this.#at + i];
    this.#at += count;
    return seen === 0;
  }
}
