/** What a GE does with the packets of a flow (protocol.md 5). The numbers stand in the table. */
export const PIT_ACTION = { encrypt: 1, relay: 2, discard: 3, plain: 4 } as const;
export type PitActionName = keyof typeof PIT_ACTION;
export type PitAction = (typeof PIT_ACTION)[PitActionName];

/** By number; 0 is no action. */
export const PIT_ACTION_NAMES = [undefined, 'encrypt', 'relay', 'discard', 'plain'] as const;

/** Provisional from MPIT, confirmed from CDN (protocol.md 2.2). */
export type PitState = 'provisional' | 'confirmed';

/** Why an entry ended; also the names of the counters of ended entries. */
export const CLOSE_CAUSES = ['idle', 'evicted', 'closed', 'owner-removed', 'flushed'] as const;
export type CloseCause = (typeof CLOSE_CAUSES)[number];

/** Why `put` made no entry: negative, so that an entry's number is never one of them. */
export const PUT_FAULT = {
  /** the CID has an entry, which stays as it is */
  exists: -1,
  /** more than the new entries per second of this peer (protocol.md 5.2) */
  rate: -2,
  /** no room, and nothing of the same peer that could be evicted (protocol.md P4) */
  full: -3,
} as const;

/** Which way a packet goes through an entry: as the flow's first packet, or against it. */
export const DIRECTION = { forward: 0, reverse: 1 } as const;
