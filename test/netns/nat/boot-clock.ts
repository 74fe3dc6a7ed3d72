import { openSync, readFileSync, writeSync } from 'node:fs';

/** Milliseconds. */
const TICK = 100;

/**
 * The clock of a machine that sleeps (`/proc/uptime`), for a process in a mount namespace of its own. It stands still but where it
 * is told to go on. What makes a node think that it slept is that this clock goes ahead of the one that does not count sleep; what
 * the server said of the time counts on by it, so that a new key that waits for its time waits for this clock, too.
 */
export class BootClock {
  /** words that start a process under this clock; they end with its PID as its own */
  readonly by: readonly string[];
  readonly #file: number;
  #now = Number.parseFloat(readFileSync('/proc/uptime', 'utf8'));

  constructor(file: string) {
    this.#file = openSync(file, 'w');
    writeSync(this.#file, this.#text(), 0);
    this.by = ['unshare', '-m', 'sh', '-c', 'mount --bind "$0" /proc/uptime && exec "$@"', file];
  }

  /** Goes on like the real one, or a little behind it, until the function that it returns is called. */
  run(): () => void {
    const timer = setInterval(() => this.forward(TICK / 1_000), TICK);
    return () => clearInterval(timer);
  }

  /** The machine slept so long, beside the time that its other clocks counted since the last call. */
  forward(seconds: number): void {
    this.#now += seconds;
    // in place and all at once: who reads meanwhile finds a whole number
    writeSync(this.#file, this.#text(), 0);
  }

  /** As long as it ever gets. */
  #text(): string {
    return `${this.#now.toFixed(2).padStart(16, '0')} 0.00\n`;
  }
}
