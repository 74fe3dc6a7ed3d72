import { type UnixSeconds, unixSeconds } from '../../base/brands.ts';
import { wipe } from '../../base/bytes.ts';
import { type CborKey, type CborValue, cborMap, encodeCbor } from '../../base/cbor.ts';
import { decodeCbor } from '../../base/cbor-decode.ts';
import { asBytes, asListOf, asMap, asText, asUint } from '../../base/cbor-fields.ts';
import { type PathAddress, pathAddress } from '../../base/path-address.ts';
import { type CachedKeys, decodeCachedKeys, encodeCachedKeys } from '../cached-keys.ts';
import type { Enrolment } from './link-state.ts';

/** Who this node is and whom it trusts: written when one of these changes. */
export interface LinkIdentity {
  /** Ed25519 seed: a secret, which the node made */
  readonly edSeed: Uint8Array;
  readonly servers: readonly string[];
  readonly tokenId: string;
  /** text of the join token, until it has done its work: a secret */
  readonly token: string | undefined;
  readonly enrolment: Enrolment | undefined;
  /** why an administrator took the node out */
  readonly removed: string | undefined;
}

/** What a start without a server goes on with, and how old it is. */
export interface LinkCache {
  readonly keys: CachedKeys;
  /** when keys and rosters came, when the endpoints did, and when the server was last heard, by its own clock */
  readonly keysAt: UnixSeconds;
  readonly endpointsAt: UnixSeconds;
  readonly lastContact: UnixSeconds;
  /** by node id: where the server said that peers are */
  readonly endpoints: Readonly<Record<string, readonly PathAddress[]>>;
}

const FORMAT = 1;
const LIMITS = { bytes: 64 << 20, depth: 4 };

export function encodeLinkIdentity({ enrolment, ...identity }: LinkIdentity): Uint8Array {
  return encodeCbor(cborMap({ format: FORMAT, ...identity, enrolment: enrolment && cborMap({ ...enrolment }) }));
}

/** Undefined where anything has not the shape that the node writes. */
export function decodeLinkIdentity(bytes: Uint8Array): LinkIdentity | undefined {
  const map = mapOf(bytes);
  const [edSeed, tokenId] = [asBytes(map?.get('edSeed'), 32), asText(map?.get('tokenId'))];
  const servers = asListOf(map?.get('servers'), (value) => asText(value), 64);
  const enrolment = enrolmentFrom(map?.get('enrolment'));
  if (!map || !edSeed || tokenId === undefined || !servers) return undefined;
  if (map.has('enrolment') && !enrolment) return undefined;
  const [token, removed] = [asText(map.get('token'), 4_096), asText(map.get('removed'), 1_024)];
  return { edSeed, tokenId, servers, token, enrolment, removed };
}

/** The bytes hold keys: to be wiped when they are sealed. */
export function encodeLinkCache({ keys, endpoints, ...times }: LinkCache): Uint8Array {
  const inner = encodeCachedKeys(keys);
  const where = new Map<CborKey, CborValue>(Object.entries(endpoints).map(([id, paths]) => [id, [...paths]]));
  const bytes = encodeCbor(cborMap({ format: FORMAT, ...times, endpoints: where, keys: inner }));
  wipe(inner);
  return bytes;
}

export function decodeLinkCache(bytes: Uint8Array): LinkCache | undefined {
  const map = mapOf(bytes);
  const inner = asBytes(map?.get('keys'));
  const [keysAt, endpointsAt, lastContact] = ['keysAt', 'endpointsAt', 'lastContact'].map((key) =>
    asUint(map?.get(key)),
  );
  const endpoints = endpointsFrom(map?.get('endpoints'));
  const keys = inner && decodeCachedKeys(inner);
  if (inner) wipe(inner);
  if (keysAt === undefined || endpointsAt === undefined || lastContact === undefined) return undefined;
  if (!keys || !endpoints) return undefined;
  const times = { keysAt: unixSeconds(keysAt), endpointsAt: unixSeconds(endpointsAt) };
  return { keys, ...times, lastContact: unixSeconds(lastContact), endpoints };
}

function mapOf(bytes: Uint8Array): ReadonlyMap<CborKey, CborValue> | undefined {
  const decoded = decodeCbor(bytes, LIMITS);
  const map = typeof decoded === 'string' ? undefined : asMap(decoded.value);
  return map?.get('format') === FORMAT ? map : undefined;
}

function enrolmentFrom(value: CborValue | undefined): Enrolment | undefined {
  const map = asMap(value);
  const [network, name] = [asText(map?.get('network')), asText(map?.get('name'))];
  const [ca, admin, gmsKey] = ['ca', 'admin', 'gmsKey'].map((key) => asBytes(map?.get(key), 32));
  const caPart = asBytes(map?.get('caPart'), 200);
  if (network === undefined || name === undefined || !ca || !admin || !gmsKey || !caPart) return undefined;
  return { network, name, ca, admin, gmsKey, caPart, caPartAt: unixSeconds(asUint(map?.get('caPartAt')) ?? 0) };
}

function endpointsFrom(value: CborValue | undefined): LinkCache['endpoints'] | undefined {
  const map = asMap(value);
  if (!map) return undefined;
  const endpoints: Record<string, readonly PathAddress[]> = {};
  for (const [id, paths] of map) {
    const parsed = asListOf(paths, pathFrom, 64);
    if (typeof id !== 'string' || !parsed) return undefined;
    endpoints[id] = parsed;
  }
  return endpoints;
}

function pathFrom(value: CborValue): PathAddress | undefined {
  try {
    return pathAddress(asText(value) ?? '');
  } catch {
    return undefined;
  }
}
