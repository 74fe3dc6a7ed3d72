import { type Millis, millis } from '../../base/brands.ts';

/** Longest wait after the first failure, and after many, in milliseconds. */
const FIRST = 1_000;
const MOST = 60_000;

/**
 * When a broken connection is tried again: between nothing and a bound that doubles, so that a thousand nodes whose server
 * starts again do not all come at once.
 */
export class Backoff {
  readonly #random: (length: number) => Uint8Array;
  #failures = 0;

  constructor(random: (length: number) => Uint8Array) {
    this.#random = random;
  }

  next(now: Millis): Millis {
    const bound = Math.min(MOST, FIRST * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 16);
    const fraction = new DataView(this.#random(4).buffer).getUint32(0) / 2 ** 32;
    return millis(now + fraction * bound);
  }

  reset(): void {
    this.#failures = 0;
  }
}
