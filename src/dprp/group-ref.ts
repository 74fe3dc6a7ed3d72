import { type GroupId, groupId, type KeyVersion, keyVersion } from '../base/brands.ts';
import type { ByteReader } from '../base/byte-reader.ts';
import type { ByteWriter } from '../base/byte-writer.ts';
import { fromHex, toHex } from '../base/bytes.ts';

/** The group key that a handshake stands on: group, RN1 epoch r and version v (24 bytes: 16 · 4 · 4; protocol.md 9.1). */
export interface GroupRef {
  readonly group: GroupId;
  readonly epoch: number;
  readonly version: KeyVersion;
}

/** The roster that belongs to a version (36 bytes: seq 4 · head 32; protocol.md 9.3). */
export interface RosterPoint {
  readonly seq: number;
  readonly head: Uint8Array;
}

export function writeGroupRef(writer: ByteWriter, ref: GroupRef): ByteWriter {
  return writer.raw(fromHex(ref.group)).u32(ref.epoch).u32(ref.version);
}

export function readGroupRef(reader: ByteReader): GroupRef {
  return { group: groupId(toHex(reader.raw(16))), epoch: reader.u32(), version: keyVersion(reader.u32()) };
}

export function writeRosterPoint(writer: ByteWriter, point: RosterPoint): ByteWriter {
  return writer.u32(point.seq).raw(point.head);
}

export function readRosterPoint(reader: ByteReader): RosterPoint {
  return { seq: reader.u32(), head: reader.raw(32) };
}
