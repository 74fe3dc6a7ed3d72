import { type GroupId, type NodeId, unixSeconds } from '../../base/brands.ts';
import { compareBytes } from '../../base/bytes.ts';
import { encodeCbor } from '../../base/cbor.ts';
import { encodeMember, type Member, REMOVE_REASON, type RosterChange } from '../../crypto/roster-entry.ts';
import { appendChanges, chainOf } from './chains.ts';
import type { Draft, View } from './draft.ts';
import { namedGroups } from './find.ts';
import { memberOf } from './node-certificate.ts';
import { rollDomain } from './rolls.ts';
import { changeNumber } from './settings.ts';
import type { GroupRow, NodeRow } from './state.ts';
import type { Tools } from './tools.ts';
import { MOST_WAITING, waitingCount } from './versions.ts';

/** A join is in force after this long, in which the members that are connected are given the key (seconds). */
const JOIN_DELAY = 2;

/** Whom a run of `admitWaiting` took in. */
export interface Admission {
  readonly groups: readonly GroupId[];
  readonly nodes: readonly NodeId[];
}

/** Whether some active node is still to become a member, or to have its addresses stated anew. */
export function someoneWaits(tools: Tools, view: View): boolean {
  return waiting(tools, view).size > 0;
}

/**
 * Takes every active node into the groups that it is to be in: an ADD entry each, and one new version per group however
 * many they are, so that a hundred nodes which join together cost one roll.
 */
export function admitWaiting(tools: Tools, draft: Draft): Admission {
  const nodes = new Set<NodeId>();
  const found = waiting(tools, draft);
  for (const [group, members] of found) {
    const crowded = waitingCount(draft, group, tools.now) >= MOST_WAITING;
    const activateAt = unixSeconds(tools.now + (crowded ? 0 : JOIN_DELAY));
    const changes = members.map((member): RosterChange => ({ kind: 'add', member }));
    appendChanges(tools, draft, group, changes, { cause: 'join', activateAt });
    for (const { nodeId } of members) nodes.add(nodeId);
  }
  for (const id of nodes) showAnew(tools, draft, id);
  return { groups: [...found.keys()].map(({ id }) => id), nodes: [...nodes] };
}

/** Takes nodes out of one group: REMOVE entries, and a new version at once (protocol.md 10.3). Those that are no members are passed over. */
export function takeOut(
  tools: Tools,
  draft: Draft,
  group: GroupRow,
  ids: readonly NodeId[],
  reason: number = REMOVE_REASON.unspecified,
): void {
  const { members } = chainOf(tools, draft, group).roster;
  const changes = ids
    .filter((id) => members.has(id))
    .map((nodeId): RosterChange => ({ kind: 'remove', nodeId, reason }));
  if (changes.length === 0) return;
  appendChanges(tools, draft, group, changes, { cause: 'removal', activateAt: tools.now });
}

/** Takes nodes out of the network: out of every group, with one new version of each, and with a new domain key. */
export function takeAway(tools: Tools, draft: Draft, nodes: readonly NodeRow[], reason: number): void {
  const gone = nodes.filter(({ standing }) => standing !== 'removed');
  if (gone.length === 0) return;
  const ids = gone.map(({ id }) => id);
  for (const group of [...namedGroups(draft)]) takeOut(tools, draft, group, ids, reason);
  for (const node of gone) {
    const row: NodeRow = { ...node, standing: 'removed', groups: [], removedAt: tools.now };
    draft.put({ table: 'nodes', key: node.id, row });
  }
  // a node that was never let in does not hold the domain key
  if (gone.some(({ standing }) => standing === 'active')) rollDomain(tools, draft, 'removal');
}

/** What peers are shown of a node has changed. */
export function showAnew(tools: Tools, draft: Draft, id: NodeId): void {
  const row = draft.get('nodes', id);
  if (row) draft.put({ table: 'nodes', key: id, row: { ...row, number: changeNumber(tools, draft) } });
}

/** The members that the groups are to have and do not have yet, or not with these addresses. */
function waiting(tools: Tools, view: View): ReadonlyMap<GroupRow, readonly Member[]> {
  const rosters = new Map(
    [...namedGroups(view)].map((group) => [group.id, { group, chain: chainOf(tools, view, group) }]),
  );
  const found = new Map<GroupRow, Member[]>();
  for (const node of view.rows('nodes')) {
    if (node.standing !== 'active') continue;
    for (const id of node.groups) {
      const known = rosters.get(id);
      if (known === undefined || isStated(known.chain.roster.members.get(node.id), node)) continue;
      const members = found.get(known.group) ?? [];
      members.push(memberOf(node));
      found.set(known.group, members);
    }
  }
  return found;
}

function isStated(member: Member | undefined, node: NodeRow): boolean {
  if (member === undefined) return false;
  // addresses are given for life, so in most nodes there is nothing to compare
  if (member.routes.length === 0 && node.routes.length === 0) return true;
  const bytes = (each: Member) => encodeCbor(encodeMember(each));
  return compareBytes(bytes(member), bytes(memberOf(node))) === 0;
}
