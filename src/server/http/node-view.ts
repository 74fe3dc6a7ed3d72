import type { NodeAnswer } from '../../api/admin/nodes.ts';
import { formatAddress } from '../../base/ip-address.ts';
import { formatRange } from '../network/address-plan.ts';
import type { View } from '../network/draft.ts';
import type { NodeRow } from '../network/state.ts';
import { groupNames } from './group-view.ts';

/** What administrators are told of a node. */
export function nodeAnswer(view: View, row: NodeRow, connected: boolean): NodeAnswer {
  const { id, name, user, type, mode, standing, ephemeral, token, certificateEnds, addedAt, lastSeen } = row;
  return {
    ...{ id, name, user, type, mode, standing, ephemeral, token, certificateEnds, addedAt, lastSeen, connected },
    addresses: [formatAddress(row.ipv4), formatAddress(row.ipv6)],
    routes: row.routes.map(formatRange),
    groups: groupNames(view, row.groups),
    endsAt: row.endsAt ?? null,
    removedAt: row.removedAt ?? null,
  };
}
