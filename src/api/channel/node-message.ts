import { type GroupId, type KeyVersion, keyVersion } from '../../base/brands.ts';
import { fromHex } from '../../base/bytes.ts';
import { type CborValue, cborMap, encodeCbor } from '../../base/cbor.ts';
import { asBytes, asList, asListOf, asMap, asText, asUint } from '../../base/cbor-fields.ts';
import type { PathAddress } from '../../base/path-address.ts';
import { unreachable } from '../../base/unreachable.ts';
import {
  decodeFields,
  encodeEndpoint,
  endpointsField,
  type Fields,
  flagField,
  groupIdField,
  type MessageFault,
  wordField,
} from './fields.ts';

/** What a node holds of one group: its newest version, and how far it knows the roster. */
export interface HeldGroup {
  readonly id: GroupId;
  readonly v: KeyVersion;
  readonly seq: number;
  /** 32 bytes */
  readonly head: Uint8Array;
}

/** What a node holds: number 0 and no groups when it has nothing. */
export interface Holding {
  /** number of the newest bundle */
  readonly number: number;
  readonly groups: readonly HeldGroup[];
}

/** Where a node listens for datagrams. */
export interface NodeEndpoints {
  /** port of its socket; 0 when it does not know. The server adds the address that it sees the node at, with this port. */
  readonly udpPort: number;
  /** addresses that it knows to be its own */
  readonly endpoints: readonly PathAddress[];
}

/** The first message of a session: who the node is, what it has, and whether it wants what it lacks. */
export interface Hello extends NodeEndpoints {
  readonly type: 'hello';
  /** CA part and key part, 268 bytes (protocol.md 1.3) */
  readonly credential: Uint8Array;
  /** of the program, for people */
  readonly release: string;
  /** formats of the channel that it speaks; this is 1 */
  readonly formats: readonly number[];
  readonly have: Holding;
  /** 'start': the papers' fetch at start. 'none': it comes back after the channel broke. */
  readonly fetch: 'start' | 'none';
  /** It runs all the time, so keys are pushed to it also where clients have to ask (protocol.md 10.2). */
  readonly alwaysOn: boolean;
}

export const FETCH_REASONS = ['start', 'stale', 'whole', 'user'] as const;
/** 'stale': a peer said that a version is old. 'whole': the last update did not build on what the node has. */
export type FetchReason = (typeof FETCH_REASONS)[number];

/** What a node says in a session. */
export type NodeMessage =
  | Hello
  | { readonly type: 'fetch'; readonly why: FetchReason; readonly group?: GroupId }
  | { readonly type: 'renew' }
  | ({ readonly type: 'endpoints' } & NodeEndpoints)
  | { readonly type: 'received'; readonly number: number }
  | { readonly type: 'leave' }
  | { readonly type: 'ping' };

/** The format of messages that this release speaks. */
export const CHANNEL_FORMAT = 1;
/** Longest message of a node. */
export const MAX_NODE_MESSAGE = 1 << 16;
const MOST_GROUPS = 64;

export function encodeNodeMessage(message: NodeMessage): Uint8Array {
  switch (message.type) {
    case 'hello':
      return encodeCbor(
        cborMap({ ...message, have: encodeHolding(message.have), endpoints: message.endpoints.map(encodeEndpoint) }),
      );
    case 'fetch':
      return encodeCbor(cborMap({ ...message, group: message.group && fromHex(message.group) }));
    case 'endpoints':
      return encodeCbor(cborMap({ ...message, endpoints: message.endpoints.map(encodeEndpoint) }));
    case 'renew':
    case 'received':
    case 'leave':
    case 'ping':
      return encodeCbor(cborMap({ ...message }));
    default:
      return unreachable(message);
  }
}

export function decodeNodeMessage(bytes: Uint8Array): NodeMessage | MessageFault {
  const decoded = decodeFields(bytes, MAX_NODE_MESSAGE);
  if (typeof decoded === 'string') return decoded;
  const { type, fields } = decoded;
  switch (type) {
    case 'hello':
      return helloFrom(fields);
    case 'fetch':
      return fetchFrom(fields);
    case 'endpoints': {
      const own = endpointsFrom(fields);
      return own ? { type, ...own } : 'message-field';
    }
    case 'received': {
      const number = asUint(fields.get('number'));
      return number === undefined ? 'message-field' : { type, number };
    }
    case 'renew':
    case 'leave':
    case 'ping':
      return { type };
    default:
      return 'message-type';
  }
}

function encodeHolding({ number, groups }: Holding): CborValue {
  return cborMap({ number, groups: groups.map(({ id, v, seq, head }) => [fromHex(id), v, seq, head]) });
}

function helloFrom(fields: Fields): Hello | MessageFault {
  const [credential, release] = [asBytes(fields.get('credential'), 268), asText(fields.get('release'), 64)];
  const formats = asListOf(fields.get('formats'), (value) => asUint(value, 0xffff), 16);
  const [have, own] = [holdingFrom(fields.get('have')), endpointsFrom(fields)];
  const [wanted, alwaysOn] = [wordField(fields.get('fetch'), ['start', 'none']), flagField(fields, 'alwaysOn')];
  if (!credential || release === undefined || !formats || !have || !own) return 'message-field';
  if (wanted === undefined || alwaysOn === undefined) return 'message-field';
  return { type: 'hello', credential, release, formats, have, ...own, fetch: wanted, alwaysOn };
}

function fetchFrom(fields: Fields): NodeMessage | MessageFault {
  const why = wordField(fields.get('why'), FETCH_REASONS);
  const group = groupIdField(fields.get('group'));
  if (why === undefined || (fields.has('group') && group === undefined)) return 'message-field';
  return { type: 'fetch', why, ...(group !== undefined && { group }) };
}

function endpointsFrom(fields: Fields): NodeEndpoints | undefined {
  const [udpPort, endpoints] = [asUint(fields.get('udpPort'), 0xffff), endpointsField(fields.get('endpoints'))];
  return udpPort === undefined || endpoints === undefined ? undefined : { udpPort, endpoints };
}

function holdingFrom(value: CborValue | undefined): Holding | undefined {
  const map = asMap(value);
  const [number, groups] = [asUint(map?.get('number')), asListOf(map?.get('groups'), heldGroupFrom, MOST_GROUPS)];
  return number === undefined || groups === undefined ? undefined : { number, groups };
}

function heldGroupFrom(value: CborValue): HeldGroup | undefined {
  const list = asList(value) ?? [];
  const [id, v, seq, head] = [groupIdField(list[0]), asUint(list[1]), asUint(list[2]), asBytes(list[3], 32)];
  if (list.length !== 4 || id === undefined || v === undefined || seq === undefined || head === undefined)
    return undefined;
  return { id, v: keyVersion(v), seq, head };
}
