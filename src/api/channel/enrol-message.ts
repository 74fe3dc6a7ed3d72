import type { UnixSeconds } from '../../base/brands.ts';
import { fromHex, toHex } from '../../base/bytes.ts';
import { cborMap, encodeCbor } from '../../base/cbor.ts';
import { asBytes, asText } from '../../base/cbor-fields.ts';
import { decodeFields, type Fields, flagField, type MessageFault, timeField } from './fields.ts';
import { encodeRefused, type Refused, refusedFrom } from './refused.ts';

/** What a node sends first in an enrolment (protocol.md 11). The secret of the token is not in it. */
export interface EnrolRequest {
  readonly type: 'enrol';
  /** 16 hex digits */
  readonly tokenId: string;
  /** Ed25519 key that the node made: its identity */
  readonly edPublic: Uint8Array;
  /** name that it would like to have */
  readonly name: string;
  /** 64 bytes: by that key, over the handshake hash and the fields above */
  readonly signature: Uint8Array;
  /** 32 bytes: the same under the secret of the token */
  readonly mac: Uint8Array;
}

/** What the account server gives to a node that it took. */
export interface Enrolled {
  readonly type: 'enrolled';
  readonly network: string;
  /** the name that the node got: as asked for, or with -2, -3 … behind it */
  readonly name: string;
  /** 200 bytes (protocol.md 1.3) */
  readonly caPart: Uint8Array;
  /** the CA's statement about the key of the group management server */
  readonly gmsCertificate: Uint8Array;
  /** Ed25519 keys that the node pins: of the CA, and of the administrator who signs rosters and bundles */
  readonly ca: Uint8Array;
  readonly admin: Uint8Array;
  /** An administrator has to say yes before it gets a key. */
  readonly pending: boolean;
  readonly time: UnixSeconds;
}

export type EnrolAnswer = Enrolled | Refused;

/** Longest request of a node that has proved nothing yet. */
export const MAX_ENROL_REQUEST = 1_024;
const MAX_ENROL_ANSWER = 4_096;

export function encodeEnrolRequest(request: EnrolRequest): Uint8Array {
  return encodeCbor(cborMap({ ...request, tokenId: fromHex(request.tokenId) }));
}

export function decodeEnrolRequest(bytes: Uint8Array): EnrolRequest | MessageFault {
  const decoded = decodeFields(bytes, MAX_ENROL_REQUEST);
  if (typeof decoded === 'string') return decoded;
  const { type, fields } = decoded;
  if (type !== 'enrol') return 'message-type';
  const [tokenId, edPublic] = [asBytes(fields.get('tokenId'), 8), asBytes(fields.get('edPublic'), 32)];
  const [signature, mac] = [asBytes(fields.get('signature'), 64), asBytes(fields.get('mac'), 32)];
  const name = asText(fields.get('name'));
  if (!tokenId || !edPublic || !signature || !mac || name === undefined) return 'message-field';
  return { type, tokenId: toHex(tokenId), edPublic, name, signature, mac };
}

export function encodeEnrolAnswer(answer: EnrolAnswer): Uint8Array {
  return answer.type === 'refused' ? encodeRefused(answer) : encodeCbor(cborMap({ ...answer }));
}

export function decodeEnrolAnswer(bytes: Uint8Array): EnrolAnswer | MessageFault {
  const decoded = decodeFields(bytes, MAX_ENROL_ANSWER);
  if (typeof decoded === 'string') return decoded;
  if (decoded.type === 'refused') return refusedFrom(decoded.fields);
  return decoded.type === 'enrolled' ? enrolledFrom(decoded.fields) : 'message-type';
}

function enrolledFrom(fields: Fields): Enrolled | MessageFault {
  const [network, name] = [asText(fields.get('network')), asText(fields.get('name'))];
  const [caPart, gmsCertificate] = [asBytes(fields.get('caPart'), 200), asBytes(fields.get('gmsCertificate'))];
  const [ca, admin] = [asBytes(fields.get('ca'), 32), asBytes(fields.get('admin'), 32)];
  const [pending, time] = [flagField(fields, 'pending'), timeField(fields)];
  if (network === undefined || name === undefined || pending === undefined || time === undefined) {
    return 'message-field';
  }
  if (!caPart || !gmsCertificate || !ca || !admin) return 'message-field';
  return { type: 'enrolled', network, name, caPart, gmsCertificate, ca, admin, pending, time };
}
