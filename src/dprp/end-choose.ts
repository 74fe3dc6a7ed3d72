import type { Millis } from '../base/brands.ts';
import { admitsNow } from './admission.ts';
import type { OpenedDde } from './end-state.ts';
import type { NegotiationContext } from './negotiation-context.ts';
import type { NegotiationDeps } from './negotiation-deps.ts';
import { chooseSlot, type SlotChoice } from './slot-choice.ts';
import { matchSlots, type SlotMatch } from './slot-match.ts';

/** What this node's keys make of a DDE (protocol.md 3.5). `refreshed`: class 3 has been given its time. */
export function choose(
  { deps, provider }: NegotiationContext,
  opened: OpenedDde,
  refreshed: boolean,
  now: Millis,
): SlotChoice<SlotMatch> | 'too-many-groups' {
  const { dde, box } = opened;
  const noGms = box.caps.noGms || deps.settings.noGms;
  const admissible = (match: Omit<SlotMatch, 'admissible'>) =>
    match.version.kPsk !== undefined &&
    deps.unixNow() < match.version.notAfter &&
    admitsNow(match.version, { role: 'responder', noGms, chained: isChain(deps, opened, match) }, now);
  const matches = matchSlots(provider, dde, box, deps.identity().caPart.nodeId, deps.groups(), admissible);
  if (matches === 'too-many-groups') return matches;
  const choice = chooseSlot(matches, refreshed);
  // Without a lease nobody is admitted: the start GE is told so, rather than left to an MPIT that is refused.
  if (choice.kind === 'accept' && !choice.match.admissible)
    return { kind: 'stale', reason: 'behind', match: choice.match };
  return choice;
}

/** Whether the DDE names a live SA of a chain that this version admitted (protocol.md 2.6). */
function isChain(
  deps: NegotiationDeps,
  { dde }: OpenedDde,
  { group, version }: Pick<SlotMatch, 'group' | 'version'>,
): boolean {
  const { receiver } = dde.header;
  const old = receiver === 0 || !group.retainFlow ? undefined : deps.liveSa(receiver);
  return old !== undefined && old.group === group.id && old.chain === version.v && old.chain !== 0;
}
