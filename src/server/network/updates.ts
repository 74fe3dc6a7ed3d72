import type { HeldGroup, Holding } from '../../api/channel/node-message.ts';
import { type GroupId, type NodeId, unixSeconds } from '../../base/brands.ts';
import { compareBytes } from '../../base/bytes.ts';
import type { EncodedCbor } from '../../base/cbor.ts';
import {
  type Bundle,
  type BundleGroup,
  type BundleVersion,
  encodeBundle,
  encodePeer,
  type WrittenBundle,
} from '../../crypto/bundle.ts';
import type { VersionReason } from '../../crypto/key-states.ts';
import { overlayRanges } from './address-plan.ts';
import { type Chain, chainOf } from './chains.ts';
import type { View } from './draft.ts';
import { groupOf } from './find.ts';
import { publicKeys, settingsOf } from './settings.ts';
import type { GroupRow, NodeRow, SettingsRow, VersionCause, VersionRow } from './state.ts';
import type { Tools } from './tools.ts';
import { currentVersion, versionsOf } from './versions.ts';

/** What is sent to one node, and what it has once it has taken it. */
export interface Update {
  /** the signed bundle */
  readonly bytes: Uint8Array;
  readonly number: number;
  /** number of the bundle that it builds on, or undefined when it is whole */
  readonly base: number | undefined;
  readonly after: Holding;
}

/**
 * Why a node is sent nothing. 'ahead': it has seen a later state than this one, so the database was restored from an older
 * backup, or this process is behind another one; see `overtake`.
 */
export type NoUpdate = 'unknown' | 'pending' | 'removed' | 'ahead' | 'nothing-new';

/** A node's group with the roster that says so. */
interface Membership {
  readonly group: GroupRow;
  readonly chain: Chain;
  /** what the node has of it */
  readonly has: HeldGroup | undefined;
}

/**
 * What a node lacks of what it may know: only the news where that builds on what it has, else all. With `lease`, the keys
 * in force come again even when it has them, so that they may be used for longer (protocol.md 10.4).
 */
export function updateFor(
  tools: Tools,
  view: View,
  id: NodeId,
  have: Holding = NOTHING,
  { lease = false } = {},
): Update | NoUpdate {
  const node = view.get('nodes', id);
  if (node === undefined) return 'unknown';
  if (node.standing !== 'active') return node.standing;
  const settings = settingsOf(view);
  const memberships = membershipsOf(tools, view, node, have);
  if (isAhead(settings, memberships, have)) return 'ahead';
  const base = have.number > 0 && memberships.every(agrees) ? have.number : undefined;
  const context: Context = { tools, view, settings, node, base, lease };
  const news = newsFor(context, memberships, have);
  if (base !== undefined && !lease && node.number <= base && isEmpty(news)) return 'nothing-new';
  const bundle = { ...frameOf(context), ...news, ...(base !== undefined && { base }) };
  return {
    bytes: encodeBundle(tools.provider, bundle, settings.adminSeed),
    number: settings.number,
    base,
    after: { number: settings.number, groups: memberships.map((each) => heldAfter(view, each)) },
  };
}

const NOTHING: Holding = { number: 0, groups: [] };

interface Context {
  readonly tools: Tools;
  readonly view: View;
  readonly settings: SettingsRow;
  readonly node: NodeRow;
  readonly base: number | undefined;
  readonly lease: boolean;
}

type News = Pick<WrittenBundle, 'domain' | 'groups' | 'peers' | 'left'>;

function membershipsOf(tools: Tools, view: View, node: NodeRow, have: Holding): readonly Membership[] {
  return node.groups.flatMap((id) => {
    const group = groupOf(view, id);
    const chain = chainOf(tools, view, group);
    const has = have.groups.find((each) => each.id === id);
    return chain.roster.members.has(node.id) ? [{ group, chain, has }] : [];
  });
}

/** An entry of a roster that is missing here makes a node not ahead: nothing that the server does brings it back. */
function isAhead(settings: SettingsRow, memberships: readonly Membership[], have: Holding): boolean {
  if (have.number > settings.number) return true;
  return memberships.some(({ group, has }) => has !== undefined && has.v > (group.versions.at(-1) ?? 0));
}

/** Whether the chain that the node has is a part of ours. */
function agrees({ chain, has }: Membership): boolean {
  const head = has && chain.roster.heads[has.seq];
  return has === undefined || (head !== undefined && compareBytes(head, has.head) === 0);
}

function newsFor(context: Context, memberships: readonly Membership[], have: Holding): News {
  const { base } = context;
  const known = base === undefined ? memberships.map((each) => ({ ...each, has: undefined })) : memberships;
  const ids = new Set(memberships.map(({ group }) => group.id));
  const left = have.groups.map(({ id }) => id).filter((id) => !ids.has(id));
  return {
    domain: domainVersions(context),
    groups: known.flatMap((each) => bundleGroup(context, each) ?? []),
    peers: peersFor(context, known).map(peerOf),
    ...(base !== undefined && left.length > 0 && { left }),
  };
}

function isEmpty({ domain, groups, peers, left = [] }: News): boolean {
  return [domain, groups, peers, left].every((list) => list.length === 0);
}

/** What stands in every bundle. */
function frameOf({ tools, settings, node }: Context): Omit<Bundle, keyof News | 'base'> {
  const { now } = tools;
  return {
    number: settings.number,
    issuedAt: now,
    serverTime: now,
    network: settings.network,
    ...publicKeys(tools, settings),
    node: { name: node.name, edSeed: new Uint8Array(0), caPart: node.caPart },
    pool: overlayRanges(settings),
  };
}

