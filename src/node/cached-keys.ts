import { type GroupId, groupId, nodeId, type UnixSeconds, unixSeconds } from '../base/brands.ts';
import { fromHex, toHex } from '../base/bytes.ts';
import { type CborKey, type CborValue, cborMap, encodeCbor } from '../base/cbor.ts';
import { decodeCbor } from '../base/cbor-decode.ts';
import { asBytes, asList, asListOf, asMap, asText, asUint } from '../base/cbor-fields.ts';
import { decodePrefix, encodePrefix } from '../crypto/address-prefix.ts';
import type { BundleDomainVersion, BundleGroup, BundlePeer, BundleVersion } from '../crypto/bundle.ts';
import type { DomainKeys, GroupKeys } from '../crypto/group-key.ts';
import type { NodeFacts } from './node-facts.ts';

/*
 * What a node keeps of its keys, to start again while its server is dead (protocol.md 10.4): the children of each
 * version, and never RN2 or PRK (protocol.md 10.5 V7). One CBOR map, sealed before it reaches the disk.
 */

/** Keys and facts as they are kept. Rosters are whole chains, verified again when they are taken up. */
export interface CachedKeys {
  readonly facts: NodeFacts;
  readonly domain: readonly CachedDomainVersion[];
  readonly groups: readonly CachedGroup[];
}

export interface CachedDomainVersion extends DomainKeys, Pick<BundleDomainVersion, 'v' | 'activateAt'> {}

export interface CachedGroup {
  readonly id: GroupId;
  readonly retain: BundleGroup['retain'];
  readonly chain: readonly Uint8Array[];
  /** how many of the entries came in bundles */
  readonly bundled: number;
  /** Proof of two rosters for one version was seen: nobody is admitted, whatever comes (protocol.md 9.3). */
  readonly stopped: boolean;
  /** oldest first */
  readonly versions: readonly CachedVersion[];
}

export interface CachedVersion extends Omit<BundleVersion, 'rn1' | 'rn2' | 'retired'> {
  /** Nothing but K_tag and K_stale was left of it: the others are zeros. */
  readonly tagsOnly: boolean;
  readonly keys: GroupKeys;
}

const KEY_NAMES = ['kTag', 'kPsk', 'kStale', 'kDde', 'kChat', 'kMbox', 'kMc'] as const;
const LIMITS = { bytes: 32 << 20, depth: 8 };
const FORMAT = 1;

export function encodeCachedKeys({ facts, domain, groups }: CachedKeys): Uint8Array {
  return encodeCbor(
    cborMap({
      format: FORMAT,
      number: facts.number,
      network: facts.network,
      admin: facts.admin,
      ca: facts.ca,
      name: facts.name,
      caPart: facts.caPart,
      pool: facts.pool.map(encodePrefix),
      peers: [...facts.peers.values()].map(({ nodeId: id, name, type, mode }) => [fromHex(id), name, type, mode]),
      domain: domain.map(({ v, activateAt, kDde, kTag, kStale }) => [v, activateAt, kDde, kTag, kStale]),
      groups: groups.map(encodeGroup),
    }),
  );
}

/** Undefined where anything has not the shape that the node writes. */
export function decodeCachedKeys(bytes: Uint8Array): CachedKeys | undefined {
  const decoded = decodeCbor(bytes, LIMITS);
  const map = typeof decoded === 'string' ? undefined : asMap(decoded.value);
  if (map?.get('format') !== FORMAT) return undefined;
  const facts = parseFacts(map);
  const domain = asListOf(map.get('domain'), parseDomain, 16);
  const groups = asListOf(map.get('groups'), parseGroup, 64);
  return facts && domain && groups && { facts, domain, groups };
}

function encodeGroup({ id, retain, chain, bundled, stopped, versions }: CachedGroup): CborValue {
  return cborMap({ id: fromHex(id), retain, chain, bundled, stopped, versions: versions.map(encodeVersion) });
}

function encodeVersion({ keys, tagsOnly, ...terms }: CachedVersion): CborValue {
  const { v, r, activateAt, notAfter, reason, rosterSeq, rosterHead } = terms;
  const bytes = KEY_NAMES.map((name) => keys[name]);
  return cborMap({ v, r, activateAt, notAfter, reason, rosterSeq, rosterHead, tagsOnly, keys: bytes });
}

