import { MAX_SEGMENTS, PACKET } from '../base/primitives.ts';
import { TUN_ARENA_MIN } from '../native/addon.ts';

/** Packets per TUN batch, and the arena they lie in: small enough to stay in the second-level cache. */
export const TUN_BATCH = 64;
export const TUN_ARENA = 4 * TUN_ARENA_MIN;
export const MESSAGES = 8;
/** Rows for them: a run of one relay may hold datagrams of several channels, which become messages of their own. */
export const MESSAGE_ROWS = MESSAGES * MAX_SEGMENTS;
/** Smallest datagram is 32 bytes, but nobody joins runs of such: a message of the usual kind holds far fewer. */
export const RECORDS = 4_096;
/** Batches per wake-up, so that neither direction starves the other nor the timers. */
export const BATCHES = 8;

/** A batch that ended before its rows and its arena did has emptied the device: another read would only say so. */
export function tunIsEmpty(packets: Int32Array, count: number): boolean {
  const last = (count - 1) * PACKET.stride;
  const end = packets[last + PACKET.offset] + packets[last + PACKET.length];
  return count < TUN_BATCH && end + TUN_ARENA_MIN < TUN_ARENA;
}
