import { SA_STATS, SUITE, type Suite } from '../base/primitives.ts';

/** Volume limits per key of AES-256-GCM, in 16-byte blocks plus packets (protocol.md 4.2). */
export const VOLUME_SOFT = 2 ** 33;
export const VOLUME_HARD = 2 ** 34;
/** A counter from here on asks for a new key; it never wraps (protocol.md 4.2). */
export const COUNTER_SOFT = 2 ** 60;
/** Failed opens of one lane that close its SA (protocol.md 4.2). */
export const FAILED_OPENS_CLOSE = 2 ** 36;

/** Replay window sizes in bits; the larger is for lanes above 50,000 packets per second (protocol.md 4.2). */
export const WINDOW_BITS = 8_192;
export const WINDOW_BITS_FAST = 65_536;

/** What the use of one lane's keys asks for, mildest first: nothing, a new handshake, an end of sending, an end of the SA. */
export type LaneVerdict = 'fresh' | 'rekey' | 'stop-tx' | 'close';

/**
 * Judges one lane by the SA_STATS that `saStats` filled (protocol.md 4.2, K6); limits of time are with the SA (3.1).
 * `soft`: a volume at which this node rekeys earlier than it must.
 * A soft limit of either direction asks for a rekey, since the sender may be the end that hears nothing from us.
 */
export function judgeLane(stats: Float64Array, suite: Suite, soft = VOLUME_SOFT): LaneVerdict {
  if (stats[SA_STATS.failedOpens] >= FAILED_OPENS_CLOSE) return 'close';
  const limited = suite === SUITE.aes256gcm;
  if (limited && stats[SA_STATS.txVolume] >= VOLUME_HARD) return 'stop-tx';
  if (limited && Math.max(stats[SA_STATS.txVolume], stats[SA_STATS.rxVolume]) >= soft) return 'rekey';
  return Math.max(stats[SA_STATS.txPackets], stats[SA_STATS.highestCounter]) >= COUNTER_SOFT ? 'rekey' : 'fresh';
}
