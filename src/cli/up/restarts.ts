/** How soon a process that ended is started again: at once a little later, then ever later while it does not stay up. */
export class Restarts {
  #delay = FIRST;
  #startedAt = 0;

  started(now: number): void {
    this.#startedAt = now;
  }

  /** Milliseconds until the next start, for a process that ended now. */
  ended(now: number): number {
    if (now - this.#startedAt >= STEADY) this.#delay = FIRST;
    const delay = this.#delay;
    this.#delay = Math.min(LONGEST, delay * 2);
    return delay;
  }
}

const FIRST = 1_000;
const LONGEST = 60_000;
/** Running so long, in milliseconds, it counts as well again. */
const STEADY = 60_000;
