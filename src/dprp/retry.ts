import { type Millis, millis } from '../base/brands.ts';
import { FIRST_RETRY_MS, RETRY_FACTOR, RETRY_JITTER, RETRY_RTTS } from './tuning.ts';

/** When a message is sent again if no answer comes: doubling, with jitter (protocol.md 2.5). */
export interface Retry {
  readonly at: Millis;
  readonly interval: number;
}

/** roundTrip: last measured, milliseconds, if any. */
export function firstRetry(random: (length: number) => Uint8Array, roundTrip: number | undefined, now: Millis): Retry {
  const interval = Math.max(FIRST_RETRY_MS, RETRY_RTTS * (roundTrip ?? 0));
  return { at: jittered(random, interval, now), interval };
}

export function nextRetry(random: (length: number) => Uint8Array, retry: Retry, now: Millis): Retry {
  const interval = retry.interval * RETRY_FACTOR;
  return { at: jittered(random, interval, now), interval };
}

function jittered(random: (length: number) => Uint8Array, interval: number, now: Millis): Millis {
  return millis(now + interval * (1 + (RETRY_JITTER * random(1)[0]) / 255));
}
