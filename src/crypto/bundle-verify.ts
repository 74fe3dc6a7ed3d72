import type { UnixSeconds } from '../base/brands.ts';
import { compareBytes, isZero, wipe } from '../base/bytes.ts';
import {
  type Bundle,
  type BundleDecodeFault,
  type BundleGroup,
  type BundleVersion,
  bundleSigned,
  decodeBundle,
  decodeEnvelope,
  wipeBundle,
} from './bundle.ts';
import { type CaPart, type CaVerifyFault, verifyCaPart, vipsOf } from './credential.ts';
import type { DomainRing } from './domain-ring.ts';
import { deriveDomainKeys, deriveGroupKeys, domainGroupId, type GroupKeys } from './group-key.ts';
import type { KeyRing } from './key-ring.ts';
import type { KeyClock, RingEffect } from './key-states.ts';
import type { CryptoProvider } from './provider.ts';
import { lastRemoveAt, nameAt, type Roster, type RosterFault, verifyRoster } from './roster.ts';

/** A group of a bundle whose roster and versions hold together. */
export interface VerifiedGroup {
  readonly roster: Roster;
  readonly retain: BundleGroup['retain'];
  readonly versions: readonly BundleVersion[];
}

/** A bundle that may be used: every field was checked against the others. */
export interface VerifiedBundle {
  readonly bundle: Bundle;
  readonly caPart: CaPart;
  readonly groups: readonly VerifiedGroup[];
}

export type BundleFault =
  | BundleDecodeFault
  | 'bundle-other-authority'
  | 'bundle-signature'
  | 'bundle-rolled-back'
  | `bundle-ca-part-${CaVerifyFault}`
  | 'bundle-node-key'
  | `bundle-roster-${RosterFault}`
  | 'bundle-roster-not-by-authority'
  | 'bundle-group-twice'
  | 'bundle-not-a-member'
  | 'bundle-addresses-differ'
  | 'bundle-no-version'
  | 'bundle-version-order'
  | 'bundle-version-epoch'
  | 'bundle-version-roster'
  | 'bundle-domain-key-as-group-key'
  | 'bundle-no-domain'
  | 'bundle-domain-order';

/** What the node holds already; nothing at the first import. */
export interface BundleTrust {
  /** The authority's key from the first import. */
  readonly pin?: Uint8Array;
  /** Number of the bundle in use: an older one is refused, the same one is taken again. */
  readonly number?: number;
}

/** Opens a bundle file: signature over the bytes as received, then the fields one against the other. */
export function openBundle(
  provider: CryptoProvider,
  file: Uint8Array,
  now: UnixSeconds,
  trust: BundleTrust = {},
): VerifiedBundle | BundleFault {
  const envelope = decodeEnvelope(file);
  if (typeof envelope === 'string') return envelope;
  const bundle = decodeBundle(envelope.body);
  const signed = bundleSigned(envelope.body);
  envelope.body.fill(0);
  if (typeof bundle === 'string') return bundle;
  const fault = signatureFault(provider, bundle, signed, envelope.signature, trust);
  signed.fill(0);
  const verified = fault ?? verifyContents(provider, bundle, now);
  if (typeof verified === 'string') wipeBundle(bundle);
  return verified;
}

/** Gives a ring the versions of its group; those that it holds already change nothing. */
export function fillRing(
  provider: CryptoProvider,
  ring: KeyRing,
  group: VerifiedGroup,
  now: KeyClock,
): readonly RingEffect[] {
  return group.versions.flatMap((version) => {
    const terms = { ...version, lastRemove: lastRemoveAt(group.roster, version.rosterSeq) };
    return ring.add(terms, versionKeys(provider, group, version), now);
  });
}

/** Gives the domain ring the versions of D. */
export function fillDomainRing(provider: CryptoProvider, ring: DomainRing, bundle: Bundle): void {
  const id = domainGroupId(provider, bundle.ca);
  for (const { v, rn2, activateAt } of bundle.domain) {
    ring.add(v, activateAt, deriveDomainKeys(provider, { groupId: id, v, rn2 }));
  }
}

