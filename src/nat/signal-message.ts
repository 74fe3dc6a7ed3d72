import { type NodeId, nodeId } from '../base/brands.ts';
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { fromHex, toHex } from '../base/bytes.ts';
import type { PathAddress } from '../base/path-address.ts';
import { unreachable } from '../base/unreachable.ts';
import { CANDIDATE_BYTES, type Candidate, readCandidate, writeCandidate } from './candidate.ts';
import { CANDIDATES_MAX } from './constants.ts';
import { ENDPOINT_BYTES, readEndpoint, writeEndpoint } from './endpoint.ts';
import type { NatFault } from './fault.ts';
import { type NatKind, natByte, natOfByte } from './nat-kind.ts';

/*
 * What a node and a direction coordinator (DC) say to each other inside their channel (protocol.md 6.6): records of
 * signal-session.ts, over UDP or through a tunnel (6.8). type 1, then
 *
 *   01 REGISTER           →DC  seq 4 · nat 1 · candidates · reached relays
 *   02 REGISTERED         DC→  seq 4 · lifetime 2 · seen 19 · ticket 4 · reflect key 32 · vantages · relays
 *   03 KEEP-ALIVE         →DC  seq 4
 *   04 KEPT               DC→  seq 4 · seen 19
 *   05 DIRECTION-REQUEST  →DC  request 4 · target kind 1 (0 address, 1 node) · target 16
 *   06 ROUTE-DIRECTION    DC→  request 4 · path id 8 · role 1 (0 end node, 1 asker) · peer 16 · TempKey 32 · nat 1 ·
 *                              relay 19 · channel 4 · candidates
 *   07 ACK                →DC  path id 8 · status 1 (0 ready, 1 refused) · nat 1 · candidates
 *   08 DIRECTION-REFUSED  DC→  request 4 · reason 1
 *   09 UNREGISTER         →DC
 *
 *   candidates: count 1 (≤ 8), then 20 each. vantages: count 1 (≤ 8), then endpoints of 19. relays: count 1 (≤ 8), then
 *   endpoint 19 · key 32. reached relays: count 1 (≤ 8), then endpoint 19 · round trip 2 in ms, 65535 where none answers.
 *   request is 0 in a ROUTE-DIRECTION to the end node. No relay: 19 zero bytes and channel 0.
 *
 *   asker                      DC                      end node
 *     │ DIRECTION-REQUEST ────►│ ROUTE-DIRECTION ───────►│
 *     │                        │◄─────────────────── ACK │   both bind the channel and probe the other's candidates
 *     │◄────── ROUTE-DIRECTION │                         │
 */

export const DIRECTION_ROLES = ['end', 'asker'] as const;
export const ACK_STATUS = ['ready', 'refused'] as const;
/** Why there is no direction to a node, in the order of their codes. */
export const DIRECTION_REASONS = [
  'unknown',
  'offline',
  'no-common-group',
  'refused',
  'busy',
  'not-registered',
] as const;
export type DirectionReason = (typeof DIRECTION_REASONS)[number];

/** A relay, and the 32 bytes of key by which it admits this node (bind.ts). */
export interface RelayPlace {
  readonly address: PathAddress;
  readonly key: Uint8Array;
}

/** How far a node is from a relay: round trip in whole milliseconds; undefined where it does not answer. */
export interface RelayReach {
  readonly address: PathAddress;
  readonly rtt: number | undefined;
}

export interface Register {
  readonly type: 'register';
  readonly seq: number;
  readonly nat: NatKind;
  readonly candidates: readonly Candidate[];
  /** those that were measured */
  readonly relays: readonly RelayReach[];
}

export interface Registered {
  readonly type: 'registered';
  readonly seq: number;
  /** seconds */
  readonly lifetime: number;
  readonly seen: PathAddress | undefined;
  readonly ticket: number;
  /** 32 bytes: MACs of reflect.ts */
  readonly reflectKey: Uint8Array;
  /** where reflect questions may be sent: at least two, best on two addresses */
  readonly vantages: readonly PathAddress[];
  readonly relays: readonly RelayPlace[];
}

