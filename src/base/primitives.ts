import type { SaIndex } from './brands.ts';

/**
 * The packet primitives: what the C++ addon and its TypeScript twin both do, byte for byte.
 * No policy: who may talk is decided between the calls, by whoever fills the `sa` and `verdict` fields.
 * All arenas and tables belong to the caller and are reused; nothing is allocated per packet.
 * Offsets are bytes from the start of the arena. Tables are Int32Array with the strides and fields below.
 */

/** Inner packets on the way out: one row per packet or super-packet read from TUN. */
export const PACKET = {
  stride: 8,
  /** first byte of the IP header */
  offset: 0,
  length: 1,
  /** one of GSO, plus PARTIAL_CHECKSUM where the L4 checksum holds only the pseudo-header sum */
  kind: 2,
  /** payload bytes of each segment; 0 without GSO */
  gsoSize: 3,
  /** L3 + L4 header bytes, from our own parse; 0 where there is no TCP or UDP header */
  headerLength: 4,
  /** L4 header offset from the IP header (csum_start), from our own parse; 0 if none */
  l4Offset: 5,
  /** written by the caller: own index of the SA that seals it; 0 drops it */
  sa: 6,
  /** datagrams that it will become */
  segments: 7,
} as const;

export const GSO = { none: 0, tcp: 1, udp: 2 } as const;
export const GSO_MASK = 0xff;
export const PARTIAL_CHECKSUM = 0x100;

/** Received UDP messages: one row per message, which may be a GRO run of equal datagrams. */
export const MESSAGE = {
  stride: 12,
  offset: 0,
  length: 1,
  /** bytes of each datagram but the last, which may be shorter; equal to length without GRO */
  segment: 2,
  /** 4 or 6 (a v4-mapped address is reported as 4) */
  family: 3,
  /** four words: the address bytes as they lie in memory; IPv4 in the first word, the others 0 */
  address: 4,
  port: 8,
  /** written by the caller: bytes to strip in front of each datagram (0 or 8: relay or GEN frame) */
  prefix: 9,
  /** interface index it came in by, 0 if unknown */
  interface: 10,
  /** written by the caller: relay channel of the frame, 32 bits; 0 without one */
  channel: 11,
} as const;

/** Datagrams after `openBatch`: one row each, only of those that someone must look at. */
export const RECORD_ROW = {
  stride: 4,
  /** plaintext, or for a raw run the datagram itself */
  offset: 0,
  length: 1,
  /** flags byte of the data header (bit 0: partial checksum) */
  flags: 2,
  message: 3,
} as const;

/** Consecutive records of one message that share one decision (protocol.md 5.5). */
export const RUN = {
  stride: 12,
  firstRecord: 0,
  count: 1,
  /** one of RUN_KIND */
  kind: 2,
  /** own index of the SA that opened it; 0 for raw */
  sa: 3,
  message: 4,
  /** plaintext bytes of all its records */
  bytes: 5,
  /** written by the caller: 1 delivers to TUN, 0 drops. `openBatch` leaves 0 */
  verdict: 6,
  /** 1 when the run holds the newest counter that this SA has opened */
  newest: 7,
  /** 1 when a datagram before it was rejected: nothing is joined across that */
  broken: 8,
  reserved: 9,
} as const;

export const RUN_KIND = {
  /** IP packets of one flow: same SA, byte-equal protocol, addresses and ports, none a fragment; or one other IP packet */
  packets: 1,
  /** one record whose first byte is not 4_ or 6_: control inside the SA */
  control: 2,
  /** one empty record: confirm or keep-alive */
  empty: 3,
  /** one datagram of another kind than data, untouched */
  raw: 4,
} as const;

/** Sends that `sealBatch` prepared in its output arena: one row per sendmsg. */
export const SEND = {
  stride: 6,
  offset: 0,
  length: 1,
  /** bytes of each datagram but the last */
  segment: 2,
  /** path slot */
  path: 3,
  /** number of datagrams */
  count: 4,
  reserved: 5,
} as const;

/** Traffic suites (protocol.md 1.1 D7). */
export const SUITE = { aes256gcm: 1, chacha20poly1305: 2 } as const;
export type Suite = (typeof SUITE)[keyof typeof SUITE];

export const DATA_HEADER = 16;
export const TAG = 16;
/** Bytes that sealing adds to an inner packet. */
export const DATA_OVERHEAD = DATA_HEADER + TAG;
export const PARTIAL_CHECKSUM_FLAG = 0x01;
/** Largest payload of one UDP send. */
export const MAX_SEND = 65_507;
/** Most datagrams in one UDP_SEGMENT send or one super-packet. */
export const MAX_SEGMENTS = 128;

