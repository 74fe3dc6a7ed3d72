import { type Millis, millis } from '../../base/brands.ts';

/** Wrong keys that a source may show at once, and how long it takes until it may show one more. */
const BURST = 10;
const ONE_MORE = 6_000;
/** Sources that are remembered; the one that was silent longest is forgotten first. */
const MOST_SOURCES = 10_000;

/** Slows down who guesses API keys, per source address. */
export class FailedLogins {
  /** when each source will have made up for its failures; in the order of the last failure */
  readonly #clean = new Map<string, Millis>();

  /** Milliseconds until this source may try again; 0 for now. */
  waitOf(source: string, now: Millis): number {
    const clean = this.#clean.get(source);
    return clean === undefined ? 0 : Math.max(0, clean - now - (BURST - 1) * ONE_MORE);
  }

  handleFailure(source: string, now: Millis): void {
    const before = Math.max(now, this.#clean.get(source) ?? now);
    this.#clean.delete(source);
    this.#clean.set(source, millis(before + ONE_MORE));
    if (this.#clean.size <= MOST_SOURCES) return;
    const [oldest = source] = this.#clean.keys();
    this.#clean.delete(oldest);
  }
}
