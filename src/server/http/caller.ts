import type { GroupId } from '../../base/brands.ts';
import { GscipError } from '../../base/errors.ts';
import { mayDo, type Wish } from '../network/commands/administrators.ts';
import type { View } from '../network/draft.ts';
import type { AdministratorRow, Role } from '../network/state.ts';
import type { Actor } from '../store/store.ts';

/** Who asks: whoever may open the local socket, or an administrator who showed an API key. */
export type Caller = { readonly kind: 'local' } | { readonly kind: 'administrator'; readonly name: string };

/** Groups that a request touches, by what the caller wrote; undefined for one that does not exist. */
export type Scope = (view: View) => readonly (GroupId | undefined)[];

export function actorOf(caller: Caller): Actor {
  return caller.kind === 'local' ? { kind: 'local', name: '' } : caller;
}

/** Refuses what neither the route nor the role allows: a group administrator changes own groups only, and at least one. */
export function permit(view: View, caller: Caller, roles: readonly Role[], wish: Wish): void {
  if (caller.kind === 'local') return;
  const row = administratorRow(view, caller.name);
  if (!roles.includes(row.role)) throw notAllowed(`${article(row.role)} may not do that`);
  if (!mayDo(row, wish)) throw notAllowed('this touches groups that are not yours');
}

/** What a request wants that touches these groups; one that does not exist is nobody's. */
export function wishFor(groups: readonly (GroupId | undefined)[]): Wish {
  const known = groups.filter((group) => group !== undefined);
  return known.length === groups.length ? { to: 'change-groups', groups: known } : { to: 'change-network' };
}

/** Whether the caller is shown what belongs to these groups. */
export function visibleTo(view: View, caller: Caller): (groups: readonly GroupId[]) => boolean {
  if (caller.kind === 'local') return () => true;
  const row = administratorRow(view, caller.name);
  if (row.role !== 'group-administrator') return () => true;
  return (groups) => groups.some((group) => row.groups.includes(group));
}

/** The key was good when the request came; the administrator may have gone since. */
function administratorRow(view: View, name: string): AdministratorRow {
  const row = view.get('administrators', name);
  if (row === undefined) throw notAllowed('this API key is not valid any more');
  return row;
}

function article(role: Role): string {
  return role === 'group-administrator' ? 'a group administrator' : `an ${role}`;
}

function notAllowed(text: string): GscipError {
  return new GscipError('not-allowed', text, 'Ask an owner of the network.');
}
