import { GscipError } from '../../../base/errors.ts';
import { REMOVE_REASON } from '../../../crypto/roster-entry.ts';
import type { Draft } from '../draft.ts';
import { liveNodes, userNamed } from '../find.ts';
import { takeAway } from '../membership.ts';
import { accountName } from '../names.ts';
import type { UserRow } from '../state.ts';
import type { Tools } from '../tools.ts';

/** Adds a person or service that nodes may belong to. */
export function addUser(tools: Tools, draft: Draft, text: string): UserRow {
  const name = accountName('user', text);
  if (draft.get('users', name))
    throw new GscipError('user-exists', `the user "${name}" exists already`, 'Choose another name.');
  const row = { name, createdAt: tools.now };
  draft.put({ table: 'users', key: name, row });
  return row;
}

/** Removes a user and revokes its tokens. With `nodes`, its nodes go with it; else it must have none. */
export function removeUser(tools: Tools, draft: Draft, name: string, { nodes = false } = {}): UserRow {
  const user = userNamed(draft, name);
  const own = [...liveNodes(draft)].filter((node) => node.user === user.name);
  if (own.length > 0 && !nodes)
    throw new GscipError(
      'user-in-use',
      `the user "${user.name}" has ${own.length === 1 ? 'a node' : 'nodes'}: ${own.map((node) => node.name).join(', ')}`,
      'Remove them first.',
    );
  takeAway(tools, draft, own, REMOVE_REASON.expelled);
  for (const token of [...draft.rows('tokens')])
    if (token.user === user.name && !token.revoked)
      draft.put({ table: 'tokens', key: token.id, row: { ...token, revoked: true } });
  draft.put({ table: 'users', key: user.name, row: undefined });
  return user;
}
