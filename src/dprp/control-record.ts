import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { isZero } from '../base/bytes.ts';
import { type Cid, decodeCid, encodeCid } from '../base/cid.ts';
import { ACTION, type ActionName, RECORD } from '../base/datagram-kinds.ts';
import { unreachable } from '../base/unreachable.ts';
import { CDN_STATUS, type CdnStatus, SIGNED_REMOVE_BYTES } from './constants.ts';
import type { DprpFault } from './fault.ts';
import { actionName, statusName } from './wire-names.ts';

/*
 * Control inside an SA, after opening (protocol.md 1.2, 5.3). Never written to TUN (protocol.md W3).
 *
 *   0      1       3             3 + len
 *   +------+-------+-------------+---------------------------------------+
 *   | type | len 2 |    body     |  MPIT: the packet it opens the way for|
 *   +------+-------+-------------+  PATH-CHALLENGE: zero padding         |
 *                                |  all others: nothing                  |
 *
 *   MPIT 51:       pit_id 8 · CID 38 · action 1 · lifetime 4
 *   CDN 13:        pit_id 8 · status 1 · lifetime 4
 *   NOENTRY 38:    CID
 *   CLOSE-ENTRY 8: pit_id
 *   PATH-CHALLENGE, PATH-RESPONSE 8: random bytes
 *   CLOSE-SA 0
 *   signed REMOVE 1 to 1,100: the roster entry as signed
 */

const HEAD_BYTES = 3;

/** One control record; lifetimes in seconds. */
export type ControlRecord =
  | {
      readonly kind: 'mpit';
      readonly pitId: Uint8Array;
      readonly cid: Cid;
      readonly action: ActionName;
      readonly lifetime: number;
      /** the IP packet that rides with it; empty for none. A view of the decoded bytes */
      readonly packet: Uint8Array;
    }
  | { readonly kind: 'cdn'; readonly pitId: Uint8Array; readonly status: CdnStatus; readonly lifetime: number }
  | { readonly kind: 'no-entry'; readonly cid: Cid }
  | { readonly kind: 'close-entry'; readonly pitId: Uint8Array }
  /** padding: zero bytes behind the record, an MTU probe (protocol.md 6.5) */
  | { readonly kind: 'path-challenge'; readonly token: Uint8Array; readonly padding: number }
  | { readonly kind: 'path-response'; readonly token: Uint8Array }
  | { readonly kind: 'close-sa' }
  | { readonly kind: 'signed-remove'; readonly entry: Uint8Array };

export function encodeControl(record: ControlRecord): Uint8Array {
  switch (record.kind) {
    case 'mpit':
      return head(RECORD.mpit, 51, record.packet.length)
        .raw(record.pitId)
        .raw(encodeCid(record.cid))
        .u8(ACTION[record.action])
        .u32(record.lifetime)
        .raw(record.packet)
        .finish();
    case 'cdn':
      return head(RECORD.cdn, 13).raw(record.pitId).u8(CDN_STATUS[record.status]).u32(record.lifetime).finish();
    case 'no-entry':
      return head(RECORD.noEntry, 38).raw(encodeCid(record.cid)).finish();
    case 'close-entry':
      return head(RECORD.closeEntry, 8).raw(record.pitId).finish();
    case 'path-challenge':
      return head(RECORD.pathChallenge, 8, record.padding).raw(record.token).zeros(record.padding).finish();
    case 'path-response':
      return head(RECORD.pathResponse, 8).raw(record.token).finish();
    case 'close-sa':
      return head(RECORD.closeSa, 0).finish();
    case 'signed-remove':
      return head(RECORD.signedRemove, record.entry.length).raw(record.entry).finish();
    default:
      return unreachable(record);
  }
}

/** Decodes what an SA opened and what is neither empty nor an IP packet. */
export function decodeControl(bytes: Uint8Array): ControlRecord | DprpFault {
  if (bytes.length < HEAD_BYTES) return 'length';
  const reader = new ByteReader(bytes);
  const type = reader.u8();
  const length = reader.u16();
  const bounds = BODY.get(type);
  if (bounds === undefined) return 'unknown-record';
  if (length < bounds.least || length > bounds.most) return 'length';
  const after = bytes.length - HEAD_BYTES - length;
  if (after < 0 || (after > 0 && !bounds.more)) return 'length';
  return decodeBody(type, length, bytes, reader);
}

function decodeBody(type: number, length: number, bytes: Uint8Array, reader: ByteReader): ControlRecord | DprpFault {
  switch (type) {
    case RECORD.mpit:
      return decodeFlowMpit(bytes);
    case RECORD.cdn:
      return decodeFlowCdn(reader);
    case RECORD.noEntry: {
      const cid = decodeCid(bytes, HEAD_BYTES);
      return typeof cid === 'string' ? 'cid' : { kind: 'no-entry', cid };
    }
    case RECORD.closeEntry:
      return { kind: 'close-entry', pitId: reader.raw(8) };
    case RECORD.pathChallenge:
      if (!isZero(bytes, HEAD_BYTES + length)) return 'pad';
      return { kind: 'path-challenge', token: reader.raw(8), padding: bytes.length - HEAD_BYTES - length };
    case RECORD.pathResponse:
      return { kind: 'path-response', token: reader.raw(8) };
    case RECORD.closeSa:
      return { kind: 'close-sa' };
    case RECORD.signedRemove:
      return { kind: 'signed-remove', entry: reader.raw(length) };
    default:
      return 'unknown-record';
  }
}

function decodeFlowMpit(bytes: Uint8Array): ControlRecord | DprpFault {
  const cid = decodeCid(bytes, HEAD_BYTES + 8);
  if (typeof cid === 'string') return 'cid';
  const reader = new ByteReader(bytes, HEAD_BYTES + 46);
  const action = actionName(reader.u8());
  if (action === null) return 'action';
  const pitId = bytes.slice(HEAD_BYTES, HEAD_BYTES + 8);
  return { kind: 'mpit', pitId, cid, action, lifetime: reader.u32(), packet: bytes.subarray(HEAD_BYTES + 51) };
}

function decodeFlowCdn(reader: ByteReader): ControlRecord | DprpFault {
  const pitId = reader.raw(8);
  const status = statusName(reader.u8());
  return status === null ? 'status' : { kind: 'cdn', pitId, status, lifetime: reader.u32() };
}

function head(type: number, length: number, after = 0): ByteWriter {
  return new ByteWriter(HEAD_BYTES + length + after).u8(type).u16(length);
}

interface BodyBounds {
  readonly least: number;
  readonly most: number;
  /** may something follow the record */
  readonly more: boolean;
}

const BODY: ReadonlyMap<number, BodyBounds> = new Map([
  [RECORD.mpit, exactly(51, true)],
  [RECORD.cdn, exactly(13)],
  [RECORD.noEntry, exactly(38)],
  [RECORD.closeEntry, exactly(8)],
  [RECORD.pathChallenge, exactly(8, true)],
  [RECORD.pathResponse, exactly(8)],
  [RECORD.closeSa, exactly(0)],
  [RECORD.signedRemove, { least: 1, most: SIGNED_REMOVE_BYTES, more: false }],
]);

function exactly(length: number, more = false): BodyBounds {
  return { least: length, most: length, more };
}
