/** Times of the node channel, in milliseconds; both sides rely on them (protocol.md 15). */
export const CHANNEL_TIMES = {
  /** from the first byte to `hello`, or to a request to enrol */
  opening: 10_000,
  /** a node says something at least so often: `ping` when it has nothing to say */
  ping: 30_000,
  /** a server ends a session in which it heard nothing for so long; a node may do the same after a `ping` */
  silence: 90_000,
} as const;