function parseFacts(map: ReadonlyMap<CborKey, CborValue>): NodeFacts | undefined {
  const [number, network, name] = [asUint(map.get('number')), asText(map.get('network')), asText(map.get('name'))];
  const [admin, ca, caPart] = [bytesOf(map, 'admin', 32), bytesOf(map, 'ca', 32), bytesOf(map, 'caPart', 200)];
  const pool = asListOf(map.get('pool'), (prefix) => decodePrefix(asBytes(prefix) ?? new Uint8Array(0)) ?? undefined);
  const peers = asListOf(map.get('peers'), parsePeer);
  if (number === undefined || network === undefined || name === undefined || !admin || !ca) return undefined;
  if (!caPart || !pool || !peers) return undefined;
  return { number, network, admin, ca, name, caPart, pool, peers: new Map(peers.map((peer) => [peer.nodeId, peer])) };
}

function parsePeer(value: CborValue): BundlePeer | undefined {
  const [first, name, third, fourth] = asList(value) ?? [];
  const [id, text] = [asBytes(first, 16), asText(name)];
  const type = (['ges', 'gen', 'gea'] as const).find((each) => each === third);
  const mode = (['op', 'cl'] as const).find((each) => each === fourth);
  return id && text !== undefined && type && mode ? { nodeId: nodeId(toHex(id)), name: text, type, mode } : undefined;
}

function parseDomain(value: CborValue): CachedDomainVersion | undefined {
  const [first, second, ...keys] = asList(value) ?? [];
  const [v, activateAt] = [asUint(first), timeOf(second)];
  const [kDde, kTag, kStale] = keys.map((key) => asBytes(key, 32));
  if (v === undefined || activateAt === undefined || !kDde || !kTag || !kStale) return undefined;
  return { v, activateAt, kDde, kTag, kStale };
}

function parseGroup(value: CborValue): CachedGroup | undefined {
  const map = asMap(value);
  if (!map) return undefined;
  const [id, bundled, retain] = [bytesOf(map, 'id', 16), asUint(map.get('bundled')), map.get('retain')];
  const chain = asListOf(map.get('chain'), (entry) => asBytes(entry), 1 << 20);
  const versions = asListOf(map.get('versions'), parseVersion, 64);
  if (!id || bundled === undefined || !chain || !versions) return undefined;
  const stopped = map.get('stopped') ?? false; // absent in what earlier releases kept
  if ((retain !== 'migrate' && retain !== 'flow') || typeof stopped !== 'boolean') return undefined;
  return { id: groupId(toHex(id)), retain, chain, bundled, stopped, versions };
}

function parseVersion(value: CborValue): CachedVersion | undefined {
  const map = asMap(value);
  if (!map) return undefined;
  const [v, r, rosterSeq] = [asUint(map.get('v')), asUint(map.get('r')), asUint(map.get('rosterSeq'))];
  const [activateAt, notAfter] = [timeOf(map.get('activateAt')), timeOf(map.get('notAfter'))];
  const reason = (['schedule', 'manual', 'removal'] as const).find((each) => each === map.get('reason'));
  const [rosterHead, tagsOnly] = [bytesOf(map, 'rosterHead', 32), map.get('tagsOnly')];
  const keys = parseKeys(map.get('keys'));
  if (v === undefined || r === undefined || rosterSeq === undefined || activateAt === undefined) return undefined;
  if (notAfter === undefined || !reason || !rosterHead || typeof tagsOnly !== 'boolean' || !keys) return undefined;
  return { v, r, rosterSeq, activateAt, notAfter, reason, rosterHead, tagsOnly, keys };
}

function parseKeys(value: CborValue | undefined): GroupKeys | undefined {
  const [kTag, kPsk, kStale, kDde, kChat, kMbox, kMc] = asListOf(value, (key) => asBytes(key, 32)) ?? [];
  return kMc && { kTag, kPsk, kStale, kDde, kChat, kMbox, kMc };
}

function bytesOf(map: ReadonlyMap<CborKey, CborValue>, key: string, length: number): Uint8Array | undefined {
  return asBytes(map.get(key), length);
}

function timeOf(value: CborValue | undefined): UnixSeconds | undefined {
  const time = asUint(value);
  return time === undefined ? undefined : unixSeconds(time);
}
