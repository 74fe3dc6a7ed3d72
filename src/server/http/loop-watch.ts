/** How often it looks, and how late it may be before it is late, in milliseconds. */
const EVERY = 50;
const LATE = 250;
/** Connections between two looks: more would make it late before it notices. */
const MOST_AT_ONCE = 128;

/** Whether this process does more than it has time for: its timers come late. */
export class LoopWatch {
  readonly #timer: NodeJS.Timeout;
  readonly #now: () => number;
  #lookedAt: number;
  #isLate = false;
  #taken = 0;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#lookedAt = now();
    this.#timer = setInterval(() => this.#look(), EVERY).unref();
  }

  get isLate(): boolean {
    return this.#isLate || this.#taken >= MOST_AT_ONCE;
  }

  /** A connection was taken, whose handshake will cost something. */
  handleConnection(): void {
    this.#taken += 1;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const now = this.#now();
    this.#isLate = now - this.#lookedAt - EVERY > LATE;
    this.#lookedAt = now;
    this.#taken = 0;
  }
}
