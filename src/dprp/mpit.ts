import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { DATAGRAM } from '../base/datagram-kinds.ts';
import { SIZE, TAG_BYTES } from './constants.ts';
import type { DprpFault } from './fault.ts';
import { type DprpHeader, isBaseIndex, readHeader, writeHeader } from './header.ts';
import { hopActionBytes } from './hop-action.ts';
import { formFor } from './hop-record.ts';
import { mpitPayloadBytes } from './mpit-payload.ts';

/*
 * MPIT, Make Process Information Table, I → (protocol.md 2.2); the plaintext of the second box is in mpit-payload.ts
 *
 *   0         12             60                                            460 + 50n [+ 32]
 *   +---------+--------------+---------------------------------------------+------------------------+
 *   | header  | enc(s_I) 48  | enc(payload 384 + 50n [+ 32]) + 16          | actions 300 or n × 116 |
 *   +---------+--------------+---------------------------------------------+------------------------+
 *
 * header.hops = n, the number of actions. Ten lengths are possible, all different: each gives n and whether the 32
 * bytes of a rekey are there. On-path elements read their action and send the datagram on unchanged.
 */

/** The outer layout of MPIT; `encStatic`, `encPayload` and the actions' boxes are ciphertext. */
export interface Mpit {
  readonly header: DprpHeader;
  readonly encStatic: Uint8Array;
  readonly encPayload: Uint8Array;
  readonly actions: readonly Uint8Array[];
}

export function encodeMpit(mpit: Mpit): Uint8Array {
  const hops = mpit.actions.length;
  const actionsLength = hops * hopActionBytes(formFor(hops));
  const writer = new ByteWriter(SIZE.header + 48 + mpit.encPayload.length + actionsLength);
  writeHeader(writer, DATAGRAM.mpit, { ...mpit.header, hops })
    .raw(mpit.encStatic)
    .raw(mpit.encPayload);
  for (const action of mpit.actions) writer.raw(action);
  return writer.finish();
}

export function decodeMpit(bytes: Uint8Array): Mpit | DprpFault {
  if (bytes.length < SIZE.mpit) return 'length';
  const reader = new ByteReader(bytes);
  const header = readHeader(reader, DATAGRAM.mpit);
  if (typeof header === 'string') return header;
  if (!isBaseIndex(header.sender) || !isBaseIndex(header.receiver)) return 'index';
  const hops = header.hops;
  const actionBytes = hopActionBytes(formFor(hops));
  const encBytes = bytes.length - SIZE.header - 48 - hops * actionBytes;
  const rekey = encBytes === mpitPayloadBytes(hops, true) + TAG_BYTES;
  if (!rekey && encBytes !== mpitPayloadBytes(hops, false) + TAG_BYTES) return 'length';
  const fixed = { encStatic: reader.raw(48), encPayload: reader.raw(encBytes) };
  const actions = Array.from({ length: hops }, () => reader.raw(actionBytes));
  return { header, ...fixed, actions };
}
