import type { GroupId } from '../base/brands.ts';
import { currentOf } from '../dprp/admission.ts';
import { chainLives } from '../dprp/chain.ts';
import type { GroupView } from '../dprp/negotiation-deps.ts';
import type { Sa } from '../pccom/sa.ts';
import type { NodeState } from './node-state.ts';

/*
 * Which SA a flow may use over a roll (protocol.md 10.2):
 *
 *   retain=migrate   chain 0: one triple for all versions, whose SAs move to CURRENT
 *   retain=flow      chain v: a triple for each version of admission, which ends with its last flow
 */

/** The chain that new flows of a group belong to: 0, or under `retain=flow` CURRENT; undefined without a CURRENT. */
export function chainOfNewFlows(group: GroupView): number | undefined {
  return group.retainFlow ? currentOf(group)?.v : 0;
}

/** Whether an SA has to be followed by one under CURRENT: its version was replaced, and no chain keeps it (protocol.md 10.2). */
export function mustMove(group: GroupView, sa: Pick<Sa, 'version' | 'chain'>): boolean {
  const current = currentOf(group);
  if (current === undefined) return false;
  if (group.retainFlow) return !chainLives(group, sa.chain);
  return sa.chain !== 0 || sa.version < current.v;
}

/** A flow of this chain lives: under `retain=flow` its version's K_psk must stay (protocol.md 10.5 V7). */
export function chainHasFlows({ owners, pit }: NodeState, group: GroupId, chain: number): boolean {
  return owners.numbersOfChain(group, chain).some((owner) => pit.countOf(owner) > 0);
}

/** An SA of a chain whose last flow has ended; it is not rekeyed, and ends at its cap. */
export function isDeserted({ pit }: NodeState, sa: Pick<Sa, 'chain' | 'owner'>): boolean {
  return sa.chain !== 0 && pit.countOf(sa.owner) === 0;
}
