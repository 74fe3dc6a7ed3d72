import { type GroupId, type KeyVersion, type Millis, millis } from '../base/brands.ts';
import type { PathAddress } from '../base/path-address.ts';
import { currentOf } from './admission.ts';
import { decodeCookie } from './cookie.ts';
import { decodeDde } from './dde.ts';
import { withCookie } from './dde-maker.ts';
import type { ListedTag } from './dde-tags.ts';
import type { DprpEffect, Failure } from './effects.ts';
import { openCookie, openNogroup, openStale } from './hint-seal.ts';
import { count, type NegotiationContext, trace } from './negotiation-context.ts';
import { decodeNogroup } from './nogroup.ts';
import { decodeStale, type StaleBox } from './stale.ts';
import { detect, sendDde } from './start-detect.ts';
import type { Detecting, Hint, StartBase, StartState, StartStep } from './start-state.ts';
import { BEHIND_WAIT_MS, FIRST_RETRY_MS } from './tuning.ts';

/*
 * COOKIE, STALE and NOGROUP at the start GE. They are hints (R2, C2): they delete no key, change no CURRENT but by
 * activating a held NEXT, and an RGI that comes in spite of them is taken.
 */

/** The same DDE again, now with mac2, to whoever asked for it (protocol.md 2.5). */
export function handleCookie(
  context: NegotiationContext,
  state: Detecting,
  bytes: Uint8Array,
  from: PathAddress,
  now: Millis,
): StartStep {
  const message = decodeCookie(bytes);
  if (typeof message === 'string') return unchanged(state, `cookie-${message}`);
  const dde = decodeDde(state.dde);
  if (state.cookieTaken || typeof dde === 'string') return unchanged(state, 'cookie-repeated');
  const cookie = openCookie(context.provider, message, dde.box, state.domain.kTag);
  if (cookie === null) return unchanged(state, 'cookie-auth');
  const proven = { ...state, dde: withCookie(context.provider, state.dde, cookie), cookieTaken: true };
  return { state: proven, effects: [trace('COOKIE', 'received', from, now), ...sendDde(proven, [from], now)] };
}

export function handleNogroup(
  context: NegotiationContext,
  state: Detecting,
  bytes: Uint8Array,
  from: PathAddress,
  now: Millis,
): StartStep {
  const message = decodeNogroup(bytes);
  if (typeof message === 'string') return unchanged(state, `nogroup-${message}`);
  const box = openNogroup(context.provider, bytes, message, state.domain.kDde, state.ephemeral);
  if (typeof box === 'string') return unchanged(state, `nogroup-${box}`);
  const hint: Hint = { reason: 'no-common-group', peerMode: box.mode, peerType: box.type };
  return { state: endSoon(state, hint, now), effects: [trace('NOGROUP', 'received', from, now)] };
}

export function handleStale(
  context: NegotiationContext,
  state: Detecting,
  bytes: Uint8Array,
  from: PathAddress,
  now: Millis,
): StartStep {
  const message = decodeStale(bytes);
  if (typeof message === 'string') return unchanged(state, `stale-${message}`);
  const tag = message.slot === 'domain' ? null : state.tags[message.slot];
  const kStale = message.slot === 'domain' ? state.domain.kStale : tag?.version.kStale;
  if (kStale === undefined) return unchanged(state, 'stale-slot');
  const box = openStale(context.provider, bytes, message, kStale, state.ephemeral);
  if (typeof box === 'string') return unchanged(state, `stale-${box}`);
  const seen = trace('STALE', 'received', from, now);
  if (tag === null || tag === undefined) return withEffect(domainOld(context, state, box, now), seen);
  return withEffect(groupOld(context, state, tag, box, now), seen);
}

/** What a hint waits for has come, or not: a Refreshing state goes on, once, as soon as a newer version is held. */
export function refreshed(context: NegotiationContext, state: StartState): boolean {
  if (state.phase !== 'refreshing') return false;
  const { until } = state;
  if (until.what === 'domain') return (context.deps.domain()[0]?.v ?? 0) > until.above;
  const group = context.deps.groups().find(({ id }) => id === until.group);
  const current = group && currentOf(group);
  return current !== undefined && current.v > until.above;
}

/**
 * A newer version than those of the DDE is CURRENT by now, and R may know only that: one more DDE before it is given up
 * (protocol.md 8.1).
 */
export function outdatedAgain(context: NegotiationContext, state: Detecting, now: Millis): StartStep | undefined {
  const listed = state.tags.filter((tag) => tag !== null);
  const isOld = (id: GroupId, v: KeyVersion) => listed.every(({ group, version }) => group.id !== id || version.v < v);
  const isOutdated = context.deps.groups().some((group) => {
    const current = currentOf(group);
    return current && listed.some(({ group: { id } }) => id === group.id) && isOld(group.id, current.v);
  });
  return isOutdated ? detectAgain(context, state, now) : undefined;
}

