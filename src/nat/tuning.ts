/** The project's own tuning of paths (protocol.md 6.7): these may change without a new protocol version. */

/** When the probes of one round leave after the start of an attempt; at most one per address and round. */
export const PROBE_ROUNDS_MS = [0, 100, 300, 800, 1_800] as const;
/** Between two probes of one peer, so that no router meets a burst. */
export const PROBE_GAP_MS = 10;
/** Datagrams of one attempt to reach one peer directly. */
export const ATTEMPT_DATAGRAMS = 30;
/** An attempt ends after this time. */
export const ATTEMPT_MS = 4_000;
/** Between attempts while the peer is relayed and traffic flows; the last one repeats. */
export const RETRY_MS = [5_000, 15_000, 60_000, 300_000, 900_000] as const;
/** Without traffic for so long nothing is tried any more. */
export const IDLE_MS = 60_000;
/** A path by which nothing came for so long is not trusted with a new handshake alone. */
export const STALE_MS = 25_000;
/** Silence on a path that is being sent on that makes it suspect: three round trips, within these bounds. */
export const SUSPECT_MIN_MS = 500;
export const SUSPECT_MAX_MS = 800;
/** A challenge without an answer is repeated after 3 RTT, within these bounds, and so often. */
export const CHALLENGE_REPEAT_MIN_MS = 100;
export const CHALLENGE_REPEAT_MAX_MS = 500;
export const CHALLENGES = 3;
/** Pause between two rounds of challenges to a path that carries traffic and stays silent, and after a dead one. */
export const REPROVE_MS = 1_000;
/** A path of the same class takes over when it is faster by both of these, as often in a row. */
export const FASTER_MS = 5;
export const FASTER_SHARE = 0.2;
export const FASTER_TIMES = 3;
/** Between two measurements of a path that could take over, while traffic flows. */
export const COMPARE_MS = 10_000;
/** A path that died stays unused for the first of these, doubled at each further death up to the second. */
export const HOLD_DOWN_MS = 2_000;
export const HOLD_DOWN_MAX_MS = 120_000;
/** A path that lived for so long has its deaths forgotten. */
export const FORGIVE_MS = 300_000;

/** Intervals that keep a mapping alive, from the shortest; a share of what was seen to work is used. */
export const KEEP_ALIVE_STEPS_MS = [25_000, 40_000, 60_000, 90_000, 120_000, 180_000, 300_000] as const;
export const KEEP_ALIVE_SHARE = 0.85;
/** What works is tried again upwards after this time: the router may be another one. */
export const KEEP_ALIVE_AGAIN_MS = 6 * 3_600_000;

/** Path MTU: smallest and largest size searched, in bytes of the outer IP packet (protocol.md 6.5). */
export const MTU_MIN = 1_200;
export const MTU_MAX = 9_000;
/** Sizes that are common on the Internet, tried before halving. */
export const MTU_COMMON = [1_400, 1_460, 1_480, 1_492, 1_500, 4_000, 9_000] as const;
/** Probes of one size, and how long each is waited for at least. */
export const MTU_PROBES = 3;
export const MTU_PROBE_MS = 300;
/** Large datagrams leave as long as one did within this time. */
export const MTU_IN_USE_MS = 5_000;
/** A size is confirmed so often while large datagrams leave, and a larger one is tried again so often. */
export const MTU_CONFIRM_MS = 1_000;
export const MTU_RAISE_MS = 600_000;
/** Sizes are not searched closer than this. */
export const MTU_STEP = 8;

/** Life that is asked for a port mapping, and the bounds of what a router may answer; seconds. */
export const MAPPING_SECONDS = 7_200;
export const MAPPING_SECONDS_MIN = 120;
/** Requests to a router: first repeat, factor 2, so many tries. */
export const MAPPING_REPEAT_MS = 250;
export const MAPPING_TRIES = 5;
/** A router that answered nothing is asked again after this time. */
export const MAPPING_AGAIN_MS = 900_000;
/** … and after this time when it had given a mapping before. */
export const MAPPING_LOST_MS = 30_000;
