/** One timer for the next tick: asking again makes it sooner, never later, so that traffic cannot put ticks off. */
export class TickTimer {
  readonly #tick: () => void;
  readonly #now: () => number;
  #timer: NodeJS.Timeout | undefined;
  #dueAt = Number.POSITIVE_INFINITY;

  /** `now`: milliseconds of any clock that never goes back. */
  constructor(tick: () => void, now: () => number) {
    this.#tick = tick;
    this.#now = now;
  }

  /** Ticks in `delay` milliseconds, or before. */
  within(delay: number): void {
    const dueAt = this.#now() + delay;
    if (dueAt >= this.#dueAt) return;
    clearTimeout(this.#timer);
    this.#dueAt = dueAt;
    this.#timer = setTimeout(() => {
      this.#dueAt = Number.POSITIVE_INFINITY;
      this.#tick();
    }, delay);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#dueAt = Number.NEGATIVE_INFINITY;
  }
}
