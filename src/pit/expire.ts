import type { Millis } from '../base/brands.ts';
import { PROTOCOL } from '../base/flow-words.ts';
import type { Entries } from './entries.ts';
import type { Pit } from './table.ts';
import { TCP_STATE } from './tcp-state.ts';
import { PIT_ACTION } from './terms.ts';

const SECOND = 1000;

/**
 * How long an entry lives without a packet. Ending one loses nothing: its next packet makes it again, in-band (protocol.md 1.1 D4).
 * The values follow RFC 5382 (TCP), RFC 4787 (UDP) and RFC 5508 (ICMP) where those set a floor.
 */
export const IDLE_TIMEOUT = {
  /** until CDN; a handshake gives up after this time too (protocol.md 2.5) */
  provisional: 15 * SECOND,
  tcpOpening: 60 * SECOND,
  tcpEstablished: 7_440 * SECOND,
  tcpHalfClosed: 240 * SECOND,
  tcpClosing: 30 * SECOND,
  tcpReset: 10 * SECOND,
  udpUnanswered: 30 * SECOND,
  udpAnswered: 300 * SECOND,
  icmp: 60 * SECOND,
  other: 600 * SECOND,
  /** counted from its making, not from its last packet: a change of groups must soon take effect */
  discard: 10 * SECOND,
} as const;

const TCP_TIMEOUTS = [
  IDLE_TIMEOUT.tcpOpening,
  IDLE_TIMEOUT.tcpOpening,
  IDLE_TIMEOUT.tcpOpening,
  IDLE_TIMEOUT.tcpEstablished,
  IDLE_TIMEOUT.tcpHalfClosed,
  IDLE_TIMEOUT.tcpHalfClosed,
  IDLE_TIMEOUT.tcpClosing,
  IDLE_TIMEOUT.tcpReset,
] as const;

/** The idle time after which an entry ends, in ms. */
function idleTimeout(entries: Entries, entry: number): number {
  if (!entries.isConfirmed(entry)) return IDLE_TIMEOUT.provisional;
  switch (entries.protocol(entry)) {
    case PROTOCOL.tcp:
      return TCP_TIMEOUTS[entries.tcpState(entry)] ?? TCP_TIMEOUTS[TCP_STATE.none];
    case PROTOCOL.udp:
      return entries.isAnswered(entry) ? IDLE_TIMEOUT.udpAnswered : IDLE_TIMEOUT.udpUnanswered;
    case PROTOCOL.icmp:
    case PROTOCOL.icmp6:
      return IDLE_TIMEOUT.icmp;
    default:
      return IDLE_TIMEOUT.other;
  }
}

function isOver(entries: Entries, entry: number, now: Millis): boolean {
  if (entries.action(entry) === PIT_ACTION.discard) return entries.age(entry, now) * SECOND >= IDLE_TIMEOUT.discard;
  return entries.idle(entry, now) >= idleTimeout(entries, entry);
}

/** A hand that goes round the table, a bounded number of entries at each tick. */
export class PitExpiry {
  readonly #pit: Pit;
  #hand = 0;

  constructor(pit: Pit) {
    this.#pit = pit;
  }

  /** Looks at up to `budget` entries and removes those whose time is over; returns how many. */
  tick(now: Millis, budget: number): number {
    const { entries } = this.#pit;
    let removed = 0;
    for (let left = Math.min(budget, entries.highWater); left > 0; left--) {
      if (this.#hand >= entries.highWater) this.#hand = 0;
      const entry = this.#hand++;
      if (!entries.inUse(entry) || !isOver(entries, entry, now)) continue;
      this.#pit.remove(entry, 'idle', now);
      removed++;
    }
    return removed;
  }
}
