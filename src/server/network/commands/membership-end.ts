import { type UnixSeconds, unixSeconds } from '../../../base/brands.ts';
import { GscipError } from '../../../base/errors.ts';
import { REMOVE_REASON } from '../../../crypto/roster-entry.ts';
import type { Draft, View } from '../draft.ts';
import { liveNodes } from '../find.ts';
import { takeAway } from '../membership.ts';
import type { NodeRow } from '../state.ts';
import type { Tools } from '../tools.ts';

/** Removes the nodes whose membership was for a time that is over. */
export function removeEndedNodes(tools: Tools, draft: Draft): readonly NodeRow[] {
  const ended = endedNodes(tools, draft);
  takeAway(tools, draft, ended, REMOVE_REASON.left);
  return ended;
}

/** The nodes that `removeEndedNodes` removes. */
export function endedNodes({ now }: Tools, view: View): readonly NodeRow[] {
  return [...liveNodes(view)].filter(({ endsAt }) => endsAt !== undefined && now >= endsAt);
}

/** The end of a membership, which lies ahead. */
export function endOfMembership({ now }: Tools, until: number | null): UnixSeconds | undefined {
  if (until === null) return undefined;
  if (until > now) return unixSeconds(until);
  throw new GscipError(
    'usage',
    'the end of the membership has passed',
    'Choose one that lies ahead; to end it now: gscip admin node remove NAME.',
  );
}