export type DirectionTarget =
  | { readonly kind: 'node'; readonly node: NodeId }
  /** 16 bytes, IPv4 in the last four */
  | { readonly kind: 'address'; readonly address: Uint8Array };

export interface RouteDirection {
  readonly type: 'route-direction';
  readonly request: number;
  readonly pathId: Uint8Array;
  readonly role: (typeof DIRECTION_ROLES)[number];
  readonly peer: NodeId;
  /** 32 bytes; good for 30 s (protocol.md 6.1) */
  readonly tempKey: Uint8Array;
  readonly nat: NatKind;
  readonly relay: { readonly address: PathAddress; readonly channel: number } | undefined;
  readonly candidates: readonly Candidate[];
}

export interface Ack {
  readonly type: 'ack';
  readonly pathId: Uint8Array;
  readonly status: (typeof ACK_STATUS)[number];
  readonly nat: NatKind;
  readonly candidates: readonly Candidate[];
}

export type SignalMessage =
  | Register
  | Registered
  | { readonly type: 'keep-alive'; readonly seq: number }
  | { readonly type: 'kept'; readonly seq: number; readonly seen: PathAddress | undefined }
  | { readonly type: 'direction-request'; readonly request: number; readonly target: DirectionTarget }
  | RouteDirection
  | Ack
  | { readonly type: 'direction-refused'; readonly request: number; readonly reason: DirectionReason }
  | { readonly type: 'unregister' };

const TYPE = {
  register: 1,
  registered: 2,
  'keep-alive': 3,
  kept: 4,
  'direction-request': 5,
  'route-direction': 6,
  ack: 7,
  'direction-refused': 8,
  unregister: 9,
} as const;

const ENDPOINTS_MAX = 8;
const KEY_BYTES = 32;
const NOT_REACHED = 0xffff;
/** The longest message, a ROUTE-DIRECTION or REGISTERED, is shorter. */
const ROOM = 1_024;

export function encodeSignal(message: SignalMessage): Uint8Array {
  const writer = new ByteWriter(ROOM).u8(TYPE[message.type]);
  writeBody(writer, message);
  return writer.bytes.slice(0, writer.position);
}

function writeBody(writer: ByteWriter, message: SignalMessage): void {
  switch (message.type) {
    case 'register':
      writeCandidates(writer.u32(message.seq).u8(natByte(message.nat)), message.candidates);
      writeReached(writer, message.relays);
      return;
    case 'registered':
      writeEndpoint(writer.u32(message.seq).u16(message.lifetime), message.seen).u32(message.ticket);
      writeEndpoints(writer.raw(message.reflectKey), message.vantages);
      writeRelays(writer, message.relays);
      return;
    case 'keep-alive':
      writer.u32(message.seq);
      return;
    case 'kept':
      writeEndpoint(writer.u32(message.seq), message.seen);
      return;
    case 'direction-request': {
      const { target } = message;
      writer.u32(message.request).u8(target.kind === 'node' ? 1 : 0);
      writer.raw(target.kind === 'node' ? fromHex(target.node) : target.address);
      return;
    }
    case 'route-direction':
      writer.u32(message.request).raw(message.pathId).u8(DIRECTION_ROLES.indexOf(message.role));
      writer.raw(fromHex(message.peer)).raw(message.tempKey).u8(natByte(message.nat));
      writeEndpoint(writer, message.relay?.address).u32(message.relay?.channel ?? 0);
      writeCandidates(writer, message.candidates);
      return;
    case 'ack':
      writer.raw(message.pathId).u8(ACK_STATUS.indexOf(message.status)).u8(natByte(message.nat));
      writeCandidates(writer, message.candidates);
      return;
    case 'direction-refused':
      writer.u32(message.request).u8(DIRECTION_REASONS.indexOf(message.reason));
      return;
    case 'unregister':
      return;
    default:
      return unreachable(message);
  }
}

/** Bytes of the fixed part of each type behind its first byte, up to the first list. */
const FIXED: Readonly<Record<number, number>> = {
  [TYPE.register]: 5,
  [TYPE.registered]: 61,
  [TYPE['keep-alive']]: 4,
  [TYPE.kept]: 4 + ENDPOINT_BYTES,
  [TYPE['direction-request']]: 21,
  [TYPE['route-direction']]: 85,
  [TYPE.ack]: 10,
  [TYPE['direction-refused']]: 5,
  [TYPE.unregister]: 0,
};

