import { randomFillSync } from 'node:crypto';

const SIZE = 4_096;

/** Random bytes of the system's generator, drawn in one large call: one each time costs more than a whole handshake step. */
export class RandomPool {
  readonly #pool = new Uint8Array(SIZE);
  #left = 0;

  /** Fresh bytes; what was handed out is wiped here. */
  readonly take = (length: number): Uint8Array => {
    if (length > SIZE) return randomFillSync(new Uint8Array(length));
    if (length > this.#left) this.#fill();
    const from = this.#left - length;
    const out = this.#pool.slice(from, this.#left);
    this.#pool.fill(0, from, this.#left);
    this.#left = from;
    return out;
  };

  /** Draws ahead in a quiet moment. */
  refill(): void {
    if (this.#left < SIZE / 2) this.#fill();
  }

  #fill(): void {
    randomFillSync(this.#pool);
    this.#left = SIZE;
  }
}
