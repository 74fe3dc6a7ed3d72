import { type GroupId, groupId, type NodeId, nodeId, type UnixSeconds, unixSeconds } from '../base/brands.ts';
import { concat, fromHex, toHex, utf8, wipe } from '../base/bytes.ts';
import { type CborKey, type CborValue, cborMap, EncodedCbor, encodeCbor, encodeCborBehind } from '../base/cbor.ts';
import { type CborFault, decodeCbor } from '../base/cbor-decode.ts';
import { asBytes, asList, asListOf, asMap, asText, asUint } from '../base/cbor-fields.ts';
import { type AddressPrefix, decodePrefix, encodePrefix } from './address-prefix.ts';
import type { VersionReason } from './key-states.ts';
import { CRYPTO_LABEL } from './labels.ts';
import type { CryptoProvider } from './provider.ts';

/*
 * What an offline authority gives to one node as a file, and a server to one node inside their channel (protocol.md 9.3):
 * a CBOR map
 *
 *   { "bundle": bytes, "signature": 64 bytes }      the authority's admin key signs "gscip1 bundle" ‖ those bytes
 *
 * in which `bundle` holds a second map with the fields of `Bundle`, in the deterministic encoding. It carries secrets:
 * file mode 0600, and `wipeBundle` after use. A server sends only news where it knows what the node has: such a bundle
 * has a `base`.
 */

/** What the authority tells a node about itself, its groups and its peers. */
export interface Bundle {
  /** Grows with every bundle of the authority: an older one never replaces a newer one. */
  readonly number: number;
  readonly issuedAt: UnixSeconds;
  readonly network: string;
  /** The authority's Ed25519 key for rosters and bundles: pinned at the first import. */
  readonly admin: Uint8Array;
  /** The CA's Ed25519 key (protocol.md 1.3). */
  readonly ca: Uint8Array;
  readonly node: BundleNode;
  /** Overlay address pools. */
  readonly pool: readonly AddressPrefix[];
  readonly domain: readonly BundleDomainVersion[];
  readonly groups: readonly BundleGroup[];
  readonly peers: readonly BundlePeer[];
  /**
   * Number of the bundle that this one builds on; absent: it is whole. With a base, `domain`, `peers`, and the chain and
   * versions of a group hold only what is new, and a group that is not named is unchanged.
   */
  readonly base?: number;
  /** Groups that the node was taken out of since `base`. */
  readonly left?: readonly GroupId[];
  /** The server's clock when it wrote the bundle (protocol.md 10.4). */
  readonly serverTime?: UnixSeconds;
}

export interface BundleNode {
  readonly name: string;
  /** Ed25519 seed: a secret; empty when the node made its own */
  readonly edSeed: Uint8Array;
  /** 200 bytes: type, mode, addresses and routes stand in it */
  readonly caPart: Uint8Array;
}

export interface BundleDomainVersion {
  readonly v: number;
  /** a secret */
  readonly rn2: Uint8Array;
  /** 0: at once */
  readonly activateAt: UnixSeconds;
}

export interface BundleGroup {
  readonly groupId: GroupId;
  readonly retain: 'migrate' | 'flow';
  /** Place of the first entry of `chain`; absent: 0, GENESIS. */
  readonly from?: number;
  /** The roster's entries; the name stands there. */
  readonly chain: readonly Uint8Array[];
  /** Oldest first. */
  readonly versions: readonly BundleVersion[];
}

export interface BundleVersion {
  readonly v: number;
  readonly r: number;
  /** secrets */
  readonly rn1: Uint8Array;
  readonly rn2: Uint8Array;
  /** 0: when a peer uses it */
  readonly activateAt: UnixSeconds;
  /** 0: no lease */
  readonly notAfter: UnixSeconds;
  readonly reason: VersionReason;
  readonly rosterSeq: number;
  readonly rosterHead: Uint8Array;
  readonly retired?: 'schedule' | 'removal';
}

/** What is shown of the other nodes; who they are and what they may use stands in the rosters. */
export interface BundlePeer {
  readonly nodeId: NodeId;
  readonly name: string;
  readonly type: 'ges' | 'gen' | 'gea';
  readonly mode: 'op' | 'cl';
}

/** A bundle to be written; its peers may be encoded already, since many are shown the same. */
export type WrittenBundle = Omit<Bundle, 'peers'> & { readonly peers: readonly (BundlePeer | EncodedCbor)[] };

type BundleField = 'format' | keyof Bundle;
export type BundleDecodeFault =
  | 'bundle-truncated'
  | 'bundle-trailing-bytes'
  | 'bundle-too-long'
  | 'bundle-not-ours'
  | 'bundle-encoding'
  | `bundle-field-${BundleField}`;

/** Largest bundle file. */
export const MAX_BUNDLE = 16 << 20;
const DEPTH = 8;
const MOST_GROUPS = 64;
const FORMAT = 1;
const REASONS = ['schedule', 'manual', 'removal'] as const;

