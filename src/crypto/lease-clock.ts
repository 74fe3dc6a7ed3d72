import { type Millis, type UnixSeconds, unixSeconds } from '../base/brands.ts';

/**
 * The clock that leases end by: the greatest of the computer's clock, the last time persisted, and the server's last time
 * plus what has passed since. It never runs backwards, so that a wrong clock makes admission stricter (protocol.md 10.4).
 */
export class LeaseClock {
  #highest: UnixSeconds;
  #server: { readonly time: UnixSeconds; readonly at: Millis } | undefined;

  /** `persisted`: `highest` of an earlier run, 0 at the first. */
  constructor(persisted: UnixSeconds) {
    this.#highest = persisted;
  }

  /** An authentic time from the server; `at` counts through sleep (boottime). */
  handleServerTime(time: UnixSeconds, at: Millis): void {
    this.#server = { time, at };
  }

  /** `rtc`: the computer's clock. */
  lease(rtc: UnixSeconds, boottime: Millis): UnixSeconds {
    this.#highest = unixSeconds(Math.max(this.#highest, rtc, this.#serverNow(boottime) ?? 0));
    return this.#highest;
  }

  /** The clock for activate_at: the server's where it is known, else the computer's (protocol.md 10.1). */
  corrected(rtc: UnixSeconds, boottime: Millis): UnixSeconds {
    return this.#serverNow(boottime) ?? rtc;
  }

  /** To be persisted from time to time. */
  get highest(): UnixSeconds {
    return this.#highest;
  }

  #serverNow(boottime: Millis): UnixSeconds | undefined {
    if (this.#server === undefined) return undefined;
    return unixSeconds(this.#server.time + (boottime - this.#server.at) / 1000);
  }
}
