import { readFileSync } from 'node:fs';

/** Three readings of one moment, in milliseconds. */
export interface ClockSample {
  /** stands still while the machine sleeps */
  readonly monotonic: number;
  /** goes on while the machine sleeps */
  readonly boot: number;
  /** what people and certificates call the time */
  readonly wall: number;
}

export type ClockJump = 'slept' | 'stepped';

const SLEEP = 1_500;
const STEP = 30_000;

/**
 * Notices sleep, and a wall clock that parts from the boot clock without a cause, as after the restore of a machine's
 * image: then all traffic keys go (protocol.md 3.4, K4). Small steps are those of time synchronisation.
 */
export class ClockWatch {
  #last: ClockSample;

  constructor(first: ClockSample) {
    this.#last = first;
  }

  handleSample(now: ClockSample): ClockJump | undefined {
    const last = this.#last;
    this.#last = now;
    if (now.boot - last.boot - (now.monotonic - last.monotonic) > SLEEP) return 'slept';
    if (Math.abs(now.wall - last.wall - (now.boot - last.boot)) > STEP) return 'stepped';
    return undefined;
  }
}

/** Milliseconds since the machine started, sleep included; the kernel gives hundredths of a second. */
export function bootMillis(): number {
  return Number.parseFloat(readFileSync('/proc/uptime', 'utf8')) * 1000;
}
