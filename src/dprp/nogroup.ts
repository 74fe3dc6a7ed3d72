import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { DATAGRAM, MODE, type ModeName, NODE_TYPE } from '../base/datagram-kinds.ts';
import { NOGROUP_REASON, SIZE } from './constants.ts';
import type { DprpFault } from './fault.ts';
import { type DprpHeader, readHeader, writeHeader } from './header.ts';
import { type EndType, endTypeName, modeName } from './wire-names.ts';

/*
 * NOGROUP, ← R, 56 bytes (protocol.md 2.2, 8.1)
 *
 *   0         12          24               56
 *   +---------+-----------+----------------+
 *   | header  | nonce 12  |    box 32      |
 *   +---------+-----------+----------------+
 *
 * idx_sender 0, idx_receiver = idx_sender of the DDE.
 *
 * Plaintext of the box, 16 bytes:  mode 1 · type 1 · reason 1 (0: no common group) · 0×13
 */

/** Bytes of the plaintext. */
const NOGROUP_BOX_BYTES = 16;

/** The outer layout of NOGROUP; `box` is ciphertext. */
export interface Nogroup {
  readonly header: DprpHeader;
  readonly nonce: Uint8Array;
  readonly box: Uint8Array;
}

/** What R is. It decides only which reason is shown, or who tries next (protocol.md C2). */
export interface NogroupBox {
  readonly mode: ModeName;
  readonly type: EndType;
}

export function encodeNogroup(nogroup: Nogroup): Uint8Array {
  const writer = writeHeader(new ByteWriter(SIZE.nogroup), DATAGRAM.nogroup, nogroup.header);
  return writer.raw(nogroup.nonce).raw(nogroup.box).finish();
}

export function decodeNogroup(bytes: Uint8Array): Nogroup | DprpFault {
  if (bytes.length !== SIZE.nogroup) return 'length';
  const reader = new ByteReader(bytes);
  const header = readHeader(reader, DATAGRAM.nogroup);
  if (typeof header === 'string') return header;
  if (header.hops !== 0) return 'hops';
  if (header.sender !== 0) return 'index';
  return { header, nonce: reader.raw(12), box: reader.raw(32) };
}

export function encodeNogroupBox(box: NogroupBox): Uint8Array {
  const writer = new ByteWriter(NOGROUP_BOX_BYTES).u8(MODE[box.mode]).u8(NODE_TYPE[box.type]);
  return writer.u8(NOGROUP_REASON.noCommonGroup).zeros(13).finish();
}

export function decodeNogroupBox(bytes: Uint8Array): NogroupBox | DprpFault {
  if (bytes.length !== NOGROUP_BOX_BYTES) return 'length';
  const reader = new ByteReader(bytes);
  const mode = modeName(reader.u8());
  const type = endTypeName(reader.u8());
  if (mode === null) return 'mode';
  if (type === null) return 'node-type';
  if (reader.u8() !== NOGROUP_REASON.noCommonGroup) return 'reason';
  return reader.zeros(13) ? { mode, type } : 'pad';
}
