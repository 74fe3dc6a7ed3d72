import type { GroupId, UnixSeconds } from '../base/brands.ts';
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
import {
  acceptChain,
  extendRoster,
  lastRemoveAt,
  nameAt,
  type Roster,
  type RosterFault,
  verifyRoster,
} from './roster.ts';
import { decodeEntry, headOf } from './roster-entry.ts';

/** A group of a bundle whose roster and versions hold together. */
export interface VerifiedGroup {
  readonly roster: Roster;
  /** how many of its entries came in bundles; others were learnt from peers */
  readonly bundled: number;
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
  | 'bundle-base'
  | `bundle-roster-${RosterFault}`
  | 'bundle-roster-hole'
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
  /** The node's own Ed25519 key where it made one: then the bundle brings no seed. */
  readonly edPublic?: Uint8Array;
  /** Rosters that were verified before: of these, only the signatures of what follows are checked. */
  readonly held?: ReadonlyMap<GroupId, HeldRoster>;
}

export type HeldRoster = Pick<VerifiedGroup, 'roster' | 'bundled'>;

/**
 * Opens a bundle: signature over the bytes as received, then the fields one against the other, and where it builds on
 * another one, against what is held. A refusal leaves the node with what it has: it asks for a whole one.
 */
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
  const verified = fault ?? verifyContents(provider, bundle, now, trust);
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
  if (trust.number !== undefined && bundle.number < trust.number) return 'bundle-rolled-back';
  return bundle.base === undefined || bundle.base === trust.number ? undefined : 'bundle-base';
}

function verifyContents(
  provider: CryptoProvider,
  bundle: Bundle,
  now: UnixSeconds,
  trust: BundleTrust,
): VerifiedBundle | BundleFault {
  const caPart = verifyCaPart(provider, bundle.node.caPart, [bundle.ca], now);
  if (typeof caPart === 'string') return `bundle-ca-part-${caPart}`;
  const ownKey = ownKeyOf(provider, bundle, trust);
  if (ownKey === undefined || !same(ownKey, caPart.edPk)) return 'bundle-node-key';
  if (bundle.domain.length === 0 && bundle.base === undefined) return 'bundle-no-domain';
  if (!ascending(bundle.domain)) return 'bundle-domain-order';
  const groups: VerifiedGroup[] = [];
  for (const group of bundle.groups) {
    const verified = verifyGroup(provider, bundle, caPart, group, trust.held?.get(group.groupId));
    if (typeof verified === 'string') return verified;
    if (groups.some(({ roster }) => roster.groupId === verified.roster.groupId)) return 'bundle-group-twice';
    groups.push(verified);
  }
  return { bundle, caPart, groups };
}

function ownKeyOf(provider: CryptoProvider, { node }: Bundle, { edPublic }: BundleTrust): Uint8Array | undefined {
  return node.edSeed.length === 0 ? edPublic : provider.ed25519KeyPair(node.edSeed).publicKey;
}

function verifyGroup(
  provider: CryptoProvider,
  bundle: Bundle,
  caPart: CaPart,
  group: BundleGroup,
  held: HeldRoster | undefined,
): VerifiedGroup | BundleFault {
  const { retain, versions, chain } = group;
  const news = bundle.base === undefined ? undefined : held;
  const roster = news ? extendHeld(provider, news, group) : wholeRoster(provider, group, held);
  if (typeof roster === 'string') return `bundle-roster-${roster}`;
  if (!roster.admins.some((admin) => same(admin, bundle.admin))) return 'bundle-roster-not-by-authority';
  const member = roster.members.get(caPart.nodeId);
  if (member === undefined || !same(member.edPk, caPart.edPk)) return 'bundle-not-a-member';
  const stated = vipsOf(caPart).every((vip) => member.vips.some((other) => same(vip, other)));
  if (!stated || member.vips.length !== vipsOf(caPart).length) return 'bundle-addresses-differ';
  if (versions.length === 0 && !news) return 'bundle-no-version';
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
  const bundled = news ? Math.max(news.bundled, placeOf(group, news) + chain.length) : chain.length;
  return { roster, bundled, retain, versions };
}

/** A whole chain. What is held of it was verified before; where the two part, that is told to whoever keeps the roster. */
function wholeRoster(
  provider: CryptoProvider,
  { groupId, from = 0, chain }: BundleGroup,
  held: HeldRoster | undefined,
): Roster | RosterFault | 'hole' {
  if (from !== 0) return 'hole';
  const accepted = held && acceptChain(provider, held.roster, chain);
  return accepted === undefined || typeof accepted === 'string' ? verifyRoster(provider, chain, groupId) : accepted;
}

/** News of a chain: they begin where the held one ends or before, agree with what they overlap, and do not end before it. */
function extendHeld(provider: CryptoProvider, held: HeldRoster, group: BundleGroup): Roster | RosterFault | 'hole' {
  const { chain } = group;
  const [from, known] = [placeOf(group, held), held.roster.entries.length];
  if (from > known) return 'hole';
  if (from + chain.length < held.bundled) return 'rolled-back';
  const shared = chain.slice(0, known - from);
  for (const [i, bytes] of shared.entries()) {
    const entry = decodeEntry(bytes);
    if (typeof entry === 'string') return entry;
    if (!same(headOf(provider, entry.core), held.roster.heads[from + i])) return 'not-an-extension';
  }
  return extendRoster(provider, held.roster, chain.slice(shared.length));
}

/** Where the chain of a group begins. */
function placeOf({ from, chain }: BundleGroup, { bundled }: HeldRoster): number {
  return from ?? (chain.length === 0 ? bundled : 0);
}

function ascending(versions: readonly { readonly v: number }[]): boolean {
  return versions.every(({ v }, i) => i === 0 || versions[i - 1].v < v);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return compareBytes(a, b) === 0;
}
