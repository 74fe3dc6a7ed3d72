import { type NodeId, nodeId } from '../base/brands.ts';
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { fromHex, toHex } from '../base/bytes.ts';
import { MODE, type ModeName, NODE_TYPE } from '../base/datagram-kinds.ts';
import { type Caps, decodeCaps, encodeCaps } from './caps.ts';
import { CA_PART_BYTES, FORM, type FormName, SIDE, type SideName, TAG_BYTES } from './constants.ts';
import type { DprpFault } from './fault.ts';
import { type EndType, endTypeName, formName, modeName, sideName } from './wire-names.ts';

/*
 * Hop record, appended to RGI by an on-path element, ← G (protocol.md 2.2): 348 bytes by value, 164 by reference
 *
 *   0             32      34     35  36                     348 or 164
 *   +-------------+-------+------+---+----------------------+
 *   |   e_G 32    | len 2 | form | 0 |   box 312 or 128     |
 *   +-------------+-------+------+---+----------------------+
 *   |<------- AAD of the box ------->|
 *
 * Plaintext of the box: info 32 · CA part 200 (value) or node id 16 (reference) · sig 64. len counts the box.
 *
 * info:  type 1 · mode 1 · side 1 · matched slots 2 · flags 1 (none defined: 0) · caps 2 · 0×24
 */

/** Bytes before the box: its AAD. */
const RECORD_HEADER_BYTES = 36;
const INFO_BYTES = 32;
const SIGNATURE_BYTES = 64;
const ID_BYTES = 16;

/** A hop record with its box still sealed. */
export interface HopRecord {
  readonly ephemeral: Uint8Array;
  readonly form: FormName;
  readonly box: Uint8Array;
}

/** What an on-path element says of itself. */
export interface HopInfo {
  readonly type: EndType;
  readonly mode: ModeName;
  readonly side: SideName;
  /** bit i: slot i of the DDE is a tag of a group that it holds */
  readonly matchedSlots: number;
  readonly caps: Caps;
}

/** How a box names its signer: the whole CA part, or the node id of one that the reader has or fetches. */
export type HopSigner =
  | { readonly form: 'value'; readonly caPart: Uint8Array }
  | { readonly form: 'reference'; readonly node: NodeId };

/** The opened box of a hop record. `infoBytes` are what the signature covers, as received. */
export interface HopRecordBox {
  readonly info: HopInfo;
  readonly infoBytes: Uint8Array;
  readonly signer: HopSigner;
  readonly signature: Uint8Array;
}

/** By value for one on-path element, by reference for more (protocol.md 2.3). */
export function formFor(hops: number): FormName {
  return hops === 1 ? 'value' : 'reference';
}

export function hopRecordBytes(form: FormName): number {
  return RECORD_HEADER_BYTES + recordBoxBytes(form);
}

/** The 36 bytes before the box. */
export function encodeRecordHeader(ephemeral: Uint8Array, form: FormName): Uint8Array {
  const writer = new ByteWriter(RECORD_HEADER_BYTES).raw(ephemeral);
  return writer.u16(recordBoxBytes(form)).u8(FORM[form]).zeros(1).finish();
}

export function encodeHopRecord(record: HopRecord): Uint8Array {
  const writer = new ByteWriter(hopRecordBytes(record.form));
  return writer.raw(encodeRecordHeader(record.ephemeral, record.form)).raw(record.box).finish();
}

export function decodeHopRecord(bytes: Uint8Array): HopRecord | DprpFault {
  if (bytes.length < RECORD_HEADER_BYTES) return 'length';
  const reader = new ByteReader(bytes);
  const ephemeral = reader.raw(32);
  const length = reader.u16();
  const form = formName(reader.u8());
  if (form === null) return 'form';
  if (!reader.zeros(1)) return 'pad';
  if (length !== recordBoxBytes(form) || bytes.length !== hopRecordBytes(form)) return 'length';
  return { ephemeral, form, box: reader.raw(length) };
}

export function encodeHopInfo(info: HopInfo): Uint8Array {
  const writer = new ByteWriter(INFO_BYTES).u8(NODE_TYPE[info.type]).u8(MODE[info.mode]).u8(SIDE[info.side]);
  return writer.u16(info.matchedSlots).zeros(1).u16(encodeCaps(info.caps)).zeros(24).finish();
}

export function decodeHopInfo(bytes: Uint8Array): HopInfo | DprpFault {
  if (bytes.length !== INFO_BYTES) return 'length';
  const reader = new ByteReader(bytes);
  const type = endTypeName(reader.u8());
  const mode = modeName(reader.u8());
  const side = sideName(reader.u8());
  if (type === null) return 'node-type';
  if (mode === null) return 'mode';
  if (side === null) return 'side';
  const matchedSlots = reader.u16();
  if (!reader.zeros(1)) return 'flags';
  const caps = decodeCaps(reader.u16());
  if (typeof caps === 'string') return caps;
  return reader.zeros(24) ? { type, mode, side, matchedSlots, caps } : 'pad';
}

/** Plaintext of the box: what the signature covers goes in as `infoBytes`. */
export function encodeHopRecordBox(infoBytes: Uint8Array, signer: HopSigner, signature: Uint8Array): Uint8Array {
  const writer = new ByteWriter(recordBoxBytes(signer.form) - TAG_BYTES);
  return writer.raw(infoBytes).raw(encodeSigner(signer)).raw(signature).finish();
}

export function decodeHopRecordBox(bytes: Uint8Array, form: FormName): HopRecordBox | DprpFault {
  if (bytes.length !== recordBoxBytes(form) - TAG_BYTES) return 'length';
  const reader = new ByteReader(bytes);
  const infoBytes = reader.raw(INFO_BYTES);
  const info = decodeHopInfo(infoBytes);
  if (typeof info === 'string') return info;
  return { info, infoBytes, signer: readSigner(reader, form), signature: reader.raw(SIGNATURE_BYTES) };
}

export function signerBytes(form: FormName): number {
  return form === 'value' ? CA_PART_BYTES : ID_BYTES;
}

export function encodeSigner(signer: HopSigner): Uint8Array {
  return signer.form === 'value' ? signer.caPart : fromHex(signer.node);
}

export function readSigner(reader: ByteReader, form: FormName): HopSigner {
  if (form === 'value') return { form, caPart: reader.raw(CA_PART_BYTES) };
  return { form, node: nodeId(toHex(reader.raw(ID_BYTES))) };
}

function recordBoxBytes(form: FormName): number {
  return INFO_BYTES + signerBytes(form) + SIGNATURE_BYTES + TAG_BYTES;
}
