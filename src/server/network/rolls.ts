import { type UnixSeconds, unixSeconds } from '../../base/brands.ts';
import type { Draft } from './draft.ts';
import { groupOf } from './find.ts';
import { nextTimeOfDay } from './local-time.ts';
import { DOMAIN_ROLL, NO_ROSTER } from './new-network.ts';
import { settingsOf } from './settings.ts';
import type { GroupRow, VersionCause } from './state.ts';
import type { Tools } from './tools.ts';
import { addVersion, newestVersion } from './versions.ts';

/** A scheduled version is given out at least this long before its time (seconds; protocol.md 10.1). */
export const LEAST_LEAD = 3_600;
/** Groups of one time of day do not roll in the same moment (seconds). */
const JITTER = 600;

/** When the daily roll is next due, with jitter, but never within the hour that giving the key out takes; 0 for none. */
export function plannedRoll(tools: Tools, zone: string, roll: string, after: UnixSeconds): UnixSeconds {
  if (roll === '') return unixSeconds(0);
  const [high, low] = tools.random(2);
  const jitter = Math.floor((JITTER * ((high << 8) | low)) / 0x1_0000);
  return unixSeconds(nextTimeOfDay(zone, roll, after) + jitter);
}

/** A new key of a group for the members that it has. Gives the group's new row. */
export function rollKey(
  tools: Tools,
  draft: Draft,
  group: GroupRow,
  version: { readonly cause: VersionCause; readonly activateAt: UnixSeconds },
): GroupRow {
  const { rosterSeq, rosterHead } = group.versions.length > 0 ? newestVersion(draft, group) : NO_ROSTER;
  return addVersion(tools, draft, group, { ...version, rosterSeq, rosterHead });
}

/** The domain key rolls at once when a node is removed from the network, and is then good for a week (protocol.md 9.1). */
export function rollDomain(tools: Tools, draft: Draft, cause: VersionCause): void {
  const group = groupOf(draft, settingsOf(draft).domain);
  const nextRoll = unixSeconds(tools.now + DOMAIN_ROLL);
  rollKey(tools, draft, { ...group, nextRoll }, { cause, activateAt: tools.now });
}
