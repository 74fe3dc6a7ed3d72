import { type GroupId, groupId, type NodeId } from '../base/brands.ts';
import { compareBytes, toHex } from '../base/bytes.ts';
import type { CryptoProvider } from './provider.ts';
import { type RosterCoverage, rosterCoverage } from './roster-coverage.ts';
import {
  decodeEntry,
  encodeEntry,
  entrySigned,
  headOf,
  ROSTER_OPTION,
  type RosterChange,
  type RosterEntry,
  type RosterEntryFault,
} from './roster-entry.ts';
import { applyChange, type OwnMembers, ownMembers, type RosterRuleFault, type RosterState } from './roster-state.ts';

/** Why an entry or chain was refused; the roster that was held stays as it is. */
export type RosterFault =
  | RosterEntryFault
  | RosterRuleFault
  | 'empty-chain'
  | 'other-group'
  | 'sequence'
  | 'previous'
  | 'signature'
  | 'signer'
  | 'too-few-signatures'
  | 'rolled-back'
  | 'not-an-extension';

/** A verified chain and what it says: a value, replaced and never changed (protocol.md 9.3). */
export interface Roster extends RosterState, RosterCoverage {
  readonly groupId: GroupId;
  readonly seq: number;
  readonly head: Uint8Array;
  /** All entries from GENESIS on, as received: entry seq stands at that position. */
  readonly entries: readonly Uint8Array[];
  /** H(core) of each of them. */
  readonly heads: readonly Uint8Array[];
  /** The names that the group had, and from which entry on, oldest first. */
  readonly names: readonly { readonly seq: number; readonly name: string }[];
  /** The places of REMOVE entries, oldest first. */
  readonly removals: readonly number[];
  /** Whom the entry at each place adds. */
  readonly additions: readonly (NodeId | undefined)[];
  /** Whether an entry behind `seq` adds this member: it cannot hold keys that were made for the roster up to `seq`. */
  joinedAfter(id: NodeId, seq: number): boolean;
}

/** Signs the next entry of a chain, or GENESIS of a new one; seeds are those of the signers. */
export function signChange(
  provider: CryptoProvider,
  roster: Roster | undefined,
  change: RosterChange,
  seeds: readonly Uint8Array[],
): Uint8Array {
  const place = roster === undefined ? FIRST : { seq: roster.seq + 1, prev: roster.head };
  return encodeEntry(provider, roster?.groupId ?? null, { ...place, change }, seeds);
}

const FIRST = { seq: 0, prev: new Uint8Array(32) };

/** Verifies a whole chain from GENESIS on. `expected`: the group that it must be, where that is known. */
export function verifyRoster(
  provider: CryptoProvider,
  chain: readonly Uint8Array[],
  expected?: GroupId,
): Roster | RosterFault {
  const roster = verified(provider, undefined, chain);
  if (roster === undefined) return 'empty-chain';
  if (typeof roster === 'string') return roster;
  return expected === undefined || roster.groupId === expected ? roster : 'other-group';
}

/** Verifies entries that follow a held roster; all or nothing. */
export function extendRoster(
  provider: CryptoProvider,
  roster: Roster,
  entries: readonly Uint8Array[],
): Roster | RosterFault {
  return verified(provider, roster, entries) ?? roster;
}

/**
 * Takes a chain that somebody presents in place of the held one: only a verified extension replaces it, an equal chain
 * changes nothing, a shorter one is 'rolled-back', one that differs is 'not-an-extension' (see `forkProof`).
 */
export function acceptChain(
  provider: CryptoProvider,
  held: Roster,
  chain: readonly Uint8Array[],
): Roster | RosterFault {
  const shared = Math.min(chain.length, held.entries.length);
  for (let seq = 0; seq < shared; seq++) {
    const entry = decodeEntry(chain[seq]);
    if (typeof entry === 'string') return entry;
    if (compareBytes(headOf(provider, entry.core), held.heads[seq]) !== 0) return 'not-an-extension';
  }
  if (chain.length < held.entries.length) return 'rolled-back';
  return extendRoster(provider, held, chain.slice(shared));
}

/** The name that the group had after the entry `seq`; group keys are bound to it (protocol.md 9.1). */
export function nameAt(roster: Roster, seq: number): string {
  return roster.names.findLast((each) => each.seq <= seq)?.name ?? roster.name;
}

/** The place of the last REMOVE up to the entry `seq`, 0 for none: older versions of the key admit nobody (protocol.md 3.5). */
export function lastRemoveAt(roster: Roster, seq: number): number {
  return roster.removals.findLast((at) => at <= seq) ?? 0;
}

/** Two entries of one place in the chain, both signed by the admins that it takes: what stops a group (protocol.md 9.3). */
export interface ForkProof {
  readonly groupId: GroupId;
  readonly seq: number;
  readonly entries: readonly [Uint8Array, Uint8Array];
}

/**
 * The proof of a fork, if a foreign entry is one: same place as an entry held, another hash, and signed by as many admins
 * as the held chain asks for there. Anything less is only a reason to refuse the peer that showed it (R6).
 */
