import { type Millis, millis } from './brands.ts';

/** How long is waited before another try. */
export interface BackoffBounds {
  /** longest wait after the first failure, in milliseconds; it doubles with each further one */
  readonly first: number;
  /** longest wait after many */
  readonly most: number;
  /** part of the longest wait that is always waited, from 0 to 1; the rest is drawn at random */
  readonly least: number;
}

/**
 * When a broken connection is tried again: at a random moment before a bound that doubles, so that a thousand nodes whose server
 * starts again do not all come at once.
 */
export class Backoff {
  readonly #bounds: BackoffBounds;
  readonly #random: (length: number) => Uint8Array;
  #failures = 0;

  constructor(bounds: BackoffBounds, random: (length: number) => Uint8Array) {
    this.#bounds = bounds;
    this.#random = random;
  }

  next(now: Millis): Millis {
    const { first, most, least } = this.#bounds;
    const longest = Math.min(most, first * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 16);
    const { buffer, byteOffset } = this.#random(4);
    const fraction = new DataView(buffer, byteOffset).getUint32(0) / 2 ** 32;
    return millis(now + longest * (least + (1 - least) * fraction));
  }

  reset(): void {
    this.#failures = 0;
  }
}
