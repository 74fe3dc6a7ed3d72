/*
 * Bounds of a relay (protocol.md 7); the project's own tuning.
 */

/** Bytes a second that one node may send through a relay, and all together. */
export interface RelayRates {
  readonly perNode: number;
  readonly total: number;
}

export const RELAY_RATES: RelayRates = { perNode: 125_000_000, total: 1_250_000_000 };
/** Time over which shares are counted. */
export const SHARE_MS = 100;

/** BINDs of one source: one HMAC each. */
export const BIND_RATE = { burst: 400, perSecond: 100 } as const;
export const BIND_SOURCES = 8_192;
/** A secret makes challenges for so long, and they are taken for as long again: nodes measure relays every 10 minutes. */
export const CHALLENGE_MS = 660_000;

/** Channels that a relay knows, and those that one node is bound to. */
export const CHANNELS = 131_072;
export const CHANNELS_OF_NODE = 1_024;
/** A frame for an end that is not bound yet is kept for so long, and so many of them in all. */
export const EARLY_MS = 1_000;
export const EARLY_FRAMES = 4_096;
/** An end that sent nothing is forgotten after twice the longest keep-alive; a channel without ends after this, too. */
export const SILENT_MS = 600_000;
