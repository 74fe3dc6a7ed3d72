import { type Millis, millis } from '../base/brands.ts';
import { compareBytes, concat, wipe } from '../base/bytes.ts';
import type { PathAddress } from '../base/path-address.ts';
import { admit, type Refusal } from './admission.ts';
import { type CdnPayload, decodeCdn, decodeCdnPayload } from './cdn.ts';
import type { DprpEffect, Failure, InstallSend } from './effects.ts';
import { withoutHops } from './header.ts';
import { wipeLanes } from './key-schedule.ts';
import { count, type NegotiationContext, trace } from './negotiation-context.ts';
import { fail, giveUp } from './start-detect.ts';
import { entry } from './start-make.ts';
import { type Making, OVER, type StartStep } from './start-state.ts';

/*
 * The end of a handshake at the start GE: CDN, or the first authentic datagram on the SA, whichever comes first, confirms
 * it (protocol.md 3.1). Admission is asked again before the send keys are installed (S1, A3).
 */

const NONCE_0 = new Uint8Array(12);
/** Inner MTU that every node takes (protocol.md 6.5). */
const MTU_FLOOR = 1_280;

export function handleCdn(
  context: NegotiationContext,
  state: Making,
  bytes: Uint8Array,
  from: PathAddress,
  now: Millis,
): StartStep {
  const payload = openCdn(context, state, bytes);
  if (typeof payload === 'string') return { state, effects: [count(`cdn-${payload}`)] };
  const refusal = readmit(context, state, now);
  if (refusal !== undefined) return drop(state, refusal);
  const { local, peer } = state.sa;
  const effects: DprpEffect[] = [trace('CDN', 'received', from, now, peer)];
  if (state.keyed) effects.push({ kind: 'peer-mtu', localIndex: local, mtu: payload.mtu });
  else effects.push(installSend(state, payload.mtu));
  if (payload.status === 'accepted') effects.push(...entry(state, context, 'confirmed', payload.lifetime));
  // first, or the flow would be opened again inside the SA
  if (payload.status !== 'accepted') effects.push(...refusedFlow(state));
  if (!state.keyed) effects.push(negotiated(state, now));
  wipe(state.cdnKey);
  return { state: OVER, effects };
}

/** The first authentic datagram on the SA: R has the keys, so the SA is confirmed; CDN may still come and confirm the entry. */
export function handleData(context: NegotiationContext, state: Making, now: Millis): StartStep {
  if (state.keyed) return { state, effects: [] };
  const refusal = readmit(context, state, now);
  if (refusal !== undefined) return drop(state, refusal);
  return { state: { ...state, keyed: true }, effects: [installSend(state, MTU_FLOOR), negotiated(state, now)] };
}

/** Time is up. The receive keys stay in place to their cap (S4): R may have completed. */
export function abandon(state: Making): StartStep {
  wipe(state.cdnKey);
  if (state.keyed) return { state: OVER, effects: [] };
  wipeLanes(state.sendLanes);
  return giveUp(state.base, undefined);
}

function openCdn(context: NegotiationContext, state: Making, bytes: Uint8Array): CdnPayload | string {
  const cdn = decodeCdn(bytes);
  if (typeof cdn === 'string') return cdn;
  const aad = concat(withoutHops(bytes), state.h);
  const plain = context.provider.chachaOpen(state.cdnKey, NONCE_0, aad, cdn.encPayload);
  if (plain === null) return 'auth';
  const payload = decodeCdnPayload(plain);
  if (typeof payload === 'string') return payload;
  if (compareBytes(payload.pitId, state.pitId) !== 0) return 'pit-id';
  return payload.lanes === state.sa.lanes && payload.action === 'encrypt' ? payload : 'terms';
}

function readmit(context: NegotiationContext, state: Making, now: Millis): Refusal | undefined {
  const admission = admit(context.deps, state.applicant, now);
  return typeof admission === 'string' ? admission : undefined;
}

function installSend(state: Making, mtu: number): InstallSend {
  const { local: localIndex, remote: remoteIndex, suite } = state.sa;
  return { kind: 'install-send', localIndex, remoteIndex, suite, lanes: state.sendLanes, mtu, path: state.path };
}

function negotiated(state: Making, now: Millis): DprpEffect {
  const { request, waiting, startedAt } = state.base;
  const { peer, local } = state.sa;
  const took = millis(now - startedAt);
  return { kind: 'negotiated', role: 'initiator', cid: request.cid, waiting, peer, localIndex: local, took };
}

/** The SA stands, but R has no room for the flow. */
function refusedFlow(state: Making): DprpEffect[] {
  if (state.base.request.purpose !== 'flow') return [];
  const { peerMode, peerType } = state.sa;
  return [...fail({ ...state.base, waiting: [] }, { reason: 'refused', peerMode, peerType }).effects];
}

function drop(state: Making, refusal: Refusal): StartStep {
  wipe(state.cdnKey);
  if (!state.keyed) wipeLanes(state.sendLanes);
  const { peerMode, peerType } = state.sa;
  const failed = fail(state.base, { reason: FAILURE_OF[refusal], peerMode, peerType });
  return { state: OVER, effects: [count(refusal), ...failed.effects] };
}

const FAILURE_OF: Readonly<Record<Refusal, Failure>> = {
  'group-not-held': 'removed',
  'group-stopped': 'removed',
  'version-old': 'stale-key',
  'lease-expired': 'lease-expired',
  'roster-differs': 'removed',
  'own-node': 'removed',
  'not-in-roster': 'removed',
  'foreign-address': 'removed',
  'not-own-address': 'removed',
};
