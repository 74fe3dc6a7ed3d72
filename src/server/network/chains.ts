import type { GroupId, NodeId, UnixSeconds } from '../../base/brands.ts';
import { GscipError } from '../../base/errors.ts';
import { extendRoster, type Roster, signChange, verifyRoster } from '../../crypto/roster.ts';
import { decodeEntry, encodeEntry, headOf, type RosterChange } from '../../crypto/roster-entry.ts';
import type { Draft, View } from './draft.ts';
import { settingsOf } from './settings.ts';
import type { GroupRow, RosterRow, VersionCause } from './state.ts';
import type { Tools } from './tools.ts';
import { addVersion, newestVersion } from './versions.ts';

/** A group's verified roster, and what the rules ask of its history. */
export interface Chain {
  readonly roster: Roster;
  /** by which entry each member joined */
  readonly joined: ReadonlyMap<NodeId, number>;
  /** place of the last REMOVE, 0 for none */
  readonly lastRemove: number;
}

/** The whole chain of a group; only entries that were never seen before are verified. */
export function chainOf(tools: Tools, view: View, group: GroupRow): Chain {
  const rows = new RowsOf(view, group.id);
  const last = rows.at(newestVersion(view, group).rosterSeq);
  const known = verified.get(rows.at(0)) ?? [];
  const held = known.find(({ row }) => rows.has(row) && row.seq <= last.seq);
  if (held?.row === last) return held.chain;
  const chain = extended(tools, held?.chain, group.id, rows.from((held?.row.seq ?? -1) + 1, last.seq));
  remember(rows.at(0), last, chain);
  return chain;
}

/** Signs changes onto a group's chain, and makes one version that names the new head: equal v has equal head (protocol.md 9.3). */
export function appendChanges(
  tools: Tools,
  draft: Draft,
  group: GroupRow,
  changes: readonly RosterChange[],
  version: { readonly cause: VersionCause; readonly activateAt: UnixSeconds },
): GroupRow {
  const before = chainOf(tools, draft, group);
  const rows: RosterRow[] = [];
  let place = { seq: before.roster.seq, head: before.roster.head };
  for (const change of changes) {
    const row = signed(tools, draft, group.id, place, change);
    place = { seq: row.seq, head: headOfEntry(tools, row.entry) };
    rows.push(row);
  }
  return keepChain(tools, draft, group, rows, extended(tools, before, group.id, rows), version);
}

/** Begins the chain of a new group with its GENESIS entry; gives the id that follows from it. */
export function beginChain(tools: Tools, draft: Draft, genesis: RosterChange): Chain {
  const entry = signChange(tools.provider, undefined, genesis, [settingsOf(draft).adminSeed]);
  const roster = sound(verifyRoster(tools.provider, [entry]));
  const row: RosterRow = { group: roster.groupId, seq: 0, entry };
  const chain = { roster, joined: new Map(), lastRemove: 0 };
  putRow(draft, row);
  remember(row, row, chain);
  return chain;
}

/** Takes rows whose entries follow a group's chain, verified, and makes the version for them. */
function keepChain(
  tools: Tools,
  draft: Draft,
  group: GroupRow,
  rows: readonly RosterRow[],
  chain: Chain,
  version: { readonly cause: VersionCause; readonly activateAt: UnixSeconds },
): GroupRow {
  for (const row of rows) putRow(draft, row);
  const last = rows.at(-1);
  if (last) remember(new RowsOf(draft, group.id).at(0), last, chain);
  const { seq: rosterSeq, head: rosterHead } = chain.roster;
  return addVersion(tools, draft, group, { ...version, rosterSeq, rosterHead });
}

/** The chain with entries behind it, or the error of a damaged database. */
function extended(
  tools: Tools,
  held: Chain | undefined,
  id: GroupId,
  rows: readonly Pick<RosterRow, 'entry'>[],
): Chain {
  const entries = rows.map(({ entry }) => entry);
  const { provider } = tools;
  const roster = sound(held ? extendRoster(provider, held.roster, entries) : verifyRoster(provider, entries, id));
  const joined = new Map(held?.joined);
  let lastRemove = held?.lastRemove ?? 0;
  for (const bytes of entries) {
    const entry = decodeEntry(bytes);
    if (typeof entry === 'string') continue;
    const { seq, change } = entry;
    if (change.kind === 'add' && !joined.has(change.member.nodeId)) joined.set(change.member.nodeId, seq);
    if (change.kind !== 'remove') continue;
    joined.delete(change.nodeId);
    lastRemove = seq;
  }
  return { roster, joined, lastRemove };
}

export function rosterKey(group: GroupId, seq: number): string {
  return `${group}/${seq}`;
}

/** Newest first, by the row of GENESIS: two, so that a draft which is not kept does not cost the chain that stays. */
const verified = new WeakMap<RosterRow, readonly { readonly row: RosterRow; readonly chain: Chain }[]>();
const REMEMBERED = 2;

function remember(genesis: RosterRow, row: RosterRow, chain: Chain): void {
  const others = (verified.get(genesis) ?? []).filter((each) => each.row !== row);
  verified.set(genesis, [{ row, chain }, ...others].slice(0, REMEMBERED));
}

/** The roster rows of one group. */
class RowsOf {
  readonly #view: View;
  readonly #group: GroupId;

  constructor(view: View, group: GroupId) {
    this.#view = view;
    this.#group = group;
  }

  has(row: RosterRow): boolean {
    return this.#view.get('roster', rosterKey(this.#group, row.seq)) === row;
  }

  at(seq: number): RosterRow {
    const row = this.#view.get('roster', rosterKey(this.#group, seq));
    if (row !== undefined) return row;
    throw damaged(`entry ${seq} of the roster of ${this.#group} is missing`);
  }

  from(first: number, last: number): readonly RosterRow[] {
    return Array.from({ length: last - first + 1 }, (_, i) => this.at(first + i));
  }
}

function signed(
  tools: Tools,
  view: View,
  group: GroupId,
  { seq, head }: Pick<Roster, 'seq' | 'head'>,
  change: RosterChange,
): RosterRow {
  const entry = { seq: seq + 1, prev: head, change };
  return { group, seq: seq + 1, entry: encodeEntry(tools.provider, group, entry, [settingsOf(view).adminSeed]) };
}

function headOfEntry({ provider }: Tools, bytes: Uint8Array): Uint8Array {
  const entry = decodeEntry(bytes);
  if (typeof entry === 'string') throw damaged(`a roster entry does not decode: ${entry}`);
  return headOf(provider, entry.core);
}

function putRow(draft: Draft, row: RosterRow): void {
  draft.put({ table: 'roster', key: rosterKey(row.group, row.seq), row });
}

/** A chain of our own that does not verify is a damaged database or a fault of ours, never a user's mistake. */
function sound(roster: Roster | string): Roster {
  if (typeof roster !== 'string') return roster;
  throw damaged(`a roster does not verify: ${roster}`);
}

function damaged(text: string): GscipError {
  return new GscipError('network-damaged', text, 'Restore the database from a backup.');
}
