import type { Millis } from '../../base/brands.ts';
import { RateTable } from '../../base/rate-table.ts';

/** Wrong keys that a source may show at once, and one more each six seconds. */
const WRONG = { burst: 10, perSecond: 1 / 6 };
const MOST_SOURCES = 10_000;

/** Slows down who guesses API keys or join tokens, per source address. */
export class FailedLogins {
  readonly #sources = new RateTable<string>(WRONG, MOST_SOURCES);

  /** Milliseconds until this source may try again; 0 for now. */
  waitOf(source: string, now: Millis): number {
    return this.#sources.waitOf(source, now);
  }

  handleFailure(source: string, now: Millis): void {
    this.#sources.take(source, now);
  }
}
