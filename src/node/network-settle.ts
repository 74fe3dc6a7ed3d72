import { type Millis, millis } from '../base/brands.ts';
import { Allowance } from '../base/rate-table.ts';

/** A change of network is several events: an address, its prefix route, a default route. */
const QUIET_MS = 20;
const LONGEST_MS = 100;
/** What others are asked because of changes is bounded, however much an interface flaps. */
const LOOKS = { burst: 10, perSecond: 2 } as const;
const HELD_MS = 500;

/**
 * When to look at the network again, after events said that something changed: 20 ms after the last one, at most 100 ms after
 * the first, and no more than ten times at once, then twice a second.
 */
export class NetworkSettle {
  readonly #looks: Allowance;
  #firstAt: Millis | undefined;
  #lookAt: Millis | undefined;

  constructor(now: Millis) {
    this.#looks = new Allowance(LOOKS, now);
  }

  handleEvent(now: Millis): void {
    this.#firstAt ??= now;
    const wanted = Math.min(now + QUIET_MS, this.#firstAt + LONGEST_MS);
    this.#lookAt = millis(Math.max(wanted, this.#lookAt ?? 0));
  }

  nextDeadline(): Millis | undefined {
    return this.#lookAt;
  }

  /** True once, when it is time to look. */
  take(now: Millis): boolean {
    if (this.#lookAt === undefined || now < this.#lookAt) return false;
    if (!this.#looks.take(now)) {
      this.#lookAt = millis(now + HELD_MS);
      return false;
    }
    this.#firstAt = undefined;
    this.#lookAt = undefined;
    return true;
  }
}
