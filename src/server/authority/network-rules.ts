import { unixSeconds } from '../../base/brands.ts';
import { GscipError } from '../../base/errors.ts';
import type { AddressPrefix } from '../../crypto/address-prefix.ts';
import { domainGroupId } from '../../crypto/group-key.ts';
import { extendRoster, type Roster, signChange, verifyRoster } from '../../crypto/roster.ts';
import { ROSTER_OPTION, type RosterChange } from '../../crypto/roster-entry.ts';
import { makePlan } from '../network/address-plan.ts';
import { freeName } from '../network/names.ts';
import { withNewEpoch } from './key-history.ts';
import type { AuthorityGroup, AuthorityState, AuthorityTools, KeyHistory, RollReason } from './state.ts';

/** The domain group has no roster: its versions name none. */
const NO_HEAD = new Uint8Array(32);
/** Nodes keep eight versions; those that wait must leave room for those in use. */
const MOST_WAITING = 4;
const NO_VERSIONS: Pick<KeyHistory, 'versions'> = { versions: [] };

/** A new authority, with its two signing keys and the domain group that every node will hold. */
export function newAuthority(tools: AuthorityTools, name: string, pool: AddressPrefix): AuthorityState {
  const network = freeName('network', name);
  const { provider, random } = tools;
  const caSeed = random(32);
  const id = domainGroupId(provider, provider.ed25519KeyPair(caSeed).publicKey);
  const domain = { id, name: network, rn1: new Uint8Array(32), ...NO_VERSIONS };
  return {
    network,
    plan: makePlan(pool, random),
    adminSeed: random(32),
    caSeed,
    revision: tools.now,
    nextSerial: 1,
    domain: withDomainEpoch(tools, domain, 'created'),
    groups: [],
    nodes: [],
  };
}

/** Every change begins with a new revision. */
export function revised(tools: AuthorityTools, state: AuthorityState): AuthorityState {
  return { ...state, revision: Math.max(state.revision + 1, tools.now) };
}

/** The domain group rolls when a node is removed (protocol.md 10.1); at once, since nothing of users travels under it. */
export function withDomainEpoch(tools: AuthorityTools, domain: KeyHistory, reason: RollReason): KeyHistory {
  return withNewEpoch(tools, domain, { activateAt: tools.now, reason, rosterSeq: 0, rosterHead: NO_HEAD });
}

/** Adds a group with an empty roster and its first key. */
export function addGroup(tools: AuthorityTools, state: AuthorityState, text: string): AuthorityState {
  const name = freeName('group', text);
  if (state.groups.some((group) => group.name === name))
    throw new GscipError('group-exists', `the group "${name}" exists already`, 'Choose another name.');
  const admin = tools.provider.ed25519KeyPair(state.adminSeed).publicKey;
  const options = ROSTER_OPTION.managed;
  const genesis: RosterChange = {
    kind: 'genesis',
    name,
    r: 0,
    admins: [admin],
    k: 1,
    options,
    nonce: tools.random(16),
  };
  const roster = checked(
    verifyRoster(tools.provider, [signChange(tools.provider, undefined, genesis, [state.adminSeed])]),
  );
  const identity = { id: roster.groupId, name, rn1: tools.random(32), roster: roster.entries };
  const group = withNewEpoch(tools, { ...identity, ...NO_VERSIONS }, headFacts(roster, 'created', tools.now));
  return { ...revised(tools, state), groups: [...state.groups, group] };
}

/** A new key version for a group by hand; it waits `delay` seconds, so that every node can be given it before. */
export function rollGroup(tools: AuthorityTools, state: AuthorityState, name: string, delay: number): AuthorityState {
  const group = groupNamed(state, name);
  const waiting = group.versions.filter(({ activateAt }) => activateAt > tools.now).length;
  if (waiting >= MOST_WAITING)
    throw new GscipError(
      'too-many-rolls',
      `${waiting} versions of "${group.name}" wait for their time already`,
      'Roll again when they are in force.',
    );
  const facts = headFacts(rosterOf(tools, group), 'by-hand', tools.now + delay);
  return withGroup(revised(tools, state), withNewEpoch(tools, group, facts));
}

/** A group with one more signed entry, and a new version that names the new head: equal v has equal head (protocol.md 9.3). */
export function withRosterChange(
  tools: AuthorityTools,
  state: AuthorityState,
  group: AuthorityGroup,
  change: RosterChange,
  reason: RollReason,
): AuthorityGroup {
  const entry = signChange(tools.provider, rosterOf(tools, group), change, [state.adminSeed]);
  const roster = checked(extendRoster(tools.provider, rosterOf(tools, group), [entry]));
  const changed = withNewEpoch(tools, { ...group, roster: roster.entries }, headFacts(roster, reason, tools.now));
  verified.set(changed, roster);
  return changed;
}

export function withGroup(state: AuthorityState, changed: AuthorityGroup): AuthorityState {
  return { ...state, groups: state.groups.map((group) => (group.id === changed.id ? changed : group)) };
}

/** The group of that name, or an error that names those there are. */
export function groupNamed(state: AuthorityState, text: string): AuthorityGroup {
  const name = text.normalize('NFC').trim();
  const group = state.groups.find((each) => each.name === name);
  if (group) return group;
  const names = state.groups.map((each) => each.name).join(', ');
  throw new GscipError(
    'unknown-group',
    `there is no group "${text}"`,
    names === '' ? 'Make it with: gscip authority group add DIR NAME' : `The groups are: ${names}.`,
  );
}

/** The group's verified roster. */
export function rosterOf(tools: AuthorityTools, group: AuthorityGroup): Roster {
  const known = verified.get(group) ?? checked(verifyRoster(tools.provider, group.roster, group.id));
  verified.set(group, known);
  return known;
}

/** Rosters by the group that they belong to: groups never change, and every question about members needs one. */
const verified = new WeakMap<AuthorityGroup, Roster>();

function headFacts(roster: Roster, reason: RollReason, activateAt: number) {
  return { activateAt: unixSeconds(activateAt), reason, rosterSeq: roster.seq, rosterHead: roster.head };
}

/** A chain of our own that does not verify is a broken file or a fault of ours, never a user's mistake. */
function checked(roster: Roster | string): Roster {
  if (typeof roster !== 'string') return roster;
  throw new GscipError('authority-damaged', `a roster does not verify: ${roster}`, 'Restore the folder from a backup.');
}
