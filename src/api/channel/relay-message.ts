import type { NodeId } from '../../base/brands.ts';
import { fromHex } from '../../base/bytes.ts';
import { type CborValue, cborMap, encodeCbor } from '../../base/cbor.ts';
import { asList, asListOf, asText, asUint } from '../../base/cbor-fields.ts';
import type { PathAddress } from '../../base/path-address.ts';
import { unreachable } from '../../base/unreachable.ts';
import { decodeFields, encodeEndpoint, endpointsField, type Fields, type MessageFault, nodeIdField } from './fields.ts';

/*
 * What a relay that runs apart and a server of its network say to each other in their link (protocol.md 7.1). Records of
 * a node channel; each message is a CBOR map with a `type`.
 */

/** A channel, and the two nodes that may use it. */
export interface AllowedChannel {
  readonly channel: number;
  readonly nodes: readonly [NodeId, NodeId];
}

/** `hello` comes first, and again when the relay's addresses change. */
export type RelayMessage =
  | { readonly type: 'hello'; readonly release: string; readonly endpoints: readonly PathAddress[] }
  | { readonly type: 'ping' };

export type RelayOrder =
  /** the server takes it for a relay of the network now; what follows is everything, not only what is new */
  | { readonly type: 'welcome'; readonly name: string }
  | { readonly type: 'allow'; readonly channels: readonly AllowedChannel[] }
  /** these are not of the network any more */
  | { readonly type: 'remove'; readonly nodes: readonly NodeId[] }
  | { readonly type: 'pong' };

export const MOST_ALLOWED = 1_024;
const MOST_RELAY_ENDPOINTS = 8;
/** Longest message of either side. */
export const MAX_RELAY_MESSAGE = 1 << 17;

export function encodeRelayMessage(message: RelayMessage): Uint8Array {
  switch (message.type) {
    case 'hello':
      return encodeCbor(cborMap({ ...message, endpoints: message.endpoints.map(encodeEndpoint) }));
    case 'ping':
      return encodeCbor(cborMap({ ...message }));
    default:
      return unreachable(message);
  }
}

export function decodeRelayMessage(bytes: Uint8Array): RelayMessage | MessageFault {
  const decoded = decodeFields(bytes, MAX_RELAY_MESSAGE);
  if (typeof decoded === 'string') return decoded;
  const { type, fields } = decoded;
  switch (type) {
    case 'hello': {
      const [release, endpoints] = [asText(fields.get('release'), 64), endpointsField(fields.get('endpoints'))];
      if (release === undefined || !endpoints || endpoints.length > MOST_RELAY_ENDPOINTS) return 'message-field';
      return { type, release, endpoints };
    }
    case 'ping':
      return { type };
    default:
      return 'message-type';
  }
}

export function encodeRelayOrder(order: RelayOrder): Uint8Array {
  switch (order.type) {
    case 'allow':
      return encodeCbor(cborMap({ ...order, channels: order.channels.map(encodeAllowed) }));
    case 'remove':
      return encodeCbor(cborMap({ ...order, nodes: order.nodes.map(fromHex) }));
    case 'welcome':
    case 'pong':
      return encodeCbor(cborMap({ ...order }));
    default:
      return unreachable(order);
  }
}

export function decodeRelayOrder(bytes: Uint8Array): RelayOrder | MessageFault {
  const decoded = decodeFields(bytes, MAX_RELAY_MESSAGE);
  if (typeof decoded === 'string') return decoded;
  return orderFrom(decoded.type, decoded.fields);
}

function orderFrom(type: string, fields: Fields): RelayOrder | MessageFault {
  switch (type) {
    case 'welcome': {
      const name = asText(fields.get('name'), 255);
      return name === undefined ? 'message-field' : { type, name };
    }
    case 'allow': {
      const channels = asListOf(fields.get('channels'), allowedFrom, MOST_ALLOWED);
      return channels ? { type, channels } : 'message-field';
    }
    case 'remove': {
      const nodes = asListOf(fields.get('nodes'), nodeIdField, MOST_ALLOWED);
      return nodes ? { type, nodes } : 'message-field';
    }
    case 'pong':
      return { type };
    default:
      return 'message-type';
  }
}

function encodeAllowed({ channel, nodes: [a, b] }: AllowedChannel): CborValue {
  return [channel, fromHex(a), fromHex(b)];
}

function allowedFrom(value: CborValue): AllowedChannel | undefined {
  const list = asList(value) ?? [];
  const [channel, a, b] = [asUint(list[0], 0xffff_ffff), nodeIdField(list[1]), nodeIdField(list[2])];
  if (list.length !== 3 || channel === undefined || channel === 0 || a === undefined || b === undefined)
    return undefined;
  return a === b ? undefined : { channel, nodes: [a, b] };
}
