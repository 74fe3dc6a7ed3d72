import { type GroupId, groupId, type NodeId, nodeId, type UnixSeconds, unixSeconds } from '../../base/brands.ts';
import { concat, toHex } from '../../base/bytes.ts';
import type { CborKey, CborValue } from '../../base/cbor.ts';
import { decodeCbor } from '../../base/cbor-decode.ts';
import { asBytes, asListOf, asMap, asText, asUint } from '../../base/cbor-fields.ts';
import { formatPath, type PathAddress, parsePath } from '../../base/path-address.ts';

/** Fields of a message by their names. */
export type Fields = ReadonlyMap<CborKey, CborValue>;

/**
 * Why the bytes of a message were refused: no CBOR map in the one encoding, too long, a type that this side does not take
 * here, or a field that is missing or no such value. Fields of other names are passed over: a later release may add some.
 */
export type MessageFault = 'message-too-long' | 'message-encoding' | 'message-type' | 'message-field';

/** Most endpoints that a node may claim, and most peers in one directory message. */
export const MOST_ENDPOINTS = 16;
export const MOST_PEERS = 1_024;
const DEPTH = 4;

/** The map of a message, and its type. */
export function decodeFields(bytes: Uint8Array, most: number): { type: string; fields: Fields } | MessageFault {
  const decoded = decodeCbor(bytes, { bytes: most, depth: DEPTH });
  if (decoded === 'cbor-too-long') return 'message-too-long';
  const fields = typeof decoded === 'string' ? undefined : asMap(decoded.value);
  if (fields === undefined) return 'message-encoding';
  const type = asText(fields.get('type'), 32);
  return type === undefined ? 'message-type' : { type, fields };
}

export function timeField(fields: Fields): UnixSeconds | undefined {
  const time = asUint(fields.get('time'));
  return time === undefined ? undefined : unixSeconds(time);
}

export function flagField(fields: Fields, name: string): boolean | undefined {
  const value = fields.get(name);
  return typeof value === 'boolean' ? value : undefined;
}

export function nodeIdField(value: CborValue | undefined): NodeId | undefined {
  const id = asBytes(value, 16);
  return id && nodeId(toHex(id));
}

export function groupIdField(value: CborValue | undefined): GroupId | undefined {
  const id = asBytes(value, 16);
  return id && groupId(toHex(id));
}

/** One of a list of words. */
export function wordField<T extends string>(value: CborValue | undefined, words: readonly T[]): T | undefined {
  return words.find((word) => word === value);
}

export function endpointsField(value: CborValue | undefined): readonly PathAddress[] | undefined {
  return asListOf(value, decodeEndpoint, MOST_ENDPOINTS);
}

/** An endpoint travels as its 4 or 16 address bytes and 2 of port. */
export function encodeEndpoint(path: PathAddress): Uint8Array {
  const { address, port } = parsePath(path);
  return concat(address, Uint8Array.of(port >>> 8, port & 0xff));
}

function decodeEndpoint(value: CborValue): PathAddress | undefined {
  const bytes = asBytes(value);
  if (bytes?.length !== 6 && bytes?.length !== 18) return undefined;
  const at = bytes.length - 2;
  const port = (bytes[at] << 8) | bytes[at + 1];
  return port === 0 ? undefined : formatPath(at === 4 ? 4 : 6, bytes.slice(0, at), port);
}
