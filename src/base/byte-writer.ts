/** Writes big-endian fields one after the other into a buffer of fixed size. */
export class ByteWriter {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.#view = new DataView(this.bytes.buffer);
  }

  get position(): number {
    return this.#at;
  }

  u8(value: number): this {
    this.#view.setUint8(this.#at, value);
    this.#at += 1;
    return this;
  }

  u16(value: number): this {
    this.#view.setUint16(this.#at, value);
    this.#at += 2;
    return this;
  }

  u32(value: number): this {
    this.#view.setUint32(this.#at, value);
    this.#at += 4;
    return this;
  }

  raw(bytes: Uint8Array): this {
    this.bytes.set(bytes, this.#at);
    this.#at += bytes.length;
    return this;
  }

  zeros(count: number): this {
    this.#at += count;
    if (this.#at > this.bytes.length) throw new RangeError('write past the end');
    return this;
  }

  /** The buffer, which must be full: a layout whose fields do not sum up is a broken invariant. */
  finish(): Uint8Array {
    if (this.#at !== this.bytes.length) throw new RangeError(`wrote ${this.#at} of ${this.bytes.length} bytes`);
    return this.bytes;
  }
}