/** Exact lengths; what a list leaves over is a fault as well (protocol.md W1). */
export function decodeSignal(bytes: Uint8Array): SignalMessage | NatFault {
  if (bytes.length === 0 || bytes.length > ROOM) return 'length';
  const reader = new ByteReader(bytes);
  const type = reader.u8();
  const fixed = FIXED[type];
  if (fixed === undefined) return 'message';
  if (bytes.length < 1 + fixed) return 'length';
  const message = readBody(type, reader, bytes);
  if (typeof message === 'string') return message;
  return reader.position === bytes.length ? message : 'length';
}

function readBody(type: number, reader: ByteReader, bytes: Uint8Array): SignalMessage | NatFault {
  switch (type) {
    case TYPE.register: {
      const [seq, nat, candidates] = [reader.u32(), natOfByte(reader.u8()), readCandidates(reader, bytes)];
      if (nat === undefined) return 'nat';
      if (typeof candidates === 'string') return candidates;
      const relays = readReached(reader, bytes);
      return typeof relays === 'string' ? relays : { type: 'register', seq, nat, candidates, relays };
    }
    case TYPE.registered:
      return readRegistered(reader, bytes);
    case TYPE['keep-alive']:
      return { type: 'keep-alive', seq: reader.u32() };
    case TYPE.kept: {
      const [seq, seen] = [reader.u32(), readEndpoint(reader)];
      return seen === null ? 'endpoint' : { type: 'kept', seq, seen };
    }
    case TYPE['direction-request']: {
      const [request, kind, target] = [reader.u32(), reader.u8(), reader.raw(16)];
      if (kind > 1) return 'target';
      const wanted =
        kind === 1
          ? ({ kind: 'node', node: nodeId(toHex(target)) } as const)
          : ({ kind: 'address', address: target } as const);
      return { type: 'direction-request', request, target: wanted };
    }
    case TYPE['route-direction']:
      return readRouteDirection(reader, bytes);
    case TYPE.ack:
      return readAck(reader, bytes);
    case TYPE['direction-refused']: {
      const [request, reason] = [reader.u32(), DIRECTION_REASONS[reader.u8()]];
      return reason === undefined ? 'reason' : { type: 'direction-refused', request, reason };
    }
    default:
      return { type: 'unregister' };
  }
}

function readRegistered(reader: ByteReader, bytes: Uint8Array): Registered | NatFault {
  const [seq, lifetime, seen, ticket] = [reader.u32(), reader.u16(), readEndpoint(reader), reader.u32()];
  const reflectKey = reader.raw(KEY_BYTES);
  if (seen === null) return 'endpoint';
  if (lifetime === 0) return 'lifetime';
  const vantages = readEndpoints(reader, bytes);
  if (typeof vantages === 'string') return vantages;
  const relays = readRelays(reader, bytes);
  if (typeof relays === 'string') return relays;
  return { type: 'registered', seq, lifetime, seen, ticket, reflectKey, vantages, relays };
}

function readRouteDirection(reader: ByteReader, bytes: Uint8Array): RouteDirection | NatFault {
  const [request, pathId, role] = [reader.u32(), reader.raw(8), DIRECTION_ROLES[reader.u8()]];
  const [peer, tempKey, nat] = [nodeId(toHex(reader.raw(16))), reader.raw(32), natOfByte(reader.u8())];
  const [address, channel] = [readEndpoint(reader), reader.u32()];
  if (role === undefined) return 'role';
  if (nat === undefined) return 'nat';
  if (address === null) return 'endpoint';
  if ((address === undefined) !== (channel === 0)) return 'channel';
  const candidates = readCandidates(reader, bytes);
  if (typeof candidates === 'string') return candidates;
  const relay = address && { address, channel };
  return { type: 'route-direction', request, pathId, role, peer, tempKey, nat, relay, candidates };
}

