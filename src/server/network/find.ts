import type { GroupId } from '../../base/brands.ts';
import { GscipError } from '../../base/errors.ts';
import { nearestName } from '../../base/nearest-name.ts';
import type { View } from './draft.ts';
import type { AdministratorRow, GroupRow, NodeRow, TokenRow, UserRow } from './state.ts';

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
  throw unknown(
    'unknown-group',
    `there is no group "${text}"`,
    name,
    names(namedGroups(view)),
    'gscip admin group add',
  );
}

export function* liveNodes(view: View): IterableIterator<NodeRow> {
  for (const node of view.rows('nodes')) if (node.standing !== 'removed') yield node;
}

/** The live node of that name or id, or an error with the nearest name there is. */
export function nodeNamed(view: View, text: string): NodeRow {
  let removed = false;
  for (const node of view.rows('nodes')) {
    if (node.name !== text && node.id !== text) continue;
    if (node.standing !== 'removed') return node;
    removed = true;
  }
  const what = removed ? `the node "${text}" was removed` : `there is no node "${text}"`;
  throw unknown('unknown-node', what, text, names(liveNodes(view)), 'gscip admin token create');
}

export function userNamed(view: View, name: string): UserRow {
  const user = view.get('users', name);
  if (user !== undefined) return user;
  throw unknown('unknown-user', `there is no user "${name}"`, name, names(view.rows('users')), 'gscip admin user add');
}

export function administratorNamed(view: View, name: string): AdministratorRow {
  const row = view.get('administrators', name);
  if (row !== undefined) return row;
  const known = names(view.rows('administrators'));
  throw unknown(
    'unknown-administrator',
    `there is no administrator "${name}"`,
    name,
    known,
    'gscip admin administrator add',
  );
}

export function tokenOf(view: View, id: string): TokenRow {
  const token = view.get('tokens', id);
  if (token !== undefined) return token;
  const known = [...view.rows('tokens')].map((each) => each.id);
  throw unknown('unknown-token', `there is no token "${id}"`, id, known, 'gscip admin token create');
}

function names(rows: Iterable<{ readonly name: string }>): readonly string[] {
  return [...rows].map(({ name }) => name);
}

const MOST_LISTED = 8;

function unknown(code: string, text: string, given: string, known: readonly string[], how: string): GscipError {
  const nearest = nearestName(given, known);
  if (nearest === undefined) return new GscipError(code, text, `Make one with: ${how}`);
  const all = known.length <= MOST_LISTED ? ` There are: ${known.join(', ')}.` : '';
  return new GscipError(code, text, `Did you mean "${nearest}"?${known.length > 1 ? all : ''}`);
}