/** Counters that the primitives keep, by position in the Float64Array that `counters()` returns. */
export const PRIMITIVE_COUNTERS = [
  'short',
  'bad-flags',
  'unknown-index',
  'no-key',
  'replayed',
  'too-old',
  'auth-failed',
  'bad-inner-header',
  'bad-inner-checksum',
  'bad-gso',
  'no-sa',
  'counter-exhausted',
  'send-failed',
  'send-would-block',
  'tun-write-failed',
  'sealed',
  'opened',
  'sends',
  'tun-writes',
  'tun-reads',
  'receives',
] as const;
export type PrimitiveCounter = (typeof PRIMITIVE_COUNTERS)[number];

/** Positions in the Float64Array that `saStats` fills. */
export const SA_STATS = {
  length: 8,
  txPackets: 0,
  txBytes: 1,
  /** 16-byte blocks plus packets sealed: the volume that protocol.md 4.2 limits */
  txVolume: 2,
  rxPackets: 3,
  rxBytes: 4,
  failedOpens: 5,
  /** 16-byte blocks plus packets opened */
  rxVolume: 6,
  highestCounter: 7,
} as const;

export interface PacketPrimitives {
  readonly implementation: 'addon' | 'typescript';

  /** Takes a free SA slot, eight lanes wide, and returns its base index (a multiple of 8, high bits from `random`), or 0 when all are in use. */
  saReserve(random: number): SaIndex;
  /**
   * Loads the receive key of one lane (index = base + lane). False when the slot is not reserved or already holds one (protocol.md K1).
   * key 32 bytes, iv 12 bytes; the caller wipes them afterwards. windowBits: 8192 or 65536.
   */
  saInstallRx(index: SaIndex, suite: Suite, key: Uint8Array, iv: Uint8Array, windowBits: number): boolean;
  /** Loads the send key of one lane; `remote` is the peer's index of that lane. False as above. */
  saInstallTx(index: SaIndex, suite: Suite, key: Uint8Array, iv: Uint8Array, remote: SaIndex): boolean;
  /** Names the path slot that this lane sends on. False when the slot or the path is unknown. */
  saPath(index: SaIndex, path: number): boolean;
  /** Stops sending (TX key wiped); receiving goes on. */
  saStopTx(index: SaIndex): void;
  /** Wipes all lanes of the base index and gives the slot back. */
  saFree(base: SaIndex): void;
  /** Fills SA_STATS for one lane; false when nothing is installed there. */
  saStats(index: SaIndex, out: Float64Array): boolean;

  /** Takes a free path slot (from 1), or 0. */
  pathReserve(): number;
  /** address: 4 or 16 bytes; prefix: null or 8 bytes put in front of each datagram. */
  pathSet(path: number, address: Uint8Array, port: number, prefix: Uint8Array | null): boolean;
  pathFree(path: number): void;

  /**
   * Segments, seals and groups packets whose `sa` is set: `sends` rows over `out`. Returns the number of sends.
   * The packets' own bytes are overwritten. A packet that does not fit what is left of `out` or `sends` is dropped and counted.
   */
  sealBatch(arena: Uint8Array, packets: Int32Array, count: number, out: Uint8Array, sends: Int32Array): number;
  /** Seals one plaintext (control record, empty confirm, or IP packet) into `out` (16 + n + 16 bytes). Returns its length, 0 without a key. The prefix of the path is not included. */
  sealOne(index: SaIndex, plaintext: Uint8Array, flags: number, out: Uint8Array): number;
  /** Opens every datagram of the messages in place and groups them into runs. Returns the number of runs; `recordCount()` rows of `records` are valid. */
  openBatch(arena: Uint8Array, messages: Int32Array, count: number, records: Int32Array, runs: Int32Array): number;
  recordCount(): number;
  /**
   * Joins delivered runs into what is written to TUN: each piece in `out` is a 4-byte little-endian length, then a 10-byte
   * virtio-net header (when `vnet`), then the packet. Without `vnet` nothing is joined and partial checksums are completed.
   * Returns the bytes used of `out`.
   */
  coalesceBatch(
    arena: Uint8Array,
    records: Int32Array,
    runs: Int32Array,
    count: number,
    vnet: boolean,
    out: Uint8Array,
  ): number;
  /** Live view, in the order of PRIMITIVE_COUNTERS. */
  counters(): Float64Array;
}
