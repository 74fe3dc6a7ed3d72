import type { GroupId } from '../../base/brands.ts';
import { GscipError } from '../../base/errors.ts';
import { nearestName } from '../../base/nearest-name.ts';
import type { View } from './draft.ts';
import type { AdministratorRow, GroupRow, NodeRow, RelayRow, TokenRow, UserRow } from './state.ts';

/** The groups that people know: all but the domain group, which has no name. */
export function* namedGroups(view: View): IterableIterator<GroupRow> {
  for (const group of view.rows('groups')) if (group.name !== '') yield group;
}

/** The group of an id that other rows name. */
export function groupOf(view: View, id: GroupId): GroupRow {
  const group = view.get('groups', id);
  if (group === undefined) throw new Error(`no group ${id}`);
  return group;
}

/** The group of that name, or an error with the nearest name there is. */
export function groupNamed(view: View, text: string): GroupRow {
  const name = text.normalize('NFC').trim();
  for (const group of namedGroups(view)) if (group.name === name) return group;
  const remedy = remedyFor(name, names(namedGroups(view)), 'gscip admin group add');
  throw new GscipError('unknown-group', `there is no group "${text}"`, remedy);
}

export function* liveNodes(view: View): IterableIterator<NodeRow> {
  for (const node of view.rows('nodes')) if (node.standing !== 'removed') yield node;
}

/** The live node of that name or id, or an error with the nearest name there is. */
export function nodeNamed(view: View, text: string): NodeRow {
  const found = view.nodeNamed(text) ?? view.get('nodes', text);
  if (found && found.standing !== 'removed') return found;
  const removed = found !== undefined || [...view.rows('nodes')].some(({ name }) => name === text);
  const what = removed ? `the node "${text}" was removed` : `there is no node "${text}"`;
  throw new GscipError('unknown-node', what, remedyFor(text, names(liveNodes(view)), 'gscip admin token create'));
}

export function userNamed(view: View, name: string): UserRow {
  const user = view.get('users', name);
  if (user !== undefined) return user;
  const remedy = remedyFor(name, names(view.rows('users')), 'gscip admin user add');
  throw new GscipError('unknown-user', `there is no user "${name}"`, remedy);
}

export function administratorNamed(view: View, name: string): AdministratorRow {
  const row = view.get('administrators', name);
  if (row !== undefined) return row;
  const remedy = remedyFor(name, names(view.rows('administrators')), 'gscip admin administrator add');
  throw new GscipError('unknown-administrator', `there is no administrator "${name}"`, remedy);
}

export function relayNamed(view: View, name: string): RelayRow {
  for (const relay of view.rows('relays')) if (relay.name === name) return relay;
  const remedy = remedyFor(name, names(view.rows('relays')), 'gscip admin relay add');
  throw new GscipError('unknown-relay', `there is no relay "${name}"`, remedy);
}

export function tokenOf(view: View, id: string): TokenRow {
  const token = view.get('tokens', id);
  if (token !== undefined) return token;
  throw new GscipError('unknown-token', `there is no token "${id}"`, 'Their numbers: gscip admin token list');
}

function names(rows: Iterable<{ readonly name: string }>): readonly string[] {
  return [...rows].map(({ name }) => name);
}

const MOST_LISTED = 8;

/** Names the nearest one; where there are few, all of them. */
function remedyFor(given: string, known: readonly string[], how: string): string {
  const nearest = nearestName(given, known);
  if (nearest === undefined) return `Make one with: ${how}`;
  const all = known.length > 1 && known.length <= MOST_LISTED ? ` There are: ${known.join(', ')}.` : '';
  return `Did you mean "${nearest}"?${all}`;
}
