/** Makes the nonces of one key: iv XOR (0×4 ‖ counter, little-endian) (protocol.md 4.1). One buffer, overwritten by each call. */
export class LaneNonce {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #ivLow: number;
  readonly #ivHigh: number;

  /** iv: 12 bytes, copied */
  constructor(iv: Uint8Array) {
    this.#bytes = iv.slice();
    this.#view = new DataView(this.#bytes.buffer);
    this.#ivLow = this.#view.getUint32(4, true);
    this.#ivHigh = this.#view.getUint32(8, true);
  }

  of(high: number, low: number): Uint8Array {
    this.#view.setUint32(4, this.#ivLow ^ low, true);
    this.#view.setUint32(8, this.#ivHigh ^ high, true);
    return this.#bytes;
  }
}
