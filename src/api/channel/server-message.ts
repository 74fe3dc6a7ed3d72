import type { NodeId, UnixSeconds } from '../../base/brands.ts';
import { fromHex } from '../../base/bytes.ts';
import { type CborValue, cborMap, encodeCbor } from '../../base/cbor.ts';
import { asBytes, asList, asListOf, asText } from '../../base/cbor-fields.ts';
import type { PathAddress } from '../../base/path-address.ts';
import { unreachable } from '../../base/unreachable.ts';
import {
  decodeFields,
  encodeEndpoint,
  endpointsField,
  type Fields,
  type MessageFault,
  MOST_PEERS,
  nodeIdField,
  timeField,
  wordField,
} from './fields.ts';
import { encodeRefused, type Refused, refusedFrom } from './refused.ts';
import { type CoordinatorPlace, coordinatorFrom, encodeCoordinator, MOST_COORDINATORS } from './services.ts';

/** Where a node can be reached, as far as the server knows: soft state, of members of common groups only. */
export interface DirectoryPeer {
  readonly id: NodeId;
  readonly endpoints: readonly PathAddress[];
  /** It left the network. */
  readonly gone: boolean;
}

export const SESSION_STANDINGS = ['active', 'pending', 'expired'] as const;
/** 'pending': an administrator has to say yes first. 'expired': the certificate is, and only `renew` is heard. */
export type SessionStanding = (typeof SESSION_STANDINGS)[number];

/** What a server says in a session. `standing` is the first answer to `hello`, and comes again when it changes. */
export type ServerMessage =
  | { readonly type: 'standing'; readonly state: SessionStanding; readonly time: UnixSeconds }
  | { readonly type: 'update'; readonly bundle: Uint8Array }
  | { readonly type: 'certificate'; readonly caPart: Uint8Array }
  | { readonly type: 'directory'; readonly peers: readonly DirectoryPeer[] }
  /** all of the network's coordinators, the server's own first; what was said before holds no more */
  | { readonly type: 'services'; readonly coordinators: readonly CoordinatorPlace[] }
  | { readonly type: 'removed'; readonly reason: string }
  | Refused
  | { readonly type: 'pong'; readonly time: UnixSeconds };

/** Longest message of a server: the largest bundle, and what stands around it. */
export const MAX_SERVER_MESSAGE = (16 << 20) + 1_024;

export function encodeServerMessage(message: ServerMessage): Uint8Array {
  switch (message.type) {
    case 'directory':
      return encodeCbor(cborMap({ ...message, peers: message.peers.map(encodePeer) }));
    case 'services':
      return encodeCbor(cborMap({ ...message, coordinators: message.coordinators.map(encodeCoordinator) }));
    case 'refused':
      return encodeRefused(message);
    case 'standing':
    case 'update':
    case 'certificate':
    case 'removed':
    case 'pong':
      return encodeCbor(cborMap({ ...message }));
    default:
      return unreachable(message);
  }
}

export function decodeServerMessage(bytes: Uint8Array): ServerMessage | MessageFault {
  const decoded = decodeFields(bytes, MAX_SERVER_MESSAGE);
  if (typeof decoded === 'string') return decoded;
  return messageFrom(decoded.type, decoded.fields);
}

function messageFrom(type: string, fields: Fields): ServerMessage | MessageFault {
  switch (type) {
    case 'standing': {
      const [state, time] = [wordField(fields.get('state'), SESSION_STANDINGS), timeField(fields)];
      return state === undefined || time === undefined ? 'message-field' : { type, state, time };
    }
    case 'update': {
      const bundle = asBytes(fields.get('bundle'));
      return bundle ? { type, bundle } : 'message-field';
    }
    case 'certificate': {
      const caPart = asBytes(fields.get('caPart'), 200);
      return caPart ? { type, caPart } : 'message-field';
    }
    case 'directory': {
      const peers = asListOf(fields.get('peers'), peerFrom, MOST_PEERS);
      return peers ? { type, peers } : 'message-field';
    }
    case 'services': {
      const coordinators = asListOf(fields.get('coordinators'), coordinatorFrom, MOST_COORDINATORS);
      return coordinators ? { type, coordinators } : 'message-field';
    }
    case 'removed': {
      const reason = asText(fields.get('reason'));
      return reason === undefined ? 'message-field' : { type, reason };
    }
    case 'refused':
      return refusedFrom(fields);
    case 'pong': {
      const time = timeField(fields);
      return time === undefined ? 'message-field' : { type, time };
    }
    default:
      return 'message-type';
  }
}

function encodePeer({ id, endpoints, gone }: DirectoryPeer): CborValue {
  return [fromHex(id), endpoints.map(encodeEndpoint), gone];
}

function peerFrom(value: CborValue): DirectoryPeer | undefined {
  const list = asList(value) ?? [];
  const [id, endpoints, gone] = [nodeIdField(list[0]), endpointsField(list[1]), list[2]];
  if (list.length !== 3 || id === undefined || endpoints === undefined || typeof gone !== 'boolean') return undefined;
  return { id, endpoints, gone };
}
