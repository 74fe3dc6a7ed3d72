import type { Millis } from '../base/brands.ts';
import type { PathAddress } from '../base/path-address.ts';
import { currentOf, groupsTowards } from './admission.ts';
import { LISTED_GROUPS } from './constants.ts';
import { makeDde } from './dde-maker.ts';
import type { ListedGroup } from './dde-tags.ts';
import type { DprpEffect, Failure } from './effects.ts';
import { Handshake } from './handshake.ts';
import { type NegotiationContext, ownCaps, send, trace } from './negotiation-context.ts';
import type { GroupVersion, GroupView, NegotiationDeps } from './negotiation-deps.ts';
import { firstRetry, nextRetry } from './retry.ts';
import { type Detecting, type Hint, OVER, type StartBase, type StartStep } from './start-state.ts';

const NO_HINT: Hint = { reason: 'timeout', peerMode: undefined, peerType: undefined };

/** Makes a fresh DDE and sends it on every path (protocol.md 2.5). */
export function detect(
  context: NegotiationContext,
  base: StartBase,
  paths: readonly PathAddress[],
  now: Millis,
): StartStep {
  const { deps, provider } = context;
  const [domain] = deps.domain();
  if (domain === undefined) return fail(base, { ...NO_HINT, reason: 'domain-stale' });
  const listed = listGroups(deps, base);
  if (typeof listed === 'string') return fail(base, { ...NO_HINT, reason: listed });
  const identity = deps.identity();
  const ephemeral = context.ephemerals.keyPair(now);
  const { suites, mtu } = deps.settings;
  const { bytes, tags } = makeDde(provider, (length) => deps.random(length), {
    ephemeral: ephemeral.publicKey,
    index: base.index,
    rekeyIndex: rekeyIndexOf(deps, base),
    domain,
    listed,
    cid: base.request.cid,
    suites,
    mtu,
    caps: ownCaps(deps),
  });
  const own = { publicKey: identity.xPublic, secretKey: identity.xSecret };
  const handshake = new Handshake(provider, 'initiator', { static: own, ephemeral });
  handshake.sentDde(bytes);
  const state: Detecting = {
    phase: 'detecting',
    base,
    identity,
    handshake,
    ephemeral: ephemeral.publicKey,
    domain,
    dde: bytes,
    tags,
    paths,
    retry: firstRetry((length) => deps.random(length), slowest(deps, paths), now),
    cookieTaken: false,
    hint: undefined,
    endsAt: base.giveUpAt,
  };
  return { state, effects: [...advances(listed), ...sendDde(state, paths, now)] };
}

/** The same bytes again, later each time. */
export function repeatDde(context: NegotiationContext, state: Detecting, now: Millis): StartStep {
  const retry = nextRetry((length) => context.deps.random(length), state.retry, now);
  return { state: { ...state, retry, cookieTaken: false }, effects: sendDde(state, state.paths, now) };
}

/** A path became known meanwhile: the same bytes there too, and again as soon as on a path that was known from the start. */
export function detectOn(
  { deps }: NegotiationContext,
  state: Detecting,
  path: PathAddress,
  isAgain: boolean,
  now: Millis,
): StartStep {
  if (state.paths.includes(path)) return { state, effects: isAgain ? sendDde(state, [path], now) : [] };
  const paths = [...state.paths, path];
  const retry = firstRetry((length) => deps.random(length), slowest(deps, paths), now);
  return { state: { ...state, paths, retry }, effects: sendDde(state, [path], now) };
}

export function sendDde(state: Detecting, paths: readonly PathAddress[], now: Millis): DprpEffect[] {
  return paths.flatMap((path) => [send(state.dde, path), trace('DDE', 'sent', path, now)]);
}

/** Ends the negotiation with the reason that a user is shown. */
export function fail(base: StartBase, hint: Hint): StartStep {
  const { cid, purpose } = base.request;
  const { reason, peerMode, peerType } = hint;
  const failed: DprpEffect = { kind: 'failed', cid, waiting: base.waiting, purpose, reason, peerMode, peerType };
  return { state: OVER, effects: [failed] };
}

/** Nothing came: the domain key may be old, so it is fetched first (protocol.md 2.5). */
export function giveUp(base: StartBase, hint: Hint | undefined): StartStep {
  const failed = fail(base, hint ?? NO_HINT);
  if (hint !== undefined) return failed;
  return { state: OVER, effects: [...failed.effects, { kind: 'refresh', what: 'domain' }] };
}

/** Groups whose roster covers the destination, by group id, at most 8, each with its newest version (protocol.md 3.5). */
function listGroups(deps: NegotiationDeps, base: StartBase): ListedGroup[] | Failure {
  const own = deps.identity().caPart.nodeId;
  const towards = groupsTowards(deps.groups(), own, base.request.cid.destination)
    .filter((group) => base.only === undefined || group.id === base.only.group)
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  const usable = towards.flatMap((group) => listGroup(group, base) ?? []);
  const leased = usable.filter(({ current }) => deps.unixNow() < current.notAfter);
  if (usable.length === 0) return 'no-group-covers';
  return leased.length === 0 ? 'lease-expired' : leased.slice(0, LISTED_GROUPS);
}

function listGroup(group: GroupView, base: StartBase): ListedGroup | undefined {
  const chained = base.only?.chained;
  if (chained !== undefined) {
    const version = group.versions.find(({ v, kPsk }) => v === chained && kPsk !== undefined);
    return version && { group, current: version, previous: undefined };
  }
  const current = madeForNewcomer(group, base.request.cid.destination) ?? currentOf(group);
  if (current?.kPsk === undefined) return undefined;
  const older = group.versions.filter(({ v }) => v < current.v);
  const previous = older.reduce<GroupVersion | undefined>(
    (best, one) => (best && best.v > one.v ? best : one),
    undefined,
  );
  return { group, current, previous };
}

/**
 * The held NEXT, where whoever has the destination joined with it: CURRENT was made before, and is not known there
 * (protocol.md 10.1).
 */
function madeForNewcomer({ roster, versions }: GroupView, destination: Uint8Array): GroupVersion | undefined {
  const held = versions.filter(({ state }) => state === 'next' || state === 'current');
  if (held.length < 2) return undefined;
  const owner = roster.covers(destination);
  const isKnownThere = ({ rosterSeq }: GroupVersion) => owner === undefined || !roster.joinedAfter(owner, rosterSeq);
  const oldest = held.findLast(isKnownThere);
  return oldest?.state === 'next' ? oldest : undefined;
}

/** What a newcomer joined with comes into force before it is used. */
function advances(listed: readonly ListedGroup[]): DprpEffect[] {
  return listed.flatMap(({ group, current }) =>
    current.state === 'next' ? [{ kind: 'advance', group: group.id, version: current.v } as const] : [],
  );
}

function rekeyIndexOf(deps: NegotiationDeps, base: StartBase): number {
  const { replaces } = base.request;
  return replaces === undefined ? 0 : (deps.liveSa(replaces)?.remote ?? 0);
}

function slowest(deps: NegotiationDeps, paths: readonly PathAddress[]): number | undefined {
  const known = paths.map((path) => deps.roundTrip(path)).filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}
