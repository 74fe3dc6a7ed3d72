import type { GroupId, NodeId } from '../../../base/brands.ts';
import { GscipError } from '../../../base/errors.ts';
import { REMOVE_REASON } from '../../../crypto/roster-entry.ts';
import { certify, renewalDue } from '../certificates.ts';
import type { Draft, View } from '../draft.ts';
import { groupNamed, groupOf, liveNodes, nodeNamed } from '../find.ts';
import { showAnew, takeAway, takeOut } from '../membership.ts';
import { nodeName } from '../names.ts';
import { checkedRoutes } from '../node-certificate.ts';
import { changeNumber, settingsOf } from '../settings.ts';
import type { NodeMode, NodeRow } from '../state.ts';
import type { Tools } from '../tools.ts';
import { endOfMembership } from './membership-end.ts';
import { MOST_GROUPS } from './tokens.ts';

/** A node's last sign of life is written at most this often (seconds). */
const SEEN_EVERY = 60;
/** An ephemeral node leaves after so long without a sign of life (seconds). */
const EPHEMERAL_LIFE = 86_400;

/** What an administrator may change of a node; what is absent stays, lists are replaced as a whole. */
export interface NodeChange {
  readonly name?: string;
  readonly mode?: NodeMode;
  /** by name */
  readonly groups?: readonly string[];
  readonly routes?: readonly string[];
  /** when its membership ends by itself, in seconds since 1970; null: not by itself */
  readonly until?: number | null;
}

/** Lets a node in that waits for an administrator. */
export function approveNode(tools: Tools, draft: Draft, name: string): NodeRow {
  const node = nodeNamed(draft, name);
  if (node.standing === 'active')
    throw new GscipError('node-active', `the node "${node.name}" is let in already`, 'Nothing is to be done.');
  return put(draft, { ...node, standing: 'active', number: changeNumber(tools, draft) });
}

/** Changes a node. It leaves groups at once and comes into new ones by the next `admitWaiting`. */
export function changeNode(tools: Tools, draft: Draft, text: string, change: NodeChange): NodeRow {
  const node = nodeNamed(draft, text);
  const { mode = node.mode } = change;
  const name = change.name === undefined ? node.name : freeName(draft, node, change.name);
  const groups = change.groups === undefined ? node.groups : requestedGroups(draft, change.groups);
  const routes = change.routes === undefined ? node.routes : checkedRoutes(settingsOf(draft), node.type, change.routes);
  const endsAt = change.until === undefined ? node.endsAt : endOfMembership(tools, change.until);
  const changed = { ...node, name, mode, groups, routes, endsAt };
  const restated = mode !== node.mode || routes !== node.routes || endsAt !== node.endsAt;
  put(draft, restated ? { ...changed, ...certify(tools, draft, changed) } : changed);
  if (restated || name !== node.name) showAnew(tools, draft, node.id);
  for (const id of node.groups) if (!groups.includes(id)) takeOut(tools, draft, groupOf(draft, id), [node.id]);
  return nodeOf(draft, node.id);
}

/** A node is to be a member of one more group. */
export function addToGroup(tools: Tools, draft: Draft, group: string, node: string): NodeRow {
  const { id, name, groups } = nodeNamed(draft, node);
  const wanted = groupNamed(draft, group);
  if (groups.includes(wanted.id))
    throw new GscipError('member-exists', `"${name}" is in "${wanted.name}" already`, 'Nothing is to be done.');
  if (groups.length >= MOST_GROUPS)
    throw new GscipError('usage', `a node is in 1 to ${MOST_GROUPS} groups`, 'Take it out of another one first.');
  changeNumber(tools, draft);
  return put(draft, { ...nodeOf(draft, id), groups: [...groups, wanted.id] });
}

