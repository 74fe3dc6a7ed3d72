import type { TokenAnswer } from '../../api/admin/nodes.ts';
import type { UnixSeconds } from '../../base/brands.ts';
import { formatRange } from '../network/address-plan.ts';
import type { View } from '../network/draft.ts';
import type { TokenRow } from '../network/state.ts';
import { groupNames } from './group-view.ts';

/** What administrators are told of a token: all but its secret. */
export function tokenAnswer(view: View, row: TokenRow, now: UnixSeconds): TokenAnswer {
  const { id, user, type, mode, uses, approval, ephemeral, createdBy, createdAt, expiresAt } = row;
  return {
    ...{ id, user, type, mode, uses, approval, ephemeral, createdBy, createdAt, expiresAt },
    groups: groupNames(view, row.groups),
    routes: row.routes.map(formatRange),
    nodes: row.used.map((node) => view.get('nodes', node)?.name ?? node),
    endsAt: row.endsAt ?? null,
    replaces: row.replaces === undefined ? null : (view.get('nodes', row.replaces)?.name ?? row.replaces),
    state: tokenState(row, now),
  };
}

/** Whether a token may still bring a node, or why not. */
export function tokenState(token: TokenRow, now: UnixSeconds): TokenAnswer['state'] {
  if (token.revoked) return 'revoked';
  if (token.used.length >= token.uses) return 'used-up';
  return token.expiresAt <= now ? 'expired' : 'usable';
}
