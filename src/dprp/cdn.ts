import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { ACTION, type ActionName, DATAGRAM } from '../base/datagram-kinds.ts';
import { CDN_STATUS, type CdnStatus, SIZE } from './constants.ts';
import type { DprpFault } from './fault.ts';
import { type DprpHeader, isBaseIndex, readHeader, writeHeader } from './header.ts';
import { hopActionBytes } from './hop-action.ts';
import { formFor } from './hop-record.ts';
import { actionName, statusName } from './wire-names.ts';

/*
 * CDN, Complete DPRP Negotiation, ← R (protocol.md 2.2)
 *
 *   0         12                   76
 *   +---------+--------------------+------------------------------+
 *   | header  | enc(payload 48) 64 | confirmations 300 or n × 116 |
 *   +---------+--------------------+------------------------------+
 *
 * header.hops = n, the number of confirmations (their layout: hop-action.ts).
 *
 * Payload, 48 bytes:
 *   0         8        9        10      11      12         16    18        48
 *   +---------+--------+--------+-------+-------+----------+-----+---------+
 *   | pit_id 8| status | action | flags | lanes |lifetime 4| mtu |  0×30   |
 *   +---------+--------+--------+-------+-------+----------+-----+---------+
 */

/** Bytes of the plaintext. */
const CDN_PAYLOAD_BYTES = 48;
const ENC_BYTES = 64;
const MAX_LANES = 8;

/** The outer layout of CDN; `encPayload` and the confirmations' boxes are ciphertext. */
export interface Cdn {
  readonly header: DprpHeader;
  readonly encPayload: Uint8Array;
  readonly confirmations: readonly Uint8Array[];
}

/** What R confirms. */
export interface CdnPayload {
  readonly pitId: Uint8Array;
  readonly status: CdnStatus;
  /** the action for R that it accepted */
  readonly action: ActionName;
  /** lanes agreed: the smaller of both ends' */
  readonly lanes: number;
  /** seconds */
  readonly lifetime: number;
  readonly mtu: number;
}

export function encodeCdn(cdn: Cdn): Uint8Array {
  const hops = cdn.confirmations.length;
  const writer = new ByteWriter(SIZE.cdn + hops * hopActionBytes(formFor(hops)));
  writeHeader(writer, DATAGRAM.cdn, { ...cdn.header, hops }).raw(cdn.encPayload);
  for (const confirmation of cdn.confirmations) writer.raw(confirmation);
  return writer.finish();
}

export function decodeCdn(bytes: Uint8Array): Cdn | DprpFault {
  if (bytes.length < SIZE.cdn) return 'length';
  const reader = new ByteReader(bytes);
  const header = readHeader(reader, DATAGRAM.cdn);
  if (typeof header === 'string') return header;
  if (!isBaseIndex(header.sender) || !isBaseIndex(header.receiver)) return 'index';
  const confirmationBytes = hopActionBytes(formFor(header.hops));
  if (bytes.length !== SIZE.cdn + header.hops * confirmationBytes) return 'length';
  const encPayload = reader.raw(ENC_BYTES);
  const confirmations = Array.from({ length: header.hops }, () => reader.raw(confirmationBytes));
  return { header, encPayload, confirmations };
}

export function encodeCdnPayload(payload: CdnPayload): Uint8Array {
  const writer = new ByteWriter(CDN_PAYLOAD_BYTES).raw(payload.pitId);
  writer.u8(CDN_STATUS[payload.status]).u8(ACTION[payload.action]).zeros(1).u8(payload.lanes);
  return writer.u32(payload.lifetime).u16(payload.mtu).zeros(30).finish();
}

export function decodeCdnPayload(bytes: Uint8Array): CdnPayload | DprpFault {
  if (bytes.length !== CDN_PAYLOAD_BYTES) return 'length';
  const reader = new ByteReader(bytes);
  const pitId = reader.raw(8);
  const status = statusName(reader.u8());
  const action = actionName(reader.u8());
  if (status === null) return 'status';
  if (action === null) return 'action';
  if (!reader.zeros(1)) return 'flags';
  const lanes = reader.u8();
  if (lanes < 1 || lanes > MAX_LANES) return 'lanes';
  const payload = { pitId, status, action, lanes, lifetime: reader.u32(), mtu: reader.u16() };
  return reader.zeros(30) ? payload : 'pad';
}
