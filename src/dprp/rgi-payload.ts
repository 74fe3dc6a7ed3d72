import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { MODE, type ModeName, NODE_TYPE } from '../base/datagram-kinds.ts';
import { type Caps, decodeCaps, encodeCaps } from './caps.ts';
import { CRED_BYTES, NO_SLOT, SLOTS } from './constants.ts';
import type { DprpFault } from './fault.ts';
import {
  type GroupRef,
  type RosterPoint,
  readGroupRef,
  readRosterPoint,
  writeGroupRef,
  writeRosterPoint,
} from './group-ref.ts';
import { type EndType, endTypeName, modeName } from './wire-names.ts';

/*
 * Payload of RGI, 336 bytes, decoded only after authentication (protocol.md 2.2)
 *
 *   0          268      284  288  292     293    294    295        331    333        334   336
 *   +----------+--------+----+----+-------+------+------+----------+------+----------+-----+
 *   |cred_R 268|group 16| r 4| v 4| suite | mode | type |seq 4+head| caps | old_slot | 0×2 |
 *   +----------+--------+----+----+-------+------+------+----------+------+----------+-----+
 */

/** Bytes of the plaintext. */
const RGI_PAYLOAD_BYTES = 336;

/** What R tells of itself; type and mode must not be laxer than its certificate (protocol.md A6). */
export interface RgiPayload {
  readonly cred: Uint8Array;
  readonly group: GroupRef;
  readonly suite: number;
  readonly mode: ModeName;
  readonly type: EndType;
  readonly roster: RosterPoint;
  readonly caps: Caps;
  /** a further slot of I's whose version is old, or null */
  readonly oldSlot: number | null;
}

export function encodeRgiPayload(payload: RgiPayload): Uint8Array {
  const writer = writeGroupRef(new ByteWriter(RGI_PAYLOAD_BYTES).raw(payload.cred), payload.group);
  writer.u8(payload.suite).u8(MODE[payload.mode]).u8(NODE_TYPE[payload.type]);
  writeRosterPoint(writer, payload.roster).u16(encodeCaps(payload.caps));
  return writer
    .u8(payload.oldSlot ?? NO_SLOT)
    .zeros(2)
    .finish();
}

export function decodeRgiPayload(bytes: Uint8Array): RgiPayload | DprpFault {
  if (bytes.length !== RGI_PAYLOAD_BYTES) return 'length';
  const reader = new ByteReader(bytes);
  const cred = reader.raw(CRED_BYTES);
  const group = readGroupRef(reader);
  const suite = reader.u8();
  const mode = modeName(reader.u8());
  const type = endTypeName(reader.u8());
  if (mode === null) return 'mode';
  if (type === null) return 'node-type';
  const roster = readRosterPoint(reader);
  const caps = decodeCaps(reader.u16());
  if (typeof caps === 'string') return caps;
  const oldSlot = reader.u8();
  if (oldSlot !== NO_SLOT && oldSlot >= SLOTS) return 'slot';
  if (!reader.zeros(2)) return 'pad';
  return { cred, group, suite, mode, type, roster, caps, oldSlot: oldSlot === NO_SLOT ? null : oldSlot };
}
