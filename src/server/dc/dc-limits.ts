/*
 * Bounds of a direction coordinator (protocol.md 6.6). The project's own tuning, but for the life of a pair, which is that
 * of its TempKey.
 */

/** HELLOs, each a few hundred microseconds of work: of one source, of all together, and without a cookie until one is wanted, a second. */
export const HELLO_RATE = { burst: 100, perSecond: 30 } as const;
export const HELLO_RATE_ALL = { burst: 600, perSecond: 300 } as const;
export const HELLO_LOAD = 100;
/** The secret of cookies is renewed so often; a cookie is good for once to twice that time. */
export const COOKIE_SECRET_MS = 60_000;
/** Sources that are told apart. */
export const SOURCES = 8_192;
/** A HELLO's clock and this server's may differ by so much. */
export const HELLO_SKEW_MS = 300_000;
/** A session nobody has spoken in yet: how long it waits, and how many do, of one source and in all. */
export const UNPROVED_MS = 10_000;
export const UNPROVED_OF_SOURCE = 64;
export const UNPROVED = 4_096;
/** Sessions of one source, and in all: some 2 kB each. */
export const SESSIONS_OF_SOURCE = 1_024;
export const SESSIONS = 65_536;

/** Messages of one node inside its session. */
export const SIGNAL_RATE = { burst: 100, perSecond: 20 } as const;
/** Directions that one node asks for, and that lead to one node. */
export const REQUEST_RATE = { burst: 100, perSecond: 20 } as const;
export const TARGET_RATE = { burst: 200, perSecond: 50 } as const;
/** Reflect questions of one node, and answers that wait for their time, of one node and in all. */
export const REFLECT_RATE = { burst: 60, perSecond: 10 } as const;
export const DELAYED_OF_NODE = 8;
export const DELAYED = 16_384;

/** A node that is not heard of for so long is offline; twice the longest keep-alive. */
export const LIFETIME_S = 600;
/** Requests of one pair within this time share what they are given (protocol.md 6.6). */
export const SHARED_MS = 2_000;
/** Pairs under way: of one node, and in all. */
export const PAIRS_OF_NODE = 512;
export const PAIRS = 65_536;
/** A pair keeps its channel of a relay for so long after it was last asked for. */
export const CHANNEL_MS = 3_600_000;
export const CHANNELS = 131_072;
