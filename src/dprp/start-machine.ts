import type { Millis } from '../base/brands.ts';
import { wipe } from '../base/bytes.ts';
import type { Cid } from '../base/cid.ts';
import { DATAGRAM } from '../base/datagram-kinds.ts';
import type { PathAddress } from '../base/path-address.ts';
import { unreachable } from '../base/unreachable.ts';
import type { Failure } from './effects.ts';
import { wipeLanes } from './key-schedule.ts';
import { count, type NegotiationContext } from './negotiation-context.ts';
import { nextRetry } from './retry.ts';
import { abandon, handleCdn, handleData } from './start-complete.ts';
import { detect, detectOn, fail, giveUp, repeatDde } from './start-detect.ts';
import { handleCookie, handleNogroup, handleStale, outdatedAgain, refreshed } from './start-hints.ts';
import { handleRgi, sendMpit } from './start-make.ts';
import { type Detecting, type Making, OVER, type StartBase, type StartState, type StartStep } from './start-state.ts';

/*
 * The start GE of one negotiation (protocol.md 2, 3.1)
 *
 *                COOKIE: again with mac2
 *                NOGROUP: ends soon
 *                   ┌──┐
 *              ┌────▼──┴─┐      RGI       ┌────────┐  CDN
 *   begin ────►│detecting├───────────────►│ making ├─────────────► over
 *              └──┬───▲──┘  install RX    └──┬──▲──┘ install TX
 *           STALE │   │ newer keys          └──┘ data first: install TX,
 *              ┌──▼───┴───┐ (once)               CDN still confirms the flow
 *              │refreshing│
 *              └──────────┘
 *   From each state: 15 s or an abort lead to `over`; the RX of `making` stays.
 */

export type StartInput =
  | { readonly kind: 'datagram'; readonly bytes: Uint8Array; readonly from: PathAddress }
  | { readonly kind: 'data' }
  | { readonly kind: 'tick' }
  | { readonly kind: 'path'; readonly path: PathAddress; readonly isAgain: boolean }
  | { readonly kind: 'wait'; readonly cid: Cid }
  | { readonly kind: 'versions' }
  | { readonly kind: 'abort'; readonly reason: Failure };

/** Begins with a DDE on every path; may be over at once. */
export function begin(context: NegotiationContext, base: StartBase, now: Millis): StartStep {
  return detect(context, base, base.request.paths, now);
}

/** One input; a state that is `over` answers nothing any more. The Handshake inside is replaced or restored, never left half read. */
export function stepStart(context: NegotiationContext, state: StartState, input: StartInput, now: Millis): StartStep {
  if (state.phase === 'over') return { state, effects: [] };
  switch (input.kind) {
    case 'datagram':
      return handleDatagram(context, state, input.bytes, input.from, now);
    case 'data':
      return state.phase === 'making' ? handleData(context, state, now) : { state, effects: [] };
    case 'tick':
      return handleTick(context, state, now);
    case 'path':
      return addPath(context, state, input.path, input.isAgain, now);
    case 'wait':
      return {
        state: { ...state, base: { ...state.base, waiting: [...state.base.waiting, input.cid] } },
        effects: state.phase === 'refreshing' ? [{ kind: 'keys-awaited', cids: [input.cid] }] : [],
      };
    case 'versions':
      if (state.phase !== 'refreshing' || !refreshed(context, state)) return { state, effects: [] };
      return detect(context, state.base, state.paths, now);
    case 'abort':
      erase(state);
      if (state.phase === 'making' && state.keyed) return { state: OVER, effects: [] };
      return fail(state.base, { reason: input.reason, peerMode: undefined, peerType: undefined });
    default:
      return unreachable(input);
  }
}

/** When the state wants its next tick. */
export function startDeadline(state: StartState): Millis | undefined {
  switch (state.phase) {
    case 'detecting':
      return state.retry.at < state.endsAt ? state.retry.at : state.endsAt;
    case 'making':
      return state.retry.at < state.base.giveUpAt ? state.retry.at : state.base.giveUpAt;
    case 'refreshing':
      return state.base.giveUpAt;
    case 'over':
      return undefined;
    default:
      return unreachable(state);
  }
}

function handleDatagram(
  context: NegotiationContext,
  state: Exclude<StartState, { phase: 'over' }>,
  bytes: Uint8Array,
  from: PathAddress,
  now: Millis,
): StartStep {
  const kind = bytes[0];
  if (state.phase === 'making' && kind === DATAGRAM.cdn) return handleCdn(context, state, bytes, from, now);
  if (state.phase !== 'detecting') return { state, effects: [count('dprp-late')] };
  switch (kind) {
    case DATAGRAM.rgi:
      return handleRgi(context, state, bytes, from, now);
    case DATAGRAM.cookie:
      return handleCookie(context, state, bytes, from, now);
    case DATAGRAM.stale:
      return handleStale(context, state, bytes, from, now);
    case DATAGRAM.nogroup:
      return handleNogroup(context, state, bytes, from, now);
    default:
      return { state, effects: [count('dprp-late')] };
  }
}

function handleTick(
  context: NegotiationContext,
  state: Exclude<StartState, { phase: 'over' }>,
  now: Millis,
): StartStep {
  switch (state.phase) {
    case 'detecting':
      if (now >= state.endsAt) return detectedNothing(context, state, now);
      return now >= state.retry.at ? repeatDde(context, state, now) : { state, effects: [] };
    case 'making':
      if (now >= state.base.giveUpAt) return abandon(state);
      return now >= state.retry.at ? repeatMpit(context, state, now) : { state, effects: [] };
    case 'refreshing':
      return now >= state.base.giveUpAt ? giveUp(state.base, state.hint) : { state, effects: [] };
    default:
      return unreachable(state);
  }
}

function detectedNothing(context: NegotiationContext, state: Detecting, now: Millis): StartStep {
  const again = state.hint?.reason === 'no-common-group' ? outdatedAgain(context, state, now) : undefined;
  if (again) return again;
  erase(state);
  return giveUp(state.base, state.hint);
}

function repeatMpit(context: NegotiationContext, state: Making, now: Millis): StartStep {
  const retry = nextRetry((length) => context.deps.random(length), state.retry, now);
  return { state: { ...state, retry }, effects: sendMpit(state, state.path, now) };
}

function addPath(
  context: NegotiationContext,
  state: Exclude<StartState, { phase: 'over' }>,
  path: PathAddress,
  isAgain: boolean,
  now: Millis,
): StartStep {
  if (state.phase === 'detecting') return detectOn(context, state, path, isAgain, now);
  if (state.phase !== 'refreshing' || state.paths.includes(path)) return { state, effects: [] };
  return { state: { ...state, paths: [...state.paths, path] }, effects: [] };
}

/** Overwrites the secrets of a state that ends early. */
function erase(state: Exclude<StartState, { phase: 'over' }>): void {
  if (state.phase === 'detecting') state.handshake.wipe();
  if (state.phase !== 'making') return;
  wipe(state.cdnKey);
  if (!state.keyed) wipeLanes(state.sendLanes);
}
