/**
 * The project's own tuning (protocol.md 15, marked T): these may change without a new protocol version.
 * What both ends rely on is in constants.ts.
 */

/** First retry: the larger of this and 2 RTT; then doubled, with up to a quarter of jitter (protocol.md 2.5). */
export const FIRST_RETRY_MS = 250;
export const RETRY_RTTS = 2;
export const RETRY_FACTOR = 2;
export const RETRY_JITTER = 0.25;
/** A negotiation without an answer is given up (protocol.md 2.5). */
export const GIVE_UP_MS = 15_000;

/** Half-open handshakes, and their life under load (protocol.md 2.5). */
export const HALF_OPEN_MAX = 4_096;
export const HALF_OPEN_LOADED_MS = 5_000;
/** Load begins at this share of the table, or at so many handshakes a second (protocol.md 2.5). */
export const LOAD_SHARE = 0.5;
export const LOAD_HANDSHAKES = 50;
/** Share of the half-open table that unauthenticated relayed DDEs may fill (protocol.md H7). */
export const RELAYED_SHARE = 0.5;
/** Life of the secret that cookies are made from (protocol.md 2.5). */
export const COOKIE_SECRET_MS = 120_000;

/** A DDE waits so long while R refreshes its keys (protocol.md 3.5). */
export const REFRESH_HOLD_MS = 2_000;

/** So long does I go on after it heard that R is behind. */
export const BEHIND_WAIT_MS = 5_000;
/** A DDE that was answered under the former version is answered anew with newer keys for so long: as long as I tries. */
export const BEHIND_HOLD_MS = 15_000;
/** DDEs under a domain key that this node does not hold (yet): how many, and how long they wait for it (protocol.md 2.5). */
export const UNREADABLE_MAX = 64;
export const UNREADABLE_MS = 15_000;

/** NOGROUP: per source address and in all, each second (protocol.md 8.1). */
export const NOGROUP_PER_SOURCE = 1;
export const NOGROUP_PER_SECOND = 50;
/** Negotiations that one on-path element remembers, different RGI of one DDE that it signs a record for, ways of one RGI. */
export const HOP_NEGOTIATIONS_MAX = 4_096;
export const HOP_RECORDS_PER_DDE = 4;
export const HOP_ROUTES = 4;
/** Relay entries of one on-path element. */
export const HOP_ENTRIES_MAX = 16_384;