/** Takes a node out of one group at once; it stays in the network (protocol.md 10.3). */
export function removeFromGroup(tools: Tools, draft: Draft, group: string, node: string): NodeRow {
  const { id, name, groups } = nodeNamed(draft, node);
  const left = groupNamed(draft, group);
  if (!groups.includes(left.id))
    throw new GscipError('not-a-member', `"${name}" is not in "${left.name}"`, 'Compare with: gscip admin node list');
  takeOut(tools, draft, left, [id]);
  return put(draft, { ...nodeOf(draft, id), groups: groups.filter((each) => each !== left.id) });
}

/** Removes a node from the network: from all groups with new keys at once, and with a new domain key (protocol.md 10.3). */
export function removeNode(
  tools: Tools,
  draft: Draft,
  name: string,
  reason: number = REMOVE_REASON.unspecified,
): NodeRow {
  const node = nodeNamed(draft, name);
  takeAway(tools, draft, [node], reason);
  return nodeOf(draft, node.id);
}

/** A node's certificate: a new one when two thirds of its life are over, also after its end; else the one there is. */
export function renewCertificate(tools: Tools, draft: Draft, id: NodeId): NodeRow {
  const node = draft.get('nodes', id);
  if (node === undefined) throw new GscipError('node-unknown', 'this network does not know the node', 'Join it again.');
  if (node.standing === 'removed')
    throw new GscipError('node-removed', `the node "${node.name}" was removed`, 'Join with a new identity.');
  return renewalDue(tools, draft, node) ? put(draft, { ...node, ...certify(tools, draft, node) }) : node;
}

/** Notes signs of life, of each node at most once a minute; gives how many were noted. */
export function touchNodes(tools: Tools, draft: Draft, ids: Iterable<NodeId>): number {
  let noted = 0;
  for (const id of ids) {
    const node = draft.get('nodes', id);
    if (node === undefined || node.standing === 'removed' || !isStaleSign(tools, node)) continue;
    put(draft, { ...node, lastSeen: tools.now });
    noted += 1;
  }
  return noted;
}

/** Whether a sign of life of the node would be written; a clock that was put back makes an old one wrong. */
export function isStaleSign({ now }: Tools, { lastSeen }: NodeRow): boolean {
  return now >= lastSeen + SEEN_EVERY || now < lastSeen;
}

/**
 * Removes ephemeral nodes that were not heard of for a day. `connected` are kept whatever their row says: after a clock
 * was put forward, every sign of life is old.
 */
export function removeIdleNodes(tools: Tools, draft: Draft, connected: ReadonlySet<NodeId>): readonly NodeRow[] {
  const idle = idleNodes(tools, draft, connected);
  takeAway(tools, draft, idle, REMOVE_REASON.left);
  return idle;
}

/** The ephemeral nodes whose time is over. */
export function idleNodes(tools: Tools, view: View, connected: ReadonlySet<NodeId>): readonly NodeRow[] {
  return [...liveNodes(view)].filter(
    ({ id, ephemeral, lastSeen }) => ephemeral && !connected.has(id) && tools.now >= lastSeen + EPHEMERAL_LIFE,
  );
}

function requestedGroups(draft: Draft, names: readonly string[]): readonly GroupId[] {
  const groups = [...new Set(names.map((name) => groupNamed(draft, name).id))];
  if (groups.length <= MOST_GROUPS) return groups;
  throw new GscipError('usage', `a node is in at most ${MOST_GROUPS} groups`, 'Name fewer.');
}

function freeName(draft: Draft, node: NodeRow, text: string): string {
  const name = nodeName(text);
  const other = draft.nodeNamed(name);
  if (other === undefined || other.id === node.id) return name;
  throw new GscipError(
    'node-exists',
    `the node "${name}" exists already`,
    'Choose another name, or remove that node first.',
  );
}

function nodeOf(draft: Draft, id: NodeId): NodeRow {
  const node = draft.get('nodes', id);
  if (node === undefined) throw new Error(`no node ${id}`);
  return node;
}

function put(draft: Draft, row: NodeRow): NodeRow {
  draft.put({ table: 'nodes', key: row.id, row });
  return row;
}
