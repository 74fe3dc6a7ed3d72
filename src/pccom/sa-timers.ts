/** Life of an SA in milliseconds (protocol.md 3.1, 3.2, 3.4, 10.2, 15). */
export const SA_TIMERS = {
  rekeyByInitiator: 120_000,
  rekeyByResponder: 150_000,
  /** spread on either side of both rekey times */
  rekeySpread: 5_000,
  sendStop: 175_000,
  receiveCapResponder: 185_000,
  receiveCapInitiator: 200_000,
  capAfterRemoval: 60_000,
  keepAlive: 10_000,
  deadPeer: 15_000,
  /** an SA without traffic for this long is not rekeyed */
  idle: 120_000,
  confirmRepeats: [250, 1_000, 4_000],
  /** at most one rekey attempt of ours per SA in this time */
  rekeyRetry: 5_000,
} as const;

/** Receiving SAs per (peer, group, chain); beyond that the oldest that does not send goes (protocol.md 3.1). */
export const SAS_PER_TRIPLE = 4;
