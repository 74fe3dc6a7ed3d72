import type { Millis } from '../base/brands.ts';

/** Rates per name (a source network, a relay channel) with a bounded memory: a name not seen for long starts full. */
export class TokenBuckets {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #capacity: number;
  readonly #buckets = new Map<string, { tokens: number; at: Millis }>();

  constructor(perSecond: number, burst: number, capacity: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#capacity = capacity;
  }

  /** Takes one token of this name; false when none is left. */
  take(name: string, now: Millis): boolean {
    const known = this.#buckets.get(name);
    const grown = known ? known.tokens + ((now - known.at) / 1000) * this.#perSecond : this.#burst;
    const tokens = Math.min(this.#burst, grown);
    this.#buckets.delete(name);
    this.#buckets.set(name, { tokens: tokens >= 1 ? tokens - 1 : tokens, at: now });
    // Insertion order is last-use order: the first one is the longest unused.
    if (this.#buckets.size > this.#capacity)
      for (const oldest of this.#buckets.keys()) return this.#forget(oldest, tokens);
    return tokens >= 1;
  }

  #forget(oldest: string, tokens: number): boolean {
    this.#buckets.delete(oldest);
    return tokens >= 1;
  }
}
