import { type KeyVersion, keyVersion } from '../base/brands.ts';
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { DATAGRAM } from '../base/datagram-kinds.ts';
import { DOMAIN_SLOT, SIZE, SLOTS, STALE_REASON, type StaleReason } from './constants.ts';
import type { DprpFault } from './fault.ts';
import { type DprpHeader, readHeader, writeHeader } from './header.ts';
import { staleReasonName } from './wire-names.ts';

/*
 * STALE (also BEHIND and D-STALE), ← R, 64 bytes (protocol.md 2.2, 1.2)
 *
 *   0         12      16          28                 64
 *   +---------+-------+-----------+------------------+
 *   | header  | sel 4 | nonce 12  |   box 36         |
 *   +---------+-------+-----------+------------------+
 *
 * sel: slot 1 (0xff = D) · 0×3. idx_sender 0, idx_receiver = idx_sender of the DDE.
 *
 * Plaintext of the box, 20 bytes:  r 4 · v 4 (needed) · roster seq 4 · reason 1 · 0×7
 */

/** Bytes of the plaintext. */
const STALE_BOX_BYTES = 20;

/** The outer layout of STALE; `box` is ciphertext. */
export interface Stale {
  readonly header: DprpHeader;
  /** the slot of the DDE whose version is old, or `domain` */
  readonly slot: number | 'domain';
  readonly nonce: Uint8Array;
  readonly box: Uint8Array;
}

/** What is needed instead. A hint only: it changes no key (protocol.md 3.6). */
export interface StaleBox {
  readonly epoch: number;
  readonly version: KeyVersion;
  readonly rosterSeq: number;
  readonly reason: StaleReason;
}

export function encodeStale(stale: Stale): Uint8Array {
  const writer = writeHeader(new ByteWriter(SIZE.stale), DATAGRAM.stale, stale.header);
  writer.u8(stale.slot === 'domain' ? DOMAIN_SLOT : stale.slot).zeros(3);
  return writer.raw(stale.nonce).raw(stale.box).finish();
}

export function decodeStale(bytes: Uint8Array): Stale | DprpFault {
  if (bytes.length !== SIZE.stale) return 'length';
  const reader = new ByteReader(bytes);
  const header = readHeader(reader, DATAGRAM.stale);
  if (typeof header === 'string') return header;
  if (header.hops !== 0) return 'hops';
  if (header.sender !== 0) return 'index';
  const slot = reader.u8();
  if (slot !== DOMAIN_SLOT && slot >= SLOTS) return 'slot';
  if (!reader.zeros(3)) return 'pad';
  return { header, slot: slot === DOMAIN_SLOT ? 'domain' : slot, nonce: reader.raw(12), box: reader.raw(36) };
}

export function encodeStaleBox(box: StaleBox): Uint8Array {
  const writer = new ByteWriter(STALE_BOX_BYTES).u32(box.epoch).u32(box.version).u32(box.rosterSeq);
  return writer.u8(STALE_REASON[box.reason]).zeros(7).finish();
}

export function decodeStaleBox(bytes: Uint8Array): StaleBox | DprpFault {
  if (bytes.length !== STALE_BOX_BYTES) return 'length';
  const reader = new ByteReader(bytes);
  const fields = { epoch: reader.u32(), version: keyVersion(reader.u32()), rosterSeq: reader.u32() };
  const reason = staleReasonName(reader.u8());
  if (reason === null) return 'reason';
  return reader.zeros(7) ? { ...fields, reason } : 'pad';
}
