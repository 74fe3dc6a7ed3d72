/*
 * The packet path of a relay (protocol.md 7): what the C++ addon and its TypeScript twin both do, byte for byte. No policy: who is
 * bound where, and how much each node may send, is decided by whoever fills the tables. Nothing is allocated per datagram.
 */

/** The ends of channels: two rows per channel, one after the other. */
export const RELAY_END = {
  stride: 8,
  /** 4 or 6; 0 when no node is bound */
  family: 0,
  /** four words, as in a row of MESSAGE */
  address: 1,
  port: 5,
  /** row of `shares` */
  share: 6,
  /** 1 while its node is about to bind, and the first handshake message that comes for it is to be kept */
  early: 7,
} as const;
/** Words of one channel in `ends`. */
export const RELAY_CHANNEL = 2 * RELAY_END.stride;

/** Where channels lie: open addressing by `relayHash`, then the next slot. Length: 2 × a power of two, at least one slot free. */
export const RELAY_SLOT = {
  stride: 2,
  channel: 0,
  /** number of the channel in `ends`, plus 1; 0: free */
  row: 1,
} as const;

/** What one node sent in the time that is being counted. */
export const RELAY_SHARE = {
  stride: 2,
  /** bytes that came, and those of them that went on */
  offered: 0,
  used: 1,
} as const;

/** Frames that go on as one: same sender, same channel, equal lengths but for the last. */
export const RELAY_RUN = {
  stride: 4,
  offset: 0,
  length: 1,
  segment: 2,
  /** row of `ends` that they go to */
  end: 3,
} as const;

/** How far a batch has been read; all 0 before the first call. */
export const RELAY_CURSOR = {
  length: 5,
  message: 0,
  /** bytes of this message that were read */
  offset: 1,
  /** where in the arena the datagram lies for which the walk stopped, and its length; length 0: none */
  stop: 2,
  stopLength: 3,
  /** what it is. 0: a BIND; else a handshake message for an end that is `early`, and the row of that end plus 1 */
  early: 4,
} as const;

/** Why frames and other datagrams did not go on. */
export const RELAY_DROPS = [
  'relay-kind',
  'relay-frame',
  'relay-unbound',
  'relay-peer-unbound',
  'relay-to-itself',
  'relay-quota',
  'relay-share',
] as const;

/** Positions in `numbers`. */
export const RELAY_NUMBER = {
  /** written by the caller: the time */
  now: 0,
  /** bytes that one node, and all together, may send in the time that is being counted, and the level that all are cut to */
  perNode: 1,
  total: 2,
  level: 3,
  /** bytes that went on in this time */
  used: 4,
  /** since the caller last set them to 0 */
  datagrams: 5,
  bytes: 6,
  /** the first of RELAY_DROPS, in datagrams; the others follow */
  drops: 7,
  length: 7 + RELAY_DROPS.length,
} as const;

export interface RelayTable {
  /** RELAY_SLOT */
  readonly slots: Int32Array;
  /** RELAY_END */
  readonly ends: Int32Array;
  /** one per row of `ends`: when its node last sent */
  readonly heardAt: Float64Array;
  /** RELAY_SHARE */
  readonly shares: Float64Array;
  /** RELAY_NUMBER */
  readonly numbers: Float64Array;
}

/**
 * Reads `count` messages (MESSAGE in primitives.ts) from `cursor` on and fills `runs` with what goes on; returns their number.
 * It stops behind a BIND, behind handshake messages for an end that is `early`, and when `runs` is full; otherwise `cursor.message` is `count` afterwards.
 */
export type RelayWalk = (
  table: RelayTable,
  arena: Uint8Array,
  messages: Int32Array,
  count: number,
  runs: Int32Array,
  cursor: Int32Array,
) => number;

/** Where the search for a channel begins, among `slots` (a power of two). */
export function relayHash(channel: number, slots: number): number {
  return (Math.imul(channel, 0x9e3779b1) >>> 7) & (slots - 1);
}