export function forkProof(provider: CryptoProvider, held: Roster, foreign: Uint8Array): ForkProof | undefined {
  const entry = decodeEntry(foreign);
  if (typeof entry === 'string' || entry.seq < 1 || entry.seq > held.seq) return undefined;
  const { seq, core } = entry;
  if (compareBytes(headOf(provider, core), held.heads[seq]) === 0) return undefined;
  const before = verifyRoster(provider, held.entries.slice(0, seq));
  if (typeof before === 'string' || signedBy(provider, before, held.groupId, entry) !== 'admins') return undefined;
  const own = decodeEntry(held.entries[seq]);
  if (typeof own === 'string' || signedBy(provider, before, held.groupId, own) !== 'admins') return undefined;
  return { groupId: held.groupId, seq, entries: [held.entries[seq], foreign] };
}

/** A verified place in a chain and the state there. */
interface Link {
  readonly state: RosterState;
  readonly groupId: GroupId;
  readonly seq: number;
  readonly head: Uint8Array;
  readonly change: RosterChange | undefined;
}

/** Goes through the entries that follow `held`; undefined when there are none. */
function verified(
  provider: CryptoProvider,
  held: Roster | undefined,
  chain: readonly Uint8Array[],
): Roster | RosterFault | undefined {
  if (chain.length === 0) return held;
  let link: Link | undefined = held && { ...held, state: held, change: undefined };
  const own = ownMembers(held?.members);
  const heads = [...(held?.heads ?? [])];
  const names = [...(held?.names ?? [])];
  const removals = [...(held?.removals ?? [])];
  const additions = [...(held?.additions ?? [])];
  for (const bytes of chain) {
    const next = nextLink(provider, link, bytes, own);
    if (typeof next === 'string') return next;
    heads.push(next.head);
    if (next.state.name !== link?.state.name) names.push({ seq: next.seq, name: next.state.name });
    if (next.change?.kind === 'remove') removals.push(next.seq);
    additions.push(next.change?.kind === 'add' ? next.change.member.nodeId : undefined);
    link = next;
  }
  if (link === undefined) return held;
  const { state, groupId: id, seq, head } = link;
  const entries = [...(held?.entries ?? []), ...chain];
  const coverage = rosterCoverage(state.members, own.vips);
  const joinedAfter = (node: NodeId, from: number) => additions.lastIndexOf(node) > from;
  return { ...state, ...coverage, groupId: id, seq, head, entries, heads, names, removals, additions, joinedAfter };
}

function nextLink(
  provider: CryptoProvider,
  link: Link | undefined,
  bytes: Uint8Array,
  own: OwnMembers,
): Link | RosterFault {
  const entry = decodeEntry(bytes);
  if (typeof entry === 'string') return entry;
  const place = link === undefined ? FIRST : { seq: link.seq + 1, prev: link.head };
  if (entry.seq !== place.seq) return 'sequence';
  if (compareBytes(entry.prev, place.prev) !== 0) return 'previous';
  const fault = link && unsigned(provider, link.state, link.groupId, entry);
  if (fault) return fault;
  const state = applyChange(provider, link?.state, entry.change, own);
  if (typeof state === 'string') return state;
  // GENESIS is signed by the admins that it names itself
  const first = link ? undefined : unsigned(provider, state, null, entry);
  if (first) return first;
  const head = headOf(provider, entry.core);
  const id = link?.groupId ?? groupId(toHex(head.subarray(0, 16)));
  return { state, groupId: id, seq: entry.seq, head, change: entry.change };
}

/** Why nobody who may stands behind an entry, or undefined when somebody does. */
function unsigned(provider: CryptoProvider, state: RosterState, id: GroupId | null, entry: RosterEntry) {
  const signers = signedBy(provider, state, id, entry);
  return signers === 'admins' || signers === 'member' ? undefined : signers;
}

/** Who stands behind an entry in this state: each signature must be valid, by a different signer, and entitled. */
function signedBy(
  provider: CryptoProvider,
  state: RosterState,
  id: GroupId | null,
  entry: RosterEntry,
): 'admins' | 'member' | 'signature' | 'signer' | 'too-few-signatures' {
  const signed = entrySigned(provider, id, entry.core);
  const seen = new Set<string>();
  let admins = 0;
  let members = 0;
  for (const { signer, signature } of entry.signatures) {
    const key = toHex(signer);
    if (seen.has(key)) return 'signer';
    seen.add(key);
    if (state.admins.some((admin) => compareBytes(admin, signer) === 0)) admins++;
    else if (mayInvite(state, entry.change, signer)) members++;
    else return 'signer';
    if (!provider.ed25519Verify(signer, signed, signature)) return 'signature';
  }
  if (admins >= state.k) return 'admins';
  return members + (maySkipThreshold(state, entry.change) ? admins : 0) > 0 ? 'member' : 'too-few-signatures';
}

/** Any member may bring in a newcomer if GENESIS says so, but not restate the addresses of one who is there. */
function maySkipThreshold(state: RosterState, change: RosterChange): boolean {
  const open = (state.options & ROSTER_OPTION.anyMemberInvites) !== 0;
  return open && change.kind === 'add' && !state.members.has(change.member.nodeId);
}

function mayInvite(state: RosterState, change: RosterChange, signer: Uint8Array): boolean {
  if (!maySkipThreshold(state, change)) return false;
  return [...state.members.values()].some((member) => compareBytes(member.edPk, signer) === 0);
}
