import type { Holding } from '../../../api/channel/node-message.ts';
import { type GroupId, type UnixSeconds, unixSeconds } from '../../../base/brands.ts';
import { GscipError } from '../../../base/errors.ts';
import type { Draft } from '../draft.ts';
import { NO_ROSTER } from '../new-network.ts';
import { changeNumber, changeSettings, settingsOf } from '../settings.ts';
import type { GroupRow, SettingsRow } from '../state.ts';
import type { Tools } from '../tools.ts';
import { addVersion, MOST_WAITING, newestVersion, waitingCount } from '../versions.ts';
import { ROLL_DELAY } from './groups.ts';

/** A node that claims to be further ahead than this is not believed, so that none can use the numbers up (seconds). */
const BELIEVED = 30 * 86_400;

/** What a claim to be ahead led to: `rolled` when it was true, `lost` the groups of whose roster the node knows entries that are lost here. */
export interface Overtaking {
  readonly rolled: boolean;
  readonly lost: readonly GroupId[];
}

/**
 * Goes on above what a node has seen, after the database was restored from an older backup: every group has a new version
 * at once, above all that any node may hold (protocol.md 10.5 V1). Does nothing when the node is not ahead.
 */
export function overtake(tools: Tools, draft: Draft, have: Holding): Overtaking {
  const settings = settingsOf(draft);
  const seen = new Map(have.groups.map(({ id, v }) => [id, v]));
  const groups = [...draft.rows('groups')];
  const behind = (group: GroupRow) => (seen.get(group.id) ?? 0) > (group.versions.at(-1) ?? 0);
  const lost = have.groups.filter(({ id, seq }) => {
    const group = draft.get('groups', id);
    return group !== undefined && seq > newestVersion(draft, group).rosterSeq;
  });
  const rolled = have.number > settings.number || groups.some(behind);
  if (rolled) {
    checkClaims(tools.now, settings, have);
    changeSettings(draft, { number: Math.max(settings.number, have.number) });
    changeNumber(tools, draft);
    for (const group of groups) rollAbove(tools, draft, group, seen.get(group.id) ?? 0);
  }
  return { rolled, lost: lost.map(({ id }) => id) };
}

/** Numbers are at least the time, so none that we gave out is far above it. */
function checkClaims(now: UnixSeconds, { createdAt }: SettingsRow, { number, groups }: Holding): void {
  const most = now + BELIEVED;
  if (number <= most && groups.every(({ v }) => v <= 1 + most - createdAt)) return;
  throw new GscipError(
    'too-far-ahead',
    'a node claims to hold keys that are more than 30 days ahead of this server',
    "Check the server's clock; else remove the node.",
  );
}

function rollAbove(tools: Tools, draft: Draft, group: GroupRow, above: number): void {
  const isDomain = group.id === settingsOf(draft).domain;
  const { rosterSeq, rosterHead } = isDomain ? NO_ROSTER : newestVersion(draft, group);
  const isAtOnce = isDomain || waitingCount(draft, group, tools.now) >= MOST_WAITING;
  const activateAt = isAtOnce ? tools.now : unixSeconds(tools.now + ROLL_DELAY);
  addVersion(tools, draft, group, { cause: 'manual', activateAt, rosterSeq, rosterHead }, above);
}
