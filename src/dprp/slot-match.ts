import type { NodeId } from '../base/brands.ts';
import { toHex } from '../base/bytes.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { TRIED_GROUPS } from './constants.ts';
import type { Dde } from './dde.ts';
import type { DdeBox, SlotPreference } from './dde-box.ts';
import { slotTag, usedSlots } from './dde-tags.ts';
import type { GroupVersion, GroupView } from './negotiation-deps.ts';

/** A slot of a DDE that this node recognises. */
export interface SlotMatch {
  readonly slot: number;
  readonly preference: SlotPreference;
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
): SlotMatch[] | 'too-many-groups' {
  const mine = groups.filter((group) => !group.stopped && group.roster.covers(box.cid.destination) === own);
  if (mine.length > TRIED_GROUPS) return 'too-many-groups';
  const slots = usedSlots(dde.slots, box.preference);
  const find = (group: GroupView, versions: readonly GroupVersion[]): SlotMatch[] =>
    versions.flatMap((version) => {
      const slot = slots.get(toHex(slotTag(provider, version.kTag, dde.ephemeral)));
      const preference = slot === undefined ? undefined : box.preference[slot];
      return slot === undefined || !preference ? [] : [{ slot, preference, group, version }];
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