/** Overwrites the node's seed and all key material of a bundle: of use once its keys are derived (protocol.md 10.5 V7). */
export function wipeVerified({ bundle, groups }: VerifiedBundle): void {
  wipeBundle(bundle);
  for (const { versions } of groups) for (const { rn1, rn2 } of versions) wipe(rn1, rn2);
}

/** The children of one version; the name is the one that the group had when the version was made. */
export function versionKeys(provider: CryptoProvider, { roster }: VerifiedGroup, version: BundleVersion): GroupKeys {
  const { v, r, rn1, rn2, rosterSeq } = version;
  return deriveGroupKeys(provider, { groupId: roster.groupId, name: nameAt(roster, rosterSeq), r, v, rn1, rn2 });
}

function signatureFault(
  provider: CryptoProvider,
  bundle: Bundle,
  signed: Uint8Array,
  signature: Uint8Array,
  trust: BundleTrust,
): BundleFault | undefined {
  if (trust.pin !== undefined && !same(trust.pin, bundle.admin)) return 'bundle-other-authority';
  if (!provider.ed25519Verify(bundle.admin, signed, signature)) return 'bundle-signature';
  return trust.number !== undefined && bundle.number < trust.number ? 'bundle-rolled-back' : undefined;
}

function verifyContents(provider: CryptoProvider, bundle: Bundle, now: UnixSeconds): VerifiedBundle | BundleFault {
  const caPart = verifyCaPart(provider, bundle.node.caPart, [bundle.ca], now);
  if (typeof caPart === 'string') return `bundle-ca-part-${caPart}`;
  const { edSeed } = bundle.node;
  if (edSeed.length === 0 || !same(provider.ed25519KeyPair(edSeed).publicKey, caPart.edPk)) return 'bundle-node-key';
  if (bundle.domain.length === 0) return 'bundle-no-domain';
  if (!ascending(bundle.domain)) return 'bundle-domain-order';
  const groups: VerifiedGroup[] = [];
  for (const group of bundle.groups) {
    const verified = verifyGroup(provider, bundle, caPart, group);
    if (typeof verified === 'string') return verified;
    if (groups.some(({ roster }) => roster.groupId === verified.roster.groupId)) return 'bundle-group-twice';
    groups.push(verified);
  }
  return { bundle, caPart, groups };
}

function verifyGroup(
  provider: CryptoProvider,
  bundle: Bundle,
  caPart: CaPart,
  { groupId, chain, retain, versions }: BundleGroup,
): VerifiedGroup | BundleFault {
  const roster = verifyRoster(provider, chain, groupId);
  if (typeof roster === 'string') return `bundle-roster-${roster}`;
  if (!roster.admins.some((admin) => same(admin, bundle.admin))) return 'bundle-roster-not-by-authority';
  const member = roster.members.get(caPart.nodeId);
  if (member === undefined || !same(member.edPk, caPart.edPk)) return 'bundle-not-a-member';
  const stated = vipsOf(caPart).every((vip) => member.vips.some((other) => same(vip, other)));
  if (!stated || member.vips.length !== vipsOf(caPart).length) return 'bundle-addresses-differ';
  if (versions.length === 0) return 'bundle-no-version';
  if (!ascending(versions)) return 'bundle-version-order';
  let reached = 0;
  for (const { r, rn1, rosterSeq, rosterHead } of versions) {
    if (rosterSeq < reached) return 'bundle-version-roster';
    reached = rosterSeq;
    if (isZero(rn1)) return 'bundle-domain-key-as-group-key';
    if (r > roster.r) return 'bundle-version-epoch';
    const head = roster.heads[rosterSeq];
    if (head === undefined || !same(head, rosterHead)) return 'bundle-version-roster';
  }
  return { roster, retain, versions };
}

function ascending(versions: readonly { readonly v: number }[]): boolean {
  return versions.every(({ v }, i) => i === 0 || versions[i - 1].v < v);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return compareBytes(a, b) === 0;
}
