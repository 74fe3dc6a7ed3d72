import type { NodeId } from '../base/brands.ts';
import { toHex } from '../base/bytes.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { TRIED_GROUPS } from './constants.ts';
import type { Dde } from './dde.ts';
import type { DdeBox } from './dde-box.ts';
import { slotTag, usedSlots } from './dde-tags.ts';
import type { GroupVersion, GroupView } from './negotiation-deps.ts';
import type { SlotMatch as ChoosableSlot } from './slot-choice.ts';

/** A slot of a DDE that this node recognises, with what it stands for here. */
export interface SlotMatch extends ChoosableSlot {
  readonly group: GroupView;
  readonly version: GroupVersion;
}

/**
 * Recognises tags of groups whose roster gives the destination to this node: NEXT, CURRENT and RETIRED first, TAGONLY
 * only where none of those does (protocol.md 2.5). 'too-many-groups' when more than 64 would have to be tried.
 */
export function matchSlots(
  provider: CryptoProvider,
  dde: Dde,
  box: DdeBox,
  own: NodeId,
  groups: readonly GroupView[],
  admissible: (match: Omit<SlotMatch, 'admissible'>) => boolean,
): SlotMatch[] | 'too-many-groups' {
  const mine = groups.filter((group) => !group.stopped && group.roster.memberCovers(own, box.cid.destination));
  if (mine.length > TRIED_GROUPS) return 'too-many-groups';
  const slots = usedSlots(dde.slots, box.preference);
  const find = (group: GroupView, versions: readonly GroupVersion[]): SlotMatch[] =>
    versions.flatMap((version) => {
      const slot = slots.get(toHex(slotTag(provider, version.kTag, dde.ephemeral)));
      const preference = slot === undefined ? undefined : box.preference[slot];
      if (slot === undefined || !preference) return [];
      const match = { slot, ...preference, state: version.state, group, version };
      return [{ ...match, admissible: admissible(match) }];
    });
  return mine.flatMap((group) => {
    const live = find(
      group,
      group.versions.filter(({ state }) => state !== 'tagonly'),
    );
    return live.length > 0
      ? live
      : find(
          group,
          group.versions.filter(({ state }) => state === 'tagonly'),
        );
  });
}