/**
 * R is behind and could not refresh; nothing that this node does helps it (protocol.md 3.5, class 3). It answers anew
 * when it gets newer keys, and is given a while for that.
 */
export function peerBehind(state: Detecting, now: Millis): StartStep {
  return { state: endSoon(state, plainHint('peer-behind'), now, BEHIND_WAIT_MS), effects: [count('peer-behind')] };
}

function domainOld(context: NegotiationContext, state: Detecting, box: StaleBox, now: Millis): StartStep {
  const { base, domain } = state;
  const hint = plainHint('domain-stale');
  if (box.reason !== 'domain' || box.version <= domain.v) return unchanged(state, 'stale-reason');
  if (base.repeated) return { state: endSoon(state, hint, now), effects: [] };
  if ((context.deps.domain()[0]?.v ?? 0) > domain.v) return detectAgain(context, state, now);
  const effect: DprpEffect = { kind: 'refresh', what: 'domain' };
  // Without a GMS nobody brings a newer version in time.
  if (context.deps.settings.noGms) return { state: endSoon(state, hint, now), effects: [effect] };
  return wait(state, hint, { what: 'domain', above: domain.v }, [effect]);
}

function groupOld(
  context: NegotiationContext,
  state: Detecting,
  tag: ListedTag,
  box: StaleBox,
  now: Millis,
): StartStep {
  const group = context.deps.groups().find(({ id }) => id === tag.group.id);
  const current = group && currentOf(group);
  if (group === undefined || current === undefined) return unchanged(state, 'stale-slot');
  if (box.reason === 'behind') return peerBehind(state, now);
  if (box.reason !== 'old' || box.version <= tag.version.v) return unchanged(state, 'stale-reason');
  const hint = plainHint('stale-key');
  // the chain has ended at the peer: the pair goes on under CURRENT (protocol.md 2.6)
  if (isChained(state.base) && current.v > tag.version.v) return unchainedAgain(context, state, now);
  if (state.base.repeated) return { state: endSoon(state, hint, now), effects: [] };
  if (current.v > tag.version.v) return detectAgain(context, state, now);
  // The one exception of 3.6: what is held and signed already may be activated.
  const held = group.versions.find(({ state: is, v }) => is === 'next' && v <= box.version);
  const effect: DprpEffect =
    held === undefined
      ? { kind: 'refresh', what: 'group', group: group.id, version: box.version }
      : { kind: 'advance', group: group.id, version: held.v };
  // Without a GMS nobody brings a newer version in time.
  if (held === undefined && context.deps.settings.noGms) return { state: endSoon(state, hint, now), effects: [effect] };
  return wait(state, hint, { what: 'group', group: group.id, above: current.v }, [effect]);
}

function isChained({ only }: StartBase): boolean {
  return only?.chained !== undefined;
}

/** A negotiation that began for a chain goes on for the pair. */
function unchained(base: StartBase): StartBase {
  return { ...base, only: base.only && { ...base.only, chained: undefined } };
}

function unchainedAgain(context: NegotiationContext, state: Detecting, now: Millis): StartStep {
  state.handshake.wipe();
  return detect(context, unchained(state.base), state.paths, now);
}

/** The newer version came after this DDE was made: only the DDE is old. */
function detectAgain(context: NegotiationContext, state: Detecting, now: Millis): StartStep {
  state.handshake.wipe();
  return detect(context, { ...state.base, repeated: true }, state.paths, now);
}

function wait(
  state: Detecting,
  hint: Hint,
  until: Extract<StartState, { phase: 'refreshing' }>['until'],
  effects: readonly DprpEffect[],
): StartStep {
  state.handshake.wipe();
  const base = { ...unchained(state.base), repeated: true };
  const cids = base.request.purpose === 'flow' ? [base.request.cid, ...base.waiting] : base.waiting;
  const awaited: DprpEffect = { kind: 'keys-awaited', cids };
  return { state: { phase: 'refreshing', base, paths: state.paths, hint, until }, effects: [...effects, awaited] };
}

/** The hint may be wrong or forged by a member: RGI has a little more time to come. */
function endSoon(state: Detecting, hint: Hint, now: Millis, wait: number = FIRST_RETRY_MS): Detecting {
  return { ...state, hint, endsAt: millis(Math.min(state.endsAt, now + wait)) };
}

function plainHint(reason: Failure): Hint {
  return { reason, peerMode: undefined, peerType: undefined };
}

function unchanged(state: Detecting, counter: string): StartStep {
  return { state, effects: [count(counter)] };
}

function withEffect(step: StartStep, effect: DprpEffect): StartStep {
  return { state: step.state, effects: [effect, ...step.effects] };
}
