import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { DATAGRAM } from '../base/datagram-kinds.ts';
import { MAX_HOPS, SIZE } from './constants.ts';
import type { DprpFault } from './fault.ts';
import { type DprpHeader, isBaseIndex, readHeader, withoutHops, writeHeader } from './header.ts';

/*
 * DDE, Detect Destination End GE, I → (protocol.md 2.2); the plaintext of the box is in dde-box.ts
 *
 *   0         12          44                  172               268       284
 *   +---------+-----------+-------------------+-----------------+---------+-----------+
 *   | header  |   e_I 32  | slots 16 × 8 = 128|      box 96     | mac2 16 | 0×32, 0×84|
 *   +---------+-----------+-------------------+-----------------+---------+-----------+
 *   |<----------- AAD of the box ------------>|                           |  pad with |
 *   |<----------------- H(DDE), mac2 --------------------------->|         |3 or 4 hops|
 *
 * Flags bits 0–2: version of GK_D mod 8. idx_receiver: 0, or R's index of the SA that is rekeyed (protocol.md 2.6).
 */

const FLAG_MASK = 0x07;
const AAD_BYTES = 172;
const AUTHENTICATED_BYTES = 268;
const PADS = [0, 0, 0, 32, 84] as const;

/** The outer layout of DDE; `box` is ciphertext. */
export interface Dde {
  readonly header: DprpHeader;
  readonly ephemeral: Uint8Array;
  readonly slots: Uint8Array;
  readonly box: Uint8Array;
  readonly mac2: Uint8Array;
}

/** Bytes of a DDE that has passed so many on-path elements: the pad keeps RGI within 3 × the DDE that reached R (protocol.md H3). */
export function ddeBytes(hops: number): number {
  return SIZE.dde + PADS[Math.min(hops, MAX_HOPS)];
}

export function encodeDde(dde: Dde): Uint8Array {
  const writer = new ByteWriter(ddeBytes(dde.header.hops));
  writeHeader(writer, DATAGRAM.dde, dde.header);
  writer.raw(dde.ephemeral).raw(dde.slots).raw(dde.box).raw(dde.mac2);
  return writer.zeros(PADS[dde.header.hops]).finish();
}

export function decodeDde(bytes: Uint8Array): Dde | DprpFault {
  if (bytes.length < SIZE.dde) return 'length';
  const reader = new ByteReader(bytes);
  const header = readHeader(reader, DATAGRAM.dde, FLAG_MASK);
  if (typeof header === 'string') return header;
  if (bytes.length !== ddeBytes(header.hops)) return 'length';
  if (!isBaseIndex(header.sender) || (header.receiver & 7) !== 0) return 'index';
  const dde = { header, ephemeral: reader.raw(32), slots: reader.raw(128), box: reader.raw(96), mac2: reader.raw(16) };
  return reader.zeros(PADS[header.hops]) ? dde : 'pad';
}

/** The AAD of the box: header with hops = 0, e_I, slots. */
export function ddeAad(bytes: Uint8Array): Uint8Array {
  return withoutHops(bytes, AAD_BYTES);
}

/** What H(DDE) and mac2 are computed over: bytes 0 to 267 with hops = 0 (protocol.md 2.3). */
export function ddeAuthenticated(bytes: Uint8Array): Uint8Array {
  return withoutHops(bytes, AUTHENTICATED_BYTES);
}

/** The DDE as an on-path element sends it on: hops raised by one, pad grown (protocol.md H3); null when it has 4 already. */
export function raiseHops(bytes: Uint8Array): Uint8Array | null {
  const hops = bytes[3] + 1;
  if (hops > MAX_HOPS) return null;
  const raised = new Uint8Array(ddeBytes(hops));
  raised.set(bytes);
  raised[3] = hops;
  return raised;
}
