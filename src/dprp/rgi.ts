import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { concat } from '../base/bytes.ts';
import { DATAGRAM } from '../base/datagram-kinds.ts';
import { MAX_HOPS, SIZE, SLOTS } from './constants.ts';
import type { DprpFault } from './fault.ts';
import { type DprpHeader, isBaseIndex, readHeader, withoutHops, writeHeader } from './header.ts';
import { formFor, hopRecordBytes } from './hop-record.ts';

/*
 * RGI, Report GE Information, ← R (protocol.md 2.2); the plaintext of the second box is in rgi-payload.ts
 *
 *   0         12      16          48              96                   448
 *   +---------+-------+-----------+---------------+--------------------+------------------------+
 *   | header  | sel 4 |  e_R 32   | enc(s_R) 48   | enc(payload) 352   | records 348 or n × 164 |
 *   +---------+-------+-----------+---------------+--------------------+------------------------+
 *   |<----------------- core: H(RGI core), hops = 0 ------------------>|
 *
 * sel: slot 1 · hop count of the DDE 1 · 0×2. The hop count stands in the transcript; header.hops counts the
 * records appended so far and is in no hash. One record is by value, more are by reference (protocol.md 2.3).
 */

/** The outer layout of RGI; `encStatic`, `encPayload` and the records' boxes are ciphertext. */
export interface Rgi {
  readonly header: DprpHeader;
  /** the slot of the DDE that R answers */
  readonly slot: number;
  /** the hops of the DDE as R saw them */
  readonly hopCount: number;
  readonly ephemeral: Uint8Array;
  readonly encStatic: Uint8Array;
  readonly encPayload: Uint8Array;
  /** in the order appended: the first one stands nearest to R */
  readonly records: readonly Uint8Array[];
}

export function encodeRgi(rgi: Omit<Rgi, 'records'>): Uint8Array {
  const writer = writeHeader(new ByteWriter(SIZE.rgi), DATAGRAM.rgi, rgi.header);
  writer.u8(rgi.slot).u8(rgi.hopCount).zeros(2);
  return writer.raw(rgi.ephemeral).raw(rgi.encStatic).raw(rgi.encPayload).finish();
}

export function decodeRgi(bytes: Uint8Array): Rgi | DprpFault {
  if (bytes.length < SIZE.rgi) return 'length';
  const reader = new ByteReader(bytes);
  const header = readHeader(reader, DATAGRAM.rgi);
  if (typeof header === 'string') return header;
  if (!isBaseIndex(header.sender) || !isBaseIndex(header.receiver)) return 'index';
  const slot = reader.u8();
  const hopCount = reader.u8();
  if (slot >= SLOTS) return 'slot';
  if (hopCount > MAX_HOPS || header.hops > hopCount) return 'hops';
  if (!reader.zeros(2)) return 'pad';
  const recordBytes = hopRecordBytes(formFor(hopCount));
  if (bytes.length !== SIZE.rgi + header.hops * recordBytes) return 'length';
  const fixed = { ephemeral: reader.raw(32), encStatic: reader.raw(48), encPayload: reader.raw(352) };
  const records = Array.from({ length: header.hops }, () => reader.raw(recordBytes));
  return { header, slot, hopCount, ...fixed, records };
}

/** False when an on-path element that R counted appended nothing, so that I must drop the RGI (protocol.md H2). */
export function hasAllRecords(rgi: Rgi): boolean {
  return rgi.records.length === rgi.hopCount;
}

/** What H(RGI core) is computed over: the first 448 bytes with hops = 0 (protocol.md 2.3). */
export function rgiCore(bytes: Uint8Array): Uint8Array {
  return withoutHops(bytes, SIZE.rgi);
}

/** RGI as an on-path element sends it on: one more record, hops raised by one. */
export function appendRecord(bytes: Uint8Array, record: Uint8Array): Uint8Array {
  const longer = concat(bytes, record);
  longer[3] = bytes[3] + 1;
  return longer;
}
