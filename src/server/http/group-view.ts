import type { GroupAnswer, GroupKeys, VersionAnswer } from '../../api/admin/groups.ts';
import type { GroupId, UnixSeconds } from '../../base/brands.ts';
import { toHex } from '../../base/bytes.ts';
import type { View } from '../network/draft.ts';
import { liveNodes, namedGroups } from '../network/find.ts';
import type { GroupRow, VersionRow } from '../network/state.ts';
import type { Scope } from './caller.ts';

/** Names of groups by their ids; one that has gone is named by its id. */
export function groupNames(view: View, ids: readonly GroupId[]): readonly string[] {
  return ids.map((id) => view.get('groups', id)?.name ?? id);
}

/** What administrators are told of a group. */
export function groupAnswer(view: View, group: GroupRow, now: UnixSeconds): GroupAnswer {
  const { id, name, retain, push, roll, nextRoll, createdAt } = group;
  const versions = versionsOf(view, group);
  return {
    ...{ id, name, retain, push, roll, createdAt },
    nextRoll: nextRoll === 0 ? null : nextRoll,
    version: inForce(versions, now)?.v ?? null,
    newest: versions[0]?.v ?? null,
    nodes: [...liveNodes(view)].filter((node) => node.groups.includes(id)).map((node) => node.name),
  };
}

/** What administrators are told of the keys of a group: everything but the keys. */
export function groupKeys(view: View, group: GroupRow, now: UnixSeconds): GroupKeys {
  const versions = versionsOf(view, group);
  const current = inForce(versions, now);
  return { id: group.id, group: group.name, versions: versions.map((version) => versionAnswer(version, current)) };
}

function versionAnswer(version: VersionRow, current: VersionRow | undefined): VersionAnswer {
  const { v, cause, madeAt, activateAt, rosterSeq, rosterHead } = version;
  const isNext = current === undefined || v > current.v;
  const state = isNext ? 'next' : v === current.v ? 'current' : 'retired';
  return { version: v, state, cause, madeAt, activateAt, rosterSeq, rosterHead: toHex(rosterHead) };
}

/** Newest first. */
function versionsOf(view: View, group: GroupRow): readonly VersionRow[] {
  return group.versions
    .map((v) => view.get('versions', `${group.id}/${v}`))
    .filter((row) => row !== undefined)
    .reverse();
}

/** The newest whose time has come (protocol.md 10.1). */
function inForce(newestFirst: readonly VersionRow[], now: UnixSeconds): VersionRow | undefined {
  return newestFirst.find(({ activateAt }) => activateAt <= now);
}

/** The id of the group of that name, for what is only asked whether somebody may touch it. */
export function groupIdNamed(view: View, text: string): GroupId | undefined {
  const name = text.normalize('NFC').trim();
  for (const group of namedGroups(view)) if (group.name === name) return group.id;
  return undefined;
}

/** All groups of a node, for the same question: who owns only some of them must not decide over it. */
export function groupsOfNode(text: string): Scope {
  return (view) => {
    for (const node of liveNodes(view)) if (node.name === text || node.id === text) return node.groups;
    return [undefined];
  };
}
