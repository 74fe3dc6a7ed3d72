import { type NodeId, nodeId } from '../base/brands.ts';
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { fromHex, toHex } from '../base/bytes.ts';
import { type Cid, decodeCid, encodeCid } from '../base/cid.ts';
import { ACTION, type ActionName } from '../base/datagram-kinds.ts';
import { CRED_BYTES, MAX_HOPS } from './constants.ts';
import type { DprpFault } from './fault.ts';
import {
  type GroupRef,
  type RosterPoint,
  readGroupRef,
  readRosterPoint,
  writeGroupRef,
  writeRosterPoint,
} from './group-ref.ts';
import { actionName } from './wire-names.ts';

/*
 * Payload of MPIT, 384 + 50n [+ 32] bytes, decoded only after authentication (protocol.md 2.2)
 *
 *   0          268    306      322  326  330     331      332       340        344         380 381     382   384
 *   +----------+------+--------+----+----+-------+--------+---------+----------+-----------+---+-------+-----+
 *   |cred_I 268|CID 38|group 16| r 4| v 4| suite | action | pit_id 8|lifetime 4|seq 4 +head| n | rekey | 0×2 |
 *   +----------+------+--------+----+----+-------+--------+---------+----------+-----------+---+-------+-----+
 *   then n ×   node_id 16 · action 1 · flags 1 (none defined: 0) · e_G 32
 *   then, if rekey = 1:  HMAC 32 (protocol.md 2.6)
 */

const FIXED_BYTES = 384;
const HOP_BYTES = 50;
const PROOF_BYTES = 32;

/** What I decided for one on-path element. */
export interface MpitHop {
  readonly node: NodeId;
  readonly action: ActionName;
  readonly ephemeral: Uint8Array;
}

/** What I tells of itself and has decided. */
export interface MpitPayload {
  readonly cred: Uint8Array;
  readonly cid: Cid;
  readonly group: GroupRef;
  /** repeats the suite of RGI */
  readonly suite: number;
  /** for R */
  readonly action: ActionName;
  readonly pitId: Uint8Array;
  /** seconds */
  readonly lifetime: number;
  readonly roster: RosterPoint;
  /** in the order of RGI's records */
  readonly hops: readonly MpitHop[];
  /** HMAC by the exporter of the SA that is rekeyed, or null */
  readonly rekeyProof: Uint8Array | null;
}

/** Bytes of the plaintext. */
export function mpitPayloadBytes(hops: number, rekey: boolean): number {
  return FIXED_BYTES + HOP_BYTES * hops + (rekey ? PROOF_BYTES : 0);
}

export function encodeMpitPayload(payload: MpitPayload): Uint8Array {
  const rekey = payload.rekeyProof !== null;
  const writer = new ByteWriter(mpitPayloadBytes(payload.hops.length, rekey));
  writeGroupRef(writer.raw(payload.cred).raw(encodeCid(payload.cid)), payload.group);
  writer.u8(payload.suite).u8(ACTION[payload.action]).raw(payload.pitId).u32(payload.lifetime);
  writeRosterPoint(writer, payload.roster)
    .u8(payload.hops.length)
    .u8(rekey ? 1 : 0)
    .zeros(2);
  for (const hop of payload.hops) writer.raw(fromHex(hop.node)).u8(ACTION[hop.action]).zeros(1).raw(hop.ephemeral);
  if (payload.rekeyProof !== null) writer.raw(payload.rekeyProof);
  return writer.finish();
}

export function decodeMpitPayload(bytes: Uint8Array): MpitPayload | DprpFault {
  if (bytes.length < FIXED_BYTES) return 'length';
  const cid = decodeCid(bytes, CRED_BYTES);
  if (typeof cid === 'string') return 'cid';
  const cred = bytes.slice(0, CRED_BYTES);
  const reader = new ByteReader(bytes, CRED_BYTES + 38);
  const group = readGroupRef(reader);
  const suite = reader.u8();
  const action = actionName(reader.u8());
  if (action === null) return 'action';
  const fields = { pitId: reader.raw(8), lifetime: reader.u32(), roster: readRosterPoint(reader) };
  const count = reader.u8();
  const rekey = reader.u8();
  if (count > MAX_HOPS) return 'count';
  if (rekey > 1) return 'rekey';
  if (!reader.zeros(2)) return 'pad';
  if (bytes.length !== mpitPayloadBytes(count, rekey === 1)) return 'length';
  const hops = readHops(reader, count);
  if (typeof hops === 'string') return hops;
  return { cred, cid, group, suite, action, ...fields, hops, rekeyProof: rekey === 1 ? reader.raw(PROOF_BYTES) : null };
}

function readHops(reader: ByteReader, count: number): MpitHop[] | DprpFault {
  const hops: MpitHop[] = [];
  for (let i = 0; i < count; i++) {
    const node = nodeId(toHex(reader.raw(16)));
    const action = actionName(reader.u8());
    if (action === null) return 'action';
    if (!reader.zeros(1)) return 'flags';
    hops.push({ node, action, ephemeral: reader.raw(32) });
  }
  return hops;
}