function readAck(reader: ByteReader, bytes: Uint8Array): Ack | NatFault {
  const [pathId, status, nat] = [reader.raw(8), ACK_STATUS[reader.u8()], natOfByte(reader.u8())];
  if (status === undefined) return 'status';
  if (nat === undefined) return 'nat';
  const candidates = readCandidates(reader, bytes);
  return typeof candidates === 'string' ? candidates : { type: 'ack', pathId, status, nat, candidates };
}

function writeCandidates(writer: ByteWriter, candidates: readonly Candidate[]): void {
  if (candidates.length > CANDIDATES_MAX) throw new RangeError(`${candidates.length} candidates`);
  writer.u8(candidates.length);
  for (const candidate of candidates) writeCandidate(writer, candidate);
}

function readCandidates(reader: ByteReader, bytes: Uint8Array): Candidate[] | NatFault {
  const count = readCount(reader, bytes, CANDIDATE_BYTES, CANDIDATES_MAX);
  if (typeof count === 'string') return count;
  const candidates: Candidate[] = [];
  for (let i = 0; i < count; i++) {
    const candidate = readCandidate(reader);
    if (candidate === null) return 'candidate';
    candidates.push(candidate);
  }
  return candidates;
}

function writeEndpoints(writer: ByteWriter, endpoints: readonly PathAddress[]): void {
  if (endpoints.length > ENDPOINTS_MAX) throw new RangeError(`${endpoints.length} endpoints`);
  writer.u8(endpoints.length);
  for (const endpoint of endpoints) writeEndpoint(writer, endpoint);
}

function readEndpoints(reader: ByteReader, bytes: Uint8Array): PathAddress[] | NatFault {
  const count = readCount(reader, bytes, ENDPOINT_BYTES, ENDPOINTS_MAX);
  if (typeof count === 'string') return count;
  const endpoints: PathAddress[] = [];
  for (let i = 0; i < count; i++) {
    const endpoint = readEndpoint(reader);
    if (!endpoint) return 'endpoint';
    endpoints.push(endpoint);
  }
  return endpoints;
}

function writeRelays(writer: ByteWriter, relays: readonly RelayPlace[]): void {
  if (relays.length > ENDPOINTS_MAX) throw new RangeError(`${relays.length} relays`);
  writer.u8(relays.length);
  for (const { address, key } of relays) writeEndpoint(writer, address).raw(key);
}

function readRelays(reader: ByteReader, bytes: Uint8Array): RelayPlace[] | NatFault {
  const count = readCount(reader, bytes, ENDPOINT_BYTES + KEY_BYTES, ENDPOINTS_MAX);
  if (typeof count === 'string') return count;
  const relays: RelayPlace[] = [];
  for (let i = 0; i < count; i++) {
    const [address, key] = [readEndpoint(reader), reader.raw(KEY_BYTES)];
    if (!address) return 'endpoint';
    relays.push({ address, key });
  }
  return relays;
}

function writeReached(writer: ByteWriter, relays: readonly RelayReach[]): void {
  if (relays.length > ENDPOINTS_MAX) throw new RangeError(`${relays.length} relays`);
  writer.u8(relays.length);
  for (const { address, rtt = NOT_REACHED } of relays) writeEndpoint(writer, address).u16(Math.min(rtt, NOT_REACHED));
}

function readReached(reader: ByteReader, bytes: Uint8Array): RelayReach[] | NatFault {
  const count = readCount(reader, bytes, ENDPOINT_BYTES + 2, ENDPOINTS_MAX);
  if (typeof count === 'string') return count;
  const relays: RelayReach[] = [];
  for (let i = 0; i < count; i++) {
    const [address, rtt] = [readEndpoint(reader), reader.u16()];
    if (!address) return 'endpoint';
    relays.push({ address, rtt: rtt === NOT_REACHED ? undefined : rtt });
  }
  return relays;
}

/** The count of a list that is there as a whole. */
function readCount(reader: ByteReader, bytes: Uint8Array, each: number, most: number): number | NatFault {
  if (reader.position >= bytes.length) return 'length';
  const count = reader.u8();
  if (count > most) return 'count';
  return reader.position + count * each > bytes.length ? 'length' : count;
}