/** A group as the node is to be told of it, or undefined when it has all. */
function bundleGroup(context: Context, membership: Membership): BundleGroup | undefined {
  const { tools, view, base = 0, lease } = context;
  const { group, chain, has } = membership;
  const current = currentVersion(view, group, tools.now);
  const known = knownVersions(view, membership, context.node);
  const wanted = known.filter(
    ({ v, number }) => has === undefined || v > has.v || number > base || (lease && v >= current.v),
  );
  const entries = chain.roster.entries.slice(has === undefined ? 0 : has.seq + 1);
  if (has !== undefined && wanted.length === 0 && entries.length === 0 && group.number <= base) return undefined;
  const versions = wanted.map((row) => bundleVersion(context, group, row, current));
  const [first] = versions;
  // to a newcomer its first key is in force at once, whenever the others, who hold it as NEXT, turn to it
  if (first && has === undefined)
    versions[0] = { ...first, activateAt: unixSeconds(Math.min(first.activateAt, tools.now)) };
  const news = { groupId: group.id, retain: group.retain, chain: entries, versions };
  return has === undefined ? news : { ...news, from: has.seq + 1 };
}

/**
 * The versions that a member may hold: from its own joining and from the last removal on. Older keys are no business of the
 * newcomer's, and nobody is admitted any more by those from before a removal (protocol.md 9.1, 10.3).
 */
function knownVersions(view: View, { group, chain }: Membership, node: NodeRow): readonly VersionRow[] {
  const first = Math.max(chain.joined.get(node.id) ?? Number.POSITIVE_INFINITY, chain.lastRemove);
  return versionsOf(view, group).filter(({ rosterSeq }) => rosterSeq >= first);
}

const REASON: Readonly<Record<VersionCause, VersionReason>> = {
  created: 'schedule',
  join: 'schedule',
  schedule: 'schedule',
  manual: 'manual',
  removal: 'removal',
};

function bundleVersion(
  { tools, settings }: Context,
  { rn1 }: GroupRow,
  { v, rn2, activateAt, cause, rosterSeq, rosterHead }: VersionRow,
  current: VersionRow,
): BundleVersion {
  const notAfter = unixSeconds(Math.max(tools.now, activateAt) + settings.lease);
  const terms = { v, r: 0, activateAt, notAfter, reason: REASON[cause], rosterSeq, rosterHead };
  return { ...terms, rn1, rn2, ...(v < current.v ? { retired: 'schedule' as const } : {}) };
}

/** From the version that was the newest when the node came; that one is in force at once. */
function domainVersions({ tools, view, settings, node, base = 0 }: Context): Bundle['domain'] {
  const all = versionsOf(view, groupOf(view, settings.domain));
  const joined = all.findLast(({ madeAt }) => madeAt <= node.addedAt) ?? all[0];
  return all
    .filter(({ v, number }) => v >= (joined?.v ?? 0) && number > base)
    .map(({ v, rn2, activateAt }) => {
      const atOnce = v === joined?.v || activateAt <= tools.now;
      return { v, rn2, activateAt: unixSeconds(atOnce ? 0 : activateAt) };
    });
}

/** Those who share a group with the node and are new to it, or are shown otherwise than before. */
function peersFor({ view, node, base = 0 }: Context, memberships: readonly Membership[]): readonly NodeRow[] {
  const peers = new Map<NodeId, NodeRow>();
  for (const { chain, has } of memberships) {
    if (has !== undefined) continue;
    for (const id of chain.roster.members.keys()) {
      const peer = view.get('nodes', id);
      if (peer) peers.set(id, peer);
    }
  }
  for (const membership of memberships)
    for (const peer of newestFirst(view, membership)) {
      if (peer.number <= base) break;
      peers.set(peer.id, peer);
    }
  peers.delete(node.id);
  return [...peers.values()];
}

/** What is shown of a node is encoded once for all whom it is shown to. */
function peerOf(row: NodeRow): EncodedCbor {
  const known = peerItems.get(row);
  if (known !== undefined) return known;
  const { id: nodeId, name, type, mode } = row;
  const item = encodePeer({ nodeId, name, type, mode });
  peerItems.set(row, item);
  return item;
}

const peerItems = new WeakMap<NodeRow, EncodedCbor>();

/** The members of a group, those first of which something was shown last: every such change comes with new settings. */
function newestFirst(view: View, { group, chain }: Membership): readonly NodeRow[] {
  const settings = settingsOf(view);
  const lists = sorted.get(settings) ?? new Map<GroupId, SortedMembers>();
  sorted.set(settings, lists);
  const known = lists.get(group.id);
  if (known?.chain === chain) return known.nodes;
  const nodes = [...chain.roster.members.keys()].flatMap((id) => view.get('nodes', id) ?? []);
  nodes.sort((a, b) => b.number - a.number);
  lists.set(group.id, { chain, nodes });
  return nodes;
}

interface SortedMembers {
  readonly chain: Chain;
  readonly nodes: readonly NodeRow[];
}

const sorted = new WeakMap<SettingsRow, Map<GroupId, SortedMembers>>();

function heldAfter(view: View, { group, chain }: Membership): HeldGroup {
  const { seq, head } = chain.roster;
  const v = versionsOf(view, group).at(-1)?.v;
  if (v === undefined) throw new Error(`group ${group.id} has no key`);
  return { id: group.id, v, seq, head };
}
