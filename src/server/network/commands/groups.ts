import { type GroupId, unixSeconds } from '../../../base/brands.ts';
import { GscipError } from '../../../base/errors.ts';
import { ROSTER_OPTION } from '../../../crypto/roster-entry.ts';
import { appendChanges, beginChain, chainOf, rosterKey } from '../chains.ts';
import type { Draft, View } from '../draft.ts';
import { groupNamed, namedGroups } from '../find.ts';
import { timeOfDay } from '../local-time.ts';
import { freeName } from '../names.ts';
import { LEAST_LEAD, plannedRoll, rollKey } from '../rolls.ts';
import { changeNumber, settingsOf } from '../settings.ts';
import type { GroupRow, PushPolicy, Retain, VersionRow } from '../state.ts';
import type { Tools } from '../tools.ts';
import { addVersion, MOST_WAITING, newestVersion, versionKey, waitingCount } from '../versions.ts';

/** What an administrator may choose of a group; absent fields have defaults, or stay as they are. */
export interface GroupRequest {
  readonly name: string;
  /** local time of day "HH:MM" of the daily roll, '' for none; by default 03:00 */
  readonly roll?: string;
  readonly retain?: Retain;
  readonly push?: PushPolicy;
}

const DEFAULT_ROLL = '03:00';
/** A key rolled by hand waits so long, in which every connected node is given it (seconds; protocol.md 10.2). */
export const ROLL_DELAY = 2;
const LONGEST_DELAY = 30 * 86_400;

/** Adds a group with an empty roster and its first key. */
export function addGroup(tools: Tools, draft: Draft, request: GroupRequest): GroupRow {
  const name = freeGroupName(draft, request.name);
  const roll = timeOfDay(request.roll ?? DEFAULT_ROLL);
  const { adminSeed, timeZone } = settingsOf(draft);
  const admins = [tools.provider.ed25519KeyPair(adminSeed).publicKey];
  const options = ROSTER_OPTION.managed;
  const { roster } = beginChain(tools, draft, {
    kind: 'genesis',
    ...{ name, r: 0, admins, k: 1, options },
    nonce: tools.random(16),
  });
  const group: GroupRow = {
    id: roster.groupId,
    name,
    retain: request.retain ?? 'migrate',
    push: request.push ?? 'all',
    roll,
    nextRoll: plannedRoll(tools, timeZone, roll, unixSeconds(tools.now + LEAST_LEAD)),
    versions: [],
    number: 0,
    rn1: tools.random(32),
    createdAt: tools.now,
  };
  const first = { cause: 'created', activateAt: tools.now } as const;
  return addVersion(tools, draft, group, { ...first, rosterSeq: roster.seq, rosterHead: roster.head });
}

/** Changes what is given; a new name is a signed entry and a new version, since keys are bound to the name (protocol.md 9.1). */
export function changeGroup(tools: Tools, draft: Draft, text: string, change: Partial<GroupRequest>): GroupRow {
  const group = groupNamed(draft, text);
  const roll = change.roll === undefined ? group.roll : timeOfDay(change.roll);
  const after = unixSeconds(tools.now + LEAST_LEAD);
  const nextRoll = roll === group.roll ? group.nextRoll : plannedRoll(tools, settingsOf(draft).timeZone, roll, after);
  const { retain = group.retain, push = group.push } = change;
  const number = retain === group.retain ? group.number : changeNumber(tools, draft);
  const changed = { ...group, roll, nextRoll, retain, push, number };
  draft.put({ table: 'groups', key: group.id, row: changed });
  return change.name === undefined ? changed : rename(tools, draft, changed, change.name);
}

/** A new key by hand. It waits `delay` seconds; a roll while another one waits or migrates supersedes it (protocol.md 10.2). */
export function rollGroup(tools: Tools, draft: Draft, text: string, delay = ROLL_DELAY): VersionRow {
  const group = groupNamed(draft, text);
  if (!Number.isInteger(delay) || delay < 0 || delay > LONGEST_DELAY)
    throw new GscipError('usage', `a key cannot wait ${delay} s for its time`, `Choose 0 to ${LONGEST_DELAY} s.`);
  const waiting = waitingCount(draft, group, tools.now);
  if (waiting >= MOST_WAITING)
    throw new GscipError(
      'too-many-rolls',
      `${waiting} versions of "${group.name}" wait for their time already`,
      'Roll again when they are in force.',
    );
  const activateAt = unixSeconds(tools.now + delay);
  return newestVersion(draft, rollKey(tools, draft, group, { cause: 'manual', activateAt }));
}

/** Removes a group, keys and all: its members are told that they have left it, and what named it names it no more. */
export function removeGroup(tools: Tools, draft: Draft, text: string): GroupRow {
  const group = groupNamed(draft, text);
  const { roster } = chainOf(tools, draft, group);
  changeNumber(tools, draft);
  draft.put({ table: 'groups', key: group.id, row: undefined });
  for (const v of group.versions) draft.put({ table: 'versions', key: versionKey(group.id, v), row: undefined });
  for (let seq = 0; seq <= roster.seq; seq++)
    draft.put({ table: 'roster', key: rosterKey(group.id, seq), row: undefined });
  forgetGroup(draft, group.id);
  return group;
}

function forgetGroup(draft: Draft, id: GroupId): void {
  const others = (groups: readonly GroupId[]) => groups.filter((each) => each !== id);
  for (const row of [...draft.rows('nodes')])
    if (row.groups.includes(id))
      draft.put({ table: 'nodes', key: row.id, row: { ...row, groups: others(row.groups) } });
  for (const row of [...draft.rows('administrators')])
    if (row.groups.includes(id))
      draft.put({ table: 'administrators', key: row.name, row: { ...row, groups: others(row.groups) } });
  for (const row of [...draft.rows('tokens')]) {
    if (!row.groups.includes(id)) continue;
    const groups = others(row.groups);
    // what a token with no group left would bring could talk to nobody
    draft.put({ table: 'tokens', key: row.id, row: { ...row, groups, revoked: row.revoked || groups.length === 0 } });
  }
}

function rename(tools: Tools, draft: Draft, group: GroupRow, text: string): GroupRow {
  const name = freeName('group', text);
  if (name === group.name) return group;
  const renamed = { ...group, name: freeGroupName(draft, text) };
  const activateAt = unixSeconds(tools.now + ROLL_DELAY);
  return appendChanges(tools, draft, renamed, [{ kind: 'rename', name }], { cause: 'manual', activateAt });
}

function freeGroupName(view: View, text: string): string {
  const name = freeName('group', text);
  for (const group of namedGroups(view))
    if (group.name === name)
      throw new GscipError('group-exists', `the group "${name}" exists already`, 'Choose another name.');
  return name;
}
