import { readFileSync, writeFileSync } from 'node:fs';

/**
 * The clock of a machine that sleeps (`/proc/uptime`), for a process in a mount namespace of its own. It stands still until it is
 * told to go on, which no node minds: what counts is when it goes ahead of the clock that does not count sleep.
 */
export class BootClock {
  /** words that start a process under this clock; they end with its PID as its own */
  readonly by: readonly string[];
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
    writeFileSync(file, readFileSync('/proc/uptime'));
    this.by = ['unshare', '-m', 'sh', '-c', 'mount --bind "$0" /proc/uptime && exec "$@"', file];
  }

  /** The machine slept so long, beside the time that its other clocks counted since the last call. */
  forward(seconds: number): void {
    const [now = 0, idle = 0] = readFileSync(this.#file, 'utf8').split(' ').map(Number);
    writeFileSync(this.#file, `${(now + seconds).toFixed(2)} ${idle.toFixed(2)}\n`);
  }
}
