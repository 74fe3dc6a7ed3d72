import { type UnixSeconds, unixSeconds } from '../../../base/brands.ts';
import type { Draft, View } from '../draft.ts';
import { DOMAIN_ROLL } from '../new-network.ts';
import { LEAST_LEAD, plannedRoll, rollKey } from '../rolls.ts';
import { settingsOf } from '../settings.ts';
import type { GroupRow } from '../state.ts';
import type { Tools } from '../tools.ts';
import { MOST_WAITING, waitingCount } from '../versions.ts';

/** Versions are made this long before their time, so that an hour is left where the server was down in between (seconds). */
const LEAD = 2 * LEAST_LEAD;
/** A roll that came late leaves the next one at least this far away (seconds). */
const LEAST_DISTANCE = 12 * 3_600;
/** A plan further ahead than this was made by a clock that has been put back since (seconds). */
const LONGEST_PLAN = 2 * 86_400;

/** When `scheduledRolls` next has something to do, or undefined when no group rolls by schedule. */
export function nextScheduledWork(view: View, now: UnixSeconds): UnixSeconds | undefined {
  let first: number | undefined;
  for (const group of view.rows('groups')) {
    if (group.nextRoll === 0) continue;
    const due = isTooFar(view, group, now) ? now : group.nextRoll - LEAD;
    first = Math.min(first ?? due, due);
  }
  return first === undefined ? undefined : unixSeconds(first);
}

/** Makes the versions whose time comes near, at least an hour ahead (protocol.md 10.1, 10.2). Gives how many. */
export function scheduledRolls(tools: Tools, draft: Draft): number {
  let made = 0;
  for (const group of [...draft.rows('groups')]) {
    if (group.nextRoll === 0) continue;
    if (group.nextRoll - LEAD <= tools.now) made += roll(tools, draft, group);
    else if (isTooFar(draft, group, tools.now)) replan(tools, draft, group, tools.now);
  }
  return made;
}

function roll(tools: Tools, draft: Draft, group: GroupRow): number {
  const activateAt = unixSeconds(Math.max(group.nextRoll, tools.now + LEAST_LEAD));
  // so many newer keys wait already that this roll has nothing to add
  const crowded = waitingCount(draft, group, tools.now) >= MOST_WAITING;
  const rolled = crowded ? group : rollKey(tools, draft, group, { cause: 'schedule', activateAt });
  replan(tools, draft, rolled, unixSeconds(activateAt + LEAST_DISTANCE));
  return crowded ? 0 : 1;
}

function replan(tools: Tools, draft: Draft, group: GroupRow, after: UnixSeconds): void {
  const { domain, timeZone } = settingsOf(draft);
  const nextRoll =
    group.id === domain
      ? unixSeconds(after - LEAST_DISTANCE + DOMAIN_ROLL)
      : plannedRoll(tools, timeZone, group.roll, after);
  draft.put({ table: 'groups', key: group.id, row: { ...group, nextRoll } });
}

function isTooFar(view: View, group: GroupRow, now: UnixSeconds): boolean {
  const period = group.id === settingsOf(view).domain ? DOMAIN_ROLL : 0;
  return group.nextRoll > now + period + LONGEST_PLAN;
}
