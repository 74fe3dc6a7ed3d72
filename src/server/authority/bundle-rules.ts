import { unixSeconds } from '../../base/brands.ts';
import { compareBytes } from '../../base/bytes.ts';
import {
  type Bundle,
  type BundleGroup,
  type BundleVersion,
  decodeBundle,
  decodeEnvelope,
  encodeBundle,
  wipeBundle,
} from '../../crypto/bundle.ts';
import { openBundle } from '../../crypto/bundle-verify.ts';
import type { VersionReason } from '../../crypto/key-states.ts';
import { decodeEntry } from '../../crypto/roster-entry.ts';
import { ulaRange } from '../network/address-plan.ts';
import { CLOCK_SLACK } from '../network/node-certificate.ts';
import { groupsOf, liveNodes } from './node-rules.ts';
import {
  type AuthorityGroup,
  type AuthorityNode,
  type AuthorityState,
  type AuthorityTools,
  currentEpoch,
  type KeyEpoch,
  type KeyHistory,
  type RollReason,
} from './state.ts';

const REASON: Readonly<Record<RollReason, VersionReason>> = {
  created: 'schedule',
  join: 'schedule',
  'by-hand': 'manual',
  removal: 'removal',
};

/** The file for one node: its identity, and of each of its groups the roster and the keys that it may know. */
export function bundleFor(tools: AuthorityTools, state: AuthorityState, node: AuthorityNode): Uint8Array {
  if (!node.edSeed) throw new Error(`${node.name} was removed`);
  const { provider, now } = tools;
  const groups = groupsOf(tools, state, node);
  const bundle: Bundle = {
    number: state.revision,
    issuedAt: now,
    network: state.network,
    admin: provider.ed25519KeyPair(state.adminSeed).publicKey,
    ca: provider.ed25519KeyPair(state.caSeed).publicKey,
    node: { name: node.name, edSeed: node.edSeed, caPart: node.caPart },
    pool: [state.plan.pool, ulaRange(state.plan)],
    domain: domainVersions(state.domain, node),
    groups: groups.map((group) => bundleGroup(tools, group, node)),
    peers: peersOf(tools, state, node, groups),
  };
  const file = encodeBundle(provider, bundle, state.adminSeed);
  const opened = openBundle(provider, file, now);
  if (typeof opened === 'string') throw new Error(`the bundle of ${node.name} does not open: ${opened}`);
  wipeBundle(opened.bundle);
  return file;
}

/** Whether a file is a bundle that this authority wrote for this node: such a one may be replaced. */
export function isBundleOf(tools: AuthorityTools, state: AuthorityState, node: string, file: Uint8Array): boolean {
  const envelope = decodeEnvelope(file);
  const bundle = typeof envelope === 'string' ? envelope : decodeBundle(envelope.body);
  if (typeof bundle === 'string') return false;
  wipeBundle(bundle);
  const admin = tools.provider.ed25519KeyPair(state.adminSeed).publicKey;
  return bundle.node.name === node && compareBytes(bundle.admin, admin) === 0;
}

function bundleGroup(tools: AuthorityTools, group: AuthorityGroup, node: AuthorityNode): BundleGroup {
  const current = currentEpoch(group, tools.now);
  const versions = knownEpochs(group, node).map((epoch) => bundleVersion(tools, group.rn1, epoch, current));
  return { groupId: group.id, retain: 'migrate', chain: group.roster, versions };
}

/**
 * The versions that a member may hold: from its own joining and from the last removal on. Older keys are no business of
 * the newcomer's, and nobody is admitted any more by those from before a removal (protocol.md 9.1, 10.3).
 */
function knownEpochs(group: AuthorityGroup, node: AuthorityNode): readonly KeyEpoch[] {
  const joined = group.roster.findLastIndex((bytes) => {
    const entry = decodeEntry(bytes);
    return typeof entry !== 'string' && entry.change.kind === 'add' && entry.change.member.nodeId === node.id;
  });
  const removal = group.versions.findLast(({ reason }) => reason === 'removal')?.v ?? 0;
  return group.versions.filter(({ v, rosterSeq }) => rosterSeq >= joined && v >= removal);
}

function bundleVersion(tools: AuthorityTools, rn1: Uint8Array, epoch: KeyEpoch, current: KeyEpoch): BundleVersion {
  const { v, rosterSeq, rosterHead, reason } = epoch;
  // a version in force is so for a node whose clock is behind, too
  const activateAt = v <= current.v ? unixSeconds(tools.now - CLOCK_SLACK) : epoch.activateAt;
  const terms = { v, r: 0, activateAt, notAfter: unixSeconds(0), reason: REASON[reason], rosterSeq, rosterHead };
  return { ...terms, rn1, rn2: epoch.rn2, ...(v < current.v ? { retired: 'schedule' as const } : {}) };
}

function domainVersions(domain: KeyHistory, node: AuthorityNode) {
  const first = domain.versions.findLast(({ madeAt }) => madeAt <= node.addedAt)?.v ?? 0;
  const known = domain.versions.filter(({ v }) => v >= first);
  return known.map(({ v, rn2 }) => ({ v, rn2, activateAt: unixSeconds(0) }));
}

function peersOf(tools: AuthorityTools, state: AuthorityState, node: AuthorityNode, groups: readonly AuthorityGroup[]) {
  const ids = new Set(groups.map(({ id }) => id));
  return liveNodes(state)
    .filter((other) => other.id !== node.id && groupsOf(tools, state, other).some(({ id }) => ids.has(id)))
    .map(({ id, name, type, mode }) => ({ nodeId: id, name, type, mode }));
}
