import { type Millis, millis, type UnixSeconds, unixSeconds } from '../base/brands.ts';
import { bootMillis, type ClockSample } from './clock-watch.ts';

/** The clocks of this machine, as the shell hands them to the cores. */
export function now(): Millis {
  return millis(performance.now());
}

export function wallClock(): UnixSeconds {
  return unixSeconds(Date.now() / 1000);
}

/** Counts through sleep. */
export function bootClock(): Millis {
  return millis(bootMillis());
}

export function clockSample(): ClockSample {
  return { monotonic: performance.now(), boot: bootMillis(), wall: Date.now() };
}
