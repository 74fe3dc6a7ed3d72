import type { Millis } from './brands.ts';

/** How much may come at once, and how much more each second. */
export interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

/** As many at once as in a second. */
export function evenly(perSecond: number): Rate {
  return { burst: perSecond, perSecond };
}

/** One allowance that refills with time. */
export class Allowance {
  readonly #rate: Rate;
  #left: number;
  #at: Millis;

  constructor(rate: Rate, now: Millis) {
    this.#rate = rate;
    this.#left = rate.burst;
    this.#at = now;
  }

  take(now: Millis): boolean {
    const { burst, perSecond } = this.#rate;
    const left = Math.min(burst, this.#left + (Math.max(0, now - this.#at) / 1_000) * perSecond);
    this.#at = now;
    this.#left = left < 1 ? left : left - 1;
    return left >= 1;
  }

  /** Milliseconds until there is one to take; 0 for now. */
  waitOf(now: Millis): number {
    const { perSecond } = this.#rate;
    const left = this.#left + (Math.max(0, now - this.#at) / 1_000) * perSecond;
    return Math.max(0, Math.ceil(((1 - left) / perSecond) * 1_000));
  }
}

/** Allowances by key (a source network, a relay channel), in a bounded memory: a key that is new or forgotten starts full. When there are too many keys, the one that was used longest ago is forgotten. */
export class RateTable<K> {
  readonly #rate: Rate;
  readonly #most: number;
  readonly #allowances = new Map<K, Allowance>();

  constructor(rate: Rate, most: number) {
    this.#rate = rate;
    this.#most = most;
  }

  take(key: K, now: Millis): boolean {
    const allowance = this.#allowances.get(key) ?? new Allowance(this.#rate, now);
    this.#allowances.delete(key);
    this.#allowances.set(key, allowance);
    if (this.#allowances.size > this.#most) this.#forgetOldest();
    return allowance.take(now);
  }

  /** Milliseconds until `key` may come again; it is not taken for having come. */
  waitOf(key: K, now: Millis): number {
    return this.#allowances.get(key)?.waitOf(now) ?? 0;
  }

  #forgetOldest(): void {
    const [oldest] = this.#allowances.keys();
    if (oldest !== undefined) this.#allowances.delete(oldest);
  }
}