/** The bytes of the file, signed with the authority's seed, whose public key must stand in `admin`. */
export function encodeBundle(provider: CryptoProvider, bundle: WrittenBundle, adminSeed: Uint8Array): Uint8Array {
  const signed = encodeCborBehind(
    LABEL,
    cborMap({
      format: FORMAT,
      number: bundle.number,
      issuedAt: bundle.issuedAt,
      network: bundle.network,
      admin: bundle.admin,
      ca: bundle.ca,
      node: [bundle.node.name, bundle.node.edSeed, bundle.node.caPart],
      pool: bundle.pool.map(encodePrefix),
      domain: bundle.domain.map(({ v, rn2, activateAt }) => [v, rn2, activateAt]),
      groups: bundle.groups.map(encodeGroup),
      peers: bundle.peers.map((peer) => (peer instanceof EncodedCbor ? peer : peerItem(peer))),
      base: bundle.base,
      left: bundle.left?.map(fromHex),
      serverTime: bundle.serverTime,
    }),
  );
  const signature = provider.ed25519Sign(adminSeed, signed);
  const file = encodeCbor(cborMap({ bundle: signed.subarray(LABEL.length), signature }));
  wipe(signed); // it holds keys, as what goes out does
  return file;
}

/** A peer for many bundles. */
export function encodePeer(peer: BundlePeer): EncodedCbor {
  return new EncodedCbor(peerItem(peer));
}

/** The two parts of a bundle file; nothing is verified. */
export function decodeEnvelope(
  bytes: Uint8Array,
): { readonly body: Uint8Array; readonly signature: Uint8Array } | BundleDecodeFault {
  const outer = decodeCbor(bytes, { bytes: MAX_BUNDLE, depth: 1 });
  if (typeof outer === 'string') return envelopeFault(outer);
  const map = asMap(outer.value);
  const [body, signature] = [asBytes(map?.get('bundle')), asBytes(map?.get('signature'), 64)];
  return body && signature && map?.size === 2 ? { body, signature } : 'bundle-not-ours';
}

/** The fields of the signed part; nothing is verified. */
export function decodeBundle(body: Uint8Array): Bundle | BundleDecodeFault {
  const decoded = decodeCbor(body, { bytes: MAX_BUNDLE, depth: DEPTH });
  if (typeof decoded === 'string') return 'bundle-encoding';
  const map = asMap(decoded.value);
  if (map === undefined) return 'bundle-not-ours';
  if (map.get('format') !== FORMAT) return 'bundle-field-format';
  const fields = parseFields(map);
  const { number, issuedAt, network, admin, ca, node, pool, domain, groups, peers } = fields;
  if (number === undefined) return 'bundle-field-number';
  if (issuedAt === undefined) return 'bundle-field-issuedAt';
  if (network === undefined) return 'bundle-field-network';
  if (admin === undefined) return 'bundle-field-admin';
  if (ca === undefined) return 'bundle-field-ca';
  if (node === undefined) return 'bundle-field-node';
  if (pool === undefined) return 'bundle-field-pool';
  if (domain === undefined) return 'bundle-field-domain';
  if (groups === undefined) return 'bundle-field-groups';
  if (peers === undefined) return 'bundle-field-peers';
  const news = parseNews(map);
  if (typeof news === 'string') return news;
  return { number, issuedAt: unixSeconds(issuedAt), network, admin, ca, node, pool, domain, groups, peers, ...news };
}

/** What the authority signs. */
export function bundleSigned(body: Uint8Array): Uint8Array {
  return concat(LABEL, body);
}

const LABEL = utf8(CRYPTO_LABEL.bundle);

/** Overwrites the secrets of a bundle whose keys have been derived. */
export function wipeBundle(bundle: Bundle): void {
  wipe(bundle.node.edSeed);
  for (const { rn2 } of bundle.domain) wipe(rn2);
  for (const { versions } of bundle.groups) for (const { rn1, rn2 } of versions) wipe(rn1, rn2);
}

function envelopeFault(fault: CborFault): BundleDecodeFault {
  if (fault === 'cbor-short') return 'bundle-truncated';
  if (fault === 'cbor-trailing') return 'bundle-trailing-bytes';
  return fault === 'cbor-too-long' ? 'bundle-too-long' : 'bundle-not-ours';
}

function peerItem({ nodeId: id, name, type, mode }: BundlePeer): readonly CborValue[] {
  return [fromHex(id), name, type, mode];
}

function encodeGroup(group: BundleGroup): CborValue {
  return cborMap({
    id: fromHex(group.groupId),
    from: group.from,
    retain: group.retain,
    chain: group.chain,
    versions: group.versions.map(encodeVersion),
  });
}

function encodeVersion(version: BundleVersion): CborValue {
  const { v, r, rn1, rn2, activateAt, notAfter, reason, rosterSeq, rosterHead, retired } = version;
  return cborMap({ v, r, rn1, rn2, activateAt, notAfter, reason, rosterSeq, rosterHead, retired });
}

