const WORD_BITS = 32;
/** Counters of the window that are never usable: the 64-bit word being filled (RFC 6479). */
const REDUNDANT_BITS = 64;
const TWO_32 = 2 ** 32;

export type ReplayVerdict = 'fresh' | 'replayed' | 'too-old';

/**
 * The counters that one receive key has opened (RFC 6479; protocol.md 4.2), as a ring of bits that is never shifted.
 * Counters are two 32-bit halves. `check` before authentication, `accept` after it and only then.
 */
export class ReplayWindow {
  readonly #words: Uint32Array;
  readonly #mask: number;
  readonly #usable: number;
  #empty = true;
  #high = 0;
  #low = 0;

  /** bits: a power of two of at least 128, of which the oldest 64 are not usable */
  constructor(bits: number) {
    this.#words = new Uint32Array(bits / WORD_BITS);
    this.#mask = this.#words.length - 1;
    this.#usable = bits - REDUNDANT_BITS;
  }

  /** The newest accepted counter, exact up to 2^53; 0 before the first. */
  get highest(): number {
    return this.#high * TWO_32 + this.#low;
  }

  check(high: number, low: number): ReplayVerdict {
    if (this.#empty) return 'fresh';
    const behind = this.#behind(high, low);
    if (behind < 0) return 'fresh';
    if (behind > this.#usable) return 'too-old';
    return (this.#words[(low >>> 5) & this.#mask] >>> (low & 31)) & 1 ? 'replayed' : 'fresh';
  }

  /** Marks a counter that `check` called fresh; true when it is the newest so far. */
  accept(high: number, low: number): boolean {
    const newest = this.#empty || this.#behind(high, low) < 0;
    if (newest) this.#advance(high, low);
    this.#words[(low >>> 5) & this.#mask] |= 1 << (low & 31);
    return newest;
  }

  /** How far a counter lies behind the newest. Rounded beyond 2^53, where only its size matters. */
  #behind(high: number, low: number): number {
    return (this.#high - high) * TWO_32 + (this.#low - low);
  }

  /** Clears the words that the ring enters on its way to a newer counter. */
  #advance(high: number, low: number): void {
    const jump = this.#empty ? 0 : this.#wordsAhead(high, low);
    let word = this.#low >>> 5;
    for (let i = 0; i < jump; i++) this.#words[++word & this.#mask] = 0;
    this.#high = high;
    this.#low = low;
    this.#empty = false;
  }

  #wordsAhead(high: number, low: number): number {
    const words = (high - this.#high) * (TWO_32 / WORD_BITS) + ((low >>> 5) - (this.#low >>> 5));
    return Math.min(words, this.#words.length);
  }
}
