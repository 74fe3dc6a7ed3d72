import { REMOVE_REASON } from '../../crypto/roster-entry.ts';
import type { HubRules } from '../gms/rules.ts';
import { enrol } from './commands/enrol.ts';
import { idleNodes, removeIdleNodes, removeNode, renewCertificate, touchNodes } from './commands/nodes.ts';
import { overtake } from './commands/overtake.ts';
import { nextScheduledWork, scheduledRolls } from './commands/scheduled-rolls.ts';
import { admitWaiting, someoneWaits } from './membership.ts';
import { isAheadOf, updateFor } from './updates.ts';

/** The network's rules in the form in which the hub asks for them. */
export const hubRules: HubRules = {
  enrol,
  admitWaiting,
  isSomebodyWaiting: someoneWaits,
  renew: (tools, draft, node) => renewCertificate(tools, draft, node).caPart,
  leave: (tools, draft, node) => {
    removeNode(tools, draft, node, REMOVE_REASON.left);
  },
  houseKeeping: (tools, draft, connected) => {
    scheduledRolls(tools, draft);
    removeIdleNodes(tools, draft, connected);
  },
  isHouseKeepingDue: (tools, view, connected) => {
    const next = nextScheduledWork(view, tools.now);
    return (next !== undefined && next <= tools.now) || idleNodes(tools, view, connected).length > 0;
  },
  seen: touchNodes,
  overtake,
  isAhead: isAheadOf,
  updateFor: (tools, view, node, have) => {
    const update = updateFor(tools, view, node.id, have);
    return typeof update === 'string' ? undefined : { bundle: update.bytes, have: update.after };
  },
};
