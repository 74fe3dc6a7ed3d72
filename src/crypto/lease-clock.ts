import { type Millis, millis, type UnixSeconds, unixSeconds } from '../base/brands.ts';

/** What an earlier run left of the time. */
export interface KeptTime {
  /** the lease clock then, as far as it was worth keeping; 0 at the first run */
  readonly lease: UnixSeconds;
  /** when the server was last heard, by its own clock; 0 where that is not known */
  readonly told: UnixSeconds;
  /** when this was read (boottime) */
  readonly at: Millis;
}

/**
 * The clock that leases end by: the greatest of the computer's clock, the last time persisted, and the server's last time
 * plus what has passed since. It never runs backwards, so that a wrong clock makes admission stricter (protocol.md 10.4).
 * A computer's clock that is behind what the server once told counts for nothing: then it goes on from what was persisted.
 */
export class LeaseClock {
  readonly #kept: KeptTime;
  #highest: UnixSeconds;
  #server: { readonly time: UnixSeconds; readonly at: Millis } | undefined;

  constructor({ lease, told = unixSeconds(0), at = millis(0) }: Partial<KeptTime> & Pick<KeptTime, 'lease'>) {
    this.#kept = { lease: unixSeconds(Math.max(lease, told)), told, at };
    this.#highest = lease;
  }

  /** An authentic time from the server; `at` counts through sleep (boottime). */
  handleServerTime(time: UnixSeconds, at: Millis): void {
    this.#server = { time, at };
  }

  /** `rtc`: the computer's clock. */
  lease(rtc: UnixSeconds, boottime: Millis): UnixSeconds {
    this.#highest = this.reading(rtc, boottime);
    return this.#highest;
  }

  /** What `lease` would say, of a computer's clock that may not be right: this leaves no trace. */
  reading(rtc: UnixSeconds, boottime: Millis): UnixSeconds {
    return unixSeconds(Math.max(this.#highest, rtc, this.corrected(rtc, boottime)));
  }

  /** The clock for activate_at, and for what this node signs: the server's where it is known, else the computer's (protocol.md 10.1). */
  corrected(rtc: UnixSeconds, boottime: Millis): UnixSeconds {
    if (this.#server !== undefined) return after(this.#server.time, this.#server.at, boottime);
    return rtc < this.#kept.told ? after(this.#kept.lease, this.#kept.at, boottime) : rtc;
  }

  /** The greatest so far. */
  get highest(): UnixSeconds {
    return this.#highest;
  }
}

/** `time`, and what has passed since. */
function after(time: UnixSeconds, at: Millis, boottime: Millis): UnixSeconds {
  return unixSeconds(time + (boottime - at) / 1000);
}

const END_OF_TIME = 0xffff_ffff;

/**
 * What is persisted of the lease clock: no more than ends every lease that is held. A computer's clock that was years ahead
 * once so ends those for good, and not the next ones, too (protocol.md 10.4).
 */
export function worthKeeping(
  highest: UnixSeconds,
  groups: readonly { readonly versions: readonly { readonly notAfter: UnixSeconds }[] }[],
): UnixSeconds {
  const ends = groups.flatMap(({ versions }) => versions.map(({ notAfter }) => notAfter));
  const leases = ends.filter((end) => end < END_OF_TIME);
  return leases.length === 0 ? highest : unixSeconds(Math.min(highest, Math.max(...leases)));
}
