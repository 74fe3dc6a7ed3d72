import { type GroupId, type KeyVersion, keyVersion, type UnixSeconds } from '../../base/brands.ts';
import type { Draft, View } from './draft.ts';
import { changeNumber, settingsOf } from './settings.ts';
import type { GroupRow, SettingsRow, VersionRow } from './state.ts';
import type { Tools } from './tools.ts';

/** So many newest versions are kept: as many as a node keeps (protocol.md 10.1). */
export const KEPT_VERSIONS = 8;
/** The rest is for the version in force and those before it, which nodes still need. */
export const MOST_WAITING = 4;
/** A DDE names the domain key's version by this many residues (protocol.md 2.2). */
const DOMAIN_RESIDUES = 8;
/** Half of what 32 bits hold: a clock that is years ahead cannot use all numbers up. */
const LATEST_BY_TIME = 2 ** 31;

/** What a new version says beside its number. */
export type VersionFacts = Pick<VersionRow, 'activateAt' | 'cause' | 'rosterSeq' | 'rosterHead'>;

/**
 * Adds a version with a fresh RN2 and forgets the ninth, keys and all (protocol.md 9.1). `above`: a number that nodes are
 * known to hold. Gives the group's new row.
 */
export function addVersion(tools: Tools, draft: Draft, group: GroupRow, facts: VersionFacts, above = 0): GroupRow {
  const number = changeNumber(tools, draft);
  const v = followingVersion(settingsOf(draft), group, tools.now, above);
  const row: VersionRow = { ...facts, group: group.id, v, rn2: tools.random(32), madeAt: tools.now, number };
  draft.put({ table: 'versions', key: versionKey(group.id, v), row });
  const versions = [...group.versions, v];
  for (const old of versions.slice(0, -KEPT_VERSIONS))
    draft.put({ table: 'versions', key: versionKey(group.id, old), row: undefined });
  const changed = { ...group, versions: versions.slice(-KEPT_VERSIONS), number };
  draft.put({ table: 'groups', key: group.id, row: changed });
  return changed;
}

/** The versions of a group that are kept, oldest first. */
export function versionsOf(view: View, group: GroupRow): readonly VersionRow[] {
  return group.versions.map((v) => {
    const row = view.get('versions', versionKey(group.id, v));
    if (row === undefined) throw new Error(`group ${group.id} lacks its version ${v}`);
    return row;
  });
}

/** The newest version, whether or not its time has come; its roster is the group's whole roster. */
export function newestVersion(view: View, group: GroupRow): VersionRow {
  const newest = versionsOf(view, group).at(-1);
  if (newest === undefined) throw new Error(`group ${group.id} has no key`);
  return newest;
}

/** The version in force: the newest whose time has come. */
export function currentVersion(view: View, group: GroupRow, now: UnixSeconds): VersionRow {
  const versions = versionsOf(view, group);
  return versions.findLast(({ activateAt }) => activateAt <= now) ?? versions[0] ?? newestVersion(view, group);
}

/** How many versions wait for their time. */
export function waitingCount(view: View, group: GroupRow, now: UnixSeconds): number {
  const { v } = currentVersion(view, group, now);
  return group.versions.filter((each) => each > v).length;
}

export function versionKey(group: GroupId, v: KeyVersion): string {
  return `${group}/${v}`;
}

/**
 * One more than the last, and at least the age of the network in seconds: versions made after a backup was restored are
 * above those that were made between the backup and the restore (protocol.md 10.5 V1).
 */
function followingVersion(
  { createdAt, domain }: SettingsRow,
  group: GroupRow,
  now: UnixSeconds,
  above: number,
): KeyVersion {
  const next = (group.versions.at(-1) ?? 0) + 1;
  const byTime = Math.max(Math.min(1 + now - createdAt, LATEST_BY_TIME), above + 1);
  if (byTime <= next) return keyVersion(next);
  if (group.id !== domain) return keyVersion(byTime);
  // the eight that are kept have different residues, so steps beyond one go in whole rounds
  return keyVersion(next + DOMAIN_RESIDUES * Math.ceil((byTime - next) / DOMAIN_RESIDUES));
}