function parseFields(map: ReadonlyMap<CborKey, CborValue>) {
  return {
    number: asUint(map.get('number')),
    issuedAt: asUint(map.get('issuedAt')),
    network: asText(map.get('network')),
    admin: asBytes(map.get('admin'), 32),
    ca: asBytes(map.get('ca'), 32),
    node: parseNode(map.get('node')),
    pool: asListOf(map.get('pool'), (prefix) => decodePrefix(asBytes(prefix) ?? NONE) ?? undefined, 16),
    domain: asListOf(map.get('domain'), parseDomain, 8),
    groups: asListOf(map.get('groups'), parseGroup, MOST_GROUPS),
    peers: asListOf(map.get('peers'), parsePeer),
  };
}

/** The fields that may be left out. */
function parseNews(map: ReadonlyMap<CborKey, CborValue>): BundleNews | BundleDecodeFault {
  const [base, time] = ['base', 'serverTime'].map((key) => asUint(map.get(key)));
  const left = asListOf(map.get('left'), parseGroupId, MOST_GROUPS);
  if (map.has('base') && base === undefined) return 'bundle-field-base';
  if (map.has('left') && left === undefined) return 'bundle-field-left';
  if (map.has('serverTime') && time === undefined) return 'bundle-field-serverTime';
  return {
    ...(base !== undefined && { base }),
    ...(left !== undefined && { left }),
    ...(time !== undefined && { serverTime: unixSeconds(time) }),
  };
}

type BundleNews = Pick<Bundle, 'base' | 'left' | 'serverTime'>;

function parseGroupId(value: CborValue | undefined): GroupId | undefined {
  const id = asBytes(value, 16);
  return id && groupId(toHex(id));
}

const NONE = new Uint8Array(0);

function parseNode(value: CborValue | undefined): BundleNode | undefined {
  const list = asList(value) ?? [];
  if (list.length !== 3) return undefined;
  const [name, edSeed, caPart] = [asText(list[0]), asBytes(list[1]), asBytes(list[2], 200)];
  if (name === undefined || (edSeed?.length !== 0 && edSeed?.length !== 32)) return undefined;
  return caPart && { name, edSeed, caPart };
}

function parseDomain(value: CborValue): BundleDomainVersion | undefined {
  const list = asList(value) ?? [];
  if (list.length !== 3) return undefined;
  const [v, rn2, activateAt] = [asUint(list[0]), asBytes(list[1], 32), asUint(list[2])];
  if (v === undefined || rn2 === undefined || activateAt === undefined) return undefined;
  return { v, rn2, activateAt: unixSeconds(activateAt) };
}

function parseGroup(value: CborValue): BundleGroup | undefined {
  const map = asMap(value);
  const [id, retain] = [parseGroupId(map?.get('id')), map?.get('retain')];
  const chain = asListOf(map?.get('chain'), (entry) => asBytes(entry), 1 << 20);
  const versions = asListOf(map?.get('versions'), parseVersion, 64);
  if (id === undefined || chain === undefined || versions === undefined) return undefined;
  if (retain !== 'migrate' && retain !== 'flow') return undefined;
  const group = { groupId: id, retain, chain, versions } as const;
  if (map?.size === 4) return group;
  const from = asUint(map?.get('from'));
  return map?.size === 5 && from !== undefined ? { ...group, from } : undefined;
}

function parseVersion(value: CborValue): BundleVersion | undefined {
  const map = asMap(value);
  const [v, r, seq] = [asUint(map?.get('v')), asUint(map?.get('r')), asUint(map?.get('rosterSeq'))];
  const [activateAt, notAfter] = [asUint(map?.get('activateAt')), asUint(map?.get('notAfter'))];
  const [rn1, rn2, head] = ['rn1', 'rn2', 'rosterHead'].map((key) => asBytes(map?.get(key), 32));
  const reason = REASONS.find((name) => name === map?.get('reason'));
  if (v === undefined || r === undefined || seq === undefined || activateAt === undefined || notAfter === undefined) {
    return undefined;
  }
  if (rn1 === undefined || rn2 === undefined || head === undefined || reason === undefined) return undefined;
  const times = { activateAt: unixSeconds(activateAt), notAfter: unixSeconds(notAfter) };
  const version = { v, r, rn1, rn2, ...times, reason, rosterSeq: seq, rosterHead: head };
  const retired = map?.get('retired');
  if (retired === undefined) return map?.size === 9 ? version : undefined;
  return map?.size === 10 && (retired === 'schedule' || retired === 'removal') ? { ...version, retired } : undefined;
}

function parsePeer(value: CborValue): BundlePeer | undefined {
  const list = asList(value) ?? [];
  if (list.length !== 4) return undefined;
  const [id, name] = [asBytes(list[0], 16), asText(list[1])];
  const type = (['ges', 'gen', 'gea'] as const).find((each) => each === list[2]);
  const mode = (['op', 'cl'] as const).find((each) => each === list[3]);
  return name === undefined ? undefined : id && type && mode && { nodeId: nodeId(toHex(id)), name, type, mode };
}
