import type { Cid } from '../base/cid.ts';
import type { CaPart } from '../crypto/credential.ts';
import { isAddressedTo } from './address-check.ts';
import { groupsTowards } from './admission.ts';
import type { GroupView } from './negotiation-deps.ts';

/**
 * C3: whether a GEN may speak for a terminal where an element further inside shares no group with the other end: by its
 * certificate the terminal is its own, and a group that it is in gives it the terminal and somebody else the other end
 * (protocol.md 8.3).
 */
export function mayTerminate(own: CaPart, groups: readonly GroupView[], { source, destination }: Cid): boolean {
  if (!isAddressedTo(own, groups, destination)) return false;
  const towards = groupsTowards(groups, own.nodeId, source);
  return towards.some(({ roster }) => roster.memberCovers(own.nodeId, destination));
}
