import type { Millis } from '../base/brands.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { concat } from '../base/bytes.ts';
import { DATAGRAM } from '../base/datagram-kinds.ts';
import type { PathAddress } from '../base/path-address.ts';
import type { Suite } from '../base/primitives.ts';
import type { Credential } from '../crypto/credential.ts';
import { type Admission, type Applicant, admit, groupOf } from './admission.ts';
import { SIZE } from './constants.ts';
import type { ListedTag } from './dde-tags.ts';
import type { DprpEffect, SaDescription } from './effects.ts';
import type { GroupSecret } from './handshake.ts';
import { plainHeader, writeHeader } from './header.ts';
import { deriveSaKeys, type SaKeys } from './key-schedule.ts';
import { encodeMpitPayload, type MpitPayload } from './mpit-payload.ts';
import { count, type NegotiationContext, ownCaps, send, trace } from './negotiation-context.ts';
import { statementAllowed } from './peer-statement.ts';
import { firstRetry } from './retry.ts';
import { decodeRgi, hasAllRecords, type Rgi } from './rgi.ts';
import { decodeRgiPayload, type RgiPayload } from './rgi-payload.ts';
import { fail } from './start-detect.ts';
import { peerBehind } from './start-hints.ts';
import { actionsFor, type HopPlan, planHops } from './start-hops.ts';
import type { Detecting, Making, StartStep } from './start-state.ts';

/*
 * RGI at the start GE: who answered is proved, checked and admitted, then MPIT goes out. Whatever is wrong with an RGI,
 * the negotiation stands where it stood and goes on with the first valid one (protocol.md 2.5).
 */

/** What an RGI was found to say. */
interface Answer {
  readonly rgi: Rgi;
  readonly payload: RgiPayload;
  readonly credential: Credential;
  readonly applicant: Applicant;
  readonly admission: Admission;
  readonly plan: HopPlan;
}

export function handleRgi(
  context: NegotiationContext,
  state: Detecting,
  bytes: Uint8Array,
  from: PathAddress,
  now: Millis,
): StartStep {
  const before = state.handshake.snapshot();
  const answer = readAnswer(context, state, bytes, now);
  if (answer === 'version-old') {
    // R fell back to the previous version, under which this node may admit nobody any more.
    state.handshake.restore(before);
    return peerBehind(state, now);
  }
  const step = typeof answer === 'string' ? refused(state, answer) : make(context, state, answer, from, now);
  if (step.state === state) state.handshake.restore(before);
  else before.symmetric.wipe();
  return step;
}

function readAnswer(context: NegotiationContext, state: Detecting, bytes: Uint8Array, now: Millis): Answer | string {
  const rgi = decodeRgi(bytes);
  if (typeof rgi === 'string') return rgi;
  if (!hasAllRecords(rgi)) return 'hops'; // H2
  const tag = state.tags[rgi.slot];
  if (!tag) return 'slot';
  const secret = secretOf(context, tag);
  if (secret === undefined) return tag.preference.previous ? 'version-old' : 'slot';
  const plain = state.handshake.readRgi(bytes.subarray(0, SIZE.rgi), secret);
  if (typeof plain === 'string') return plain;
  const payload = decodeRgiPayload(plain);
  if (typeof payload === 'string') return payload;
  const xPk = state.handshake.remoteStatic;
  if (xPk === undefined) return 'auth';
  const { deps } = context;
  const credential = context.credentials.verify(payload.cred, xPk, deps.authorities(), deps.unixNow());
  if (typeof credential === 'string') return credential;
  return checkAnswer(context, state, { rgi, payload, credential, tag, bytes }, now);
}

interface Authentic {
  readonly rgi: Rgi;
  readonly payload: RgiPayload;
  readonly credential: Credential;
  readonly tag: ListedTag;
  readonly bytes: Uint8Array;
}

/** What an authentic member may say; A3, A6 and S1 before the receive keys. */
function checkAnswer(context: NegotiationContext, state: Detecting, seen: Authentic, now: Millis): Answer | string {
  const { rgi, payload, credential, tag } = seen;
  const { group, version } = tag;
  const { ref, roster } = { ref: payload.group, roster: payload.roster };
  if (ref.group !== group.id || ref.epoch !== version.r || ref.version !== version.v) return 'group';
  if (!context.deps.settings.suites.some((suite) => suite === payload.suite)) return 'suite';
  if (!statementAllowed(credential.caPart, payload)) return 'laxer-than-certificate';
  const { request, only, expected } = state.base;
  if (request.purpose !== 'flow' && credential.caPart.nodeId !== expected) return 'other-peer';
  const noGms = payload.caps.noGms || context.deps.settings.noGms;
  const chained = only?.chained === version.v;
  const applicant: Applicant = {
    role: 'initiator',
    ref,
    roster,
    peer: credential.caPart,
    cid: request.cid,
    noGms,
    chained,
  };
  const admission = admit(context.deps, applicant, now);
  if (typeof admission === 'string') return admission;
  const plan = planHops(context, state, rgi, seen.bytes, { peer: credential.caPart.nodeId, payload });
  if (typeof plan === 'string') return plan;
  return { rgi, payload, credential, applicant, admission, plan };
}

function make(
  context: NegotiationContext,
  state: Detecting,
  answer: Answer,
  from: PathAddress,
  now: Millis,
): StartStep {
  const { base } = state;
  const peer = answer.credential.caPart.nodeId;
  const between = answer.plan.between.map((said) => ({ id: said.id, said }));
  const seen: DprpEffect[] = [
    trace('RGI', 'received', from, now, peer),
    { kind: 'elements', peer, between },
    ...oldSlotHint(state, answer.payload),
  ];
  if (answer.plan.discard) {
    const { mode: peerMode, type: peerType } = answer.payload;
    const failed = fail(base, { reason: 'policy', peerMode, peerType });
    return { state: failed.state, effects: [...seen, ...failed.effects] };
  }
  const pitId = context.deps.random(8);
  const mpit = writeMpit(context, state, answer, pitId);
  if (mpit === 'weak-key') return refused(state, mpit);
  const keys = keysOf(context, state, answer);
  const sa = describe(context, state, answer, keys, from);
  const making: Making = {
    phase: 'making',
    base,
    sa,
    applicant: answer.applicant,
    mpit,
    path: from,
    retry: firstRetry((length) => context.deps.random(length), context.deps.roundTrip(from), now),
    pitId,
    cdnKey: keys.cdn,
    h: state.handshake.h,
    sendLanes: keys.initiatorToResponder,
    keyed: false,
  };
  state.handshake.wipe();
  // S2: the receive keys are in place before MPIT leaves.
  const install: DprpEffect = { kind: 'install-receive', sa, lanes: keys.responderToInitiator };
  return {
    state: making,
    effects: [...seen, install, ...entry(making, context, 'provisional'), ...sendMpit(making, from, now)],
  };
}

/** MPIT once more, byte for byte (H6). */
export function sendMpit(state: Making, path: PathAddress, now: Millis): DprpEffect[] {
  return [send(state.mpit, path), trace('MPIT', 'sent', path, now, state.sa.peer)];
}

/** The flow's PIT entry; a rekey or migration touches none (protocol.md 5.2). */
export function entry(
  state: Making,
  context: NegotiationContext,
  as: 'provisional' | 'confirmed',
  lifetime: number = context.deps.settings.lifetime,
): DprpEffect[] {
  if (state.base.request.purpose !== 'flow') return [];
  const { peer, group, version, chain, local } = state.sa;
  const { cid } = state.base.request;
  return [
    {
      kind: 'entry',
      state: as,
      cid,
      action: 'encrypt',
      peer,
      group,
      version,
      chain,
      pitId: state.pitId,
      lifetime,
      localIndex: local,
    },
  ];
}

function writeMpit(
  context: NegotiationContext,
  state: Detecting,
  answer: Answer,
  pitId: Uint8Array,
): Uint8Array | 'weak-key' {
  const { deps, provider } = context;
  const { payload: said, plan } = answer;
  const { replaces, cid } = state.base.request;
  const exporter = answer.applicant.chained && replaces !== undefined ? deps.liveSa(replaces)?.exporter : undefined;
  const payload: Omit<MpitPayload, 'rekeyProof'> = {
    cred: state.identity.credential,
    cid,
    group: said.group,
    suite: said.suite,
    action: 'encrypt',
    pitId,
    lifetime: deps.settings.lifetime,
    roster: said.roster,
    hops: plan.hops,
  };
  const header = plainHeader(state.base.index, answer.rgi.header.sender, plan.hops.length);
  const head = writeHeader(new ByteWriter(SIZE.header), DATAGRAM.mpit, header).finish();
  const core = state.handshake.writeMpit(head, (h) =>
    encodeMpitPayload({ ...payload, rekeyProof: exporter === undefined ? null : provider.hmac(exporter, h) }),
  );
  if (core === 'weak-key') return core;
  return concat(core, ...actionsFor(context, state, answer.credential.caPart.nodeId, plan));
}

function keysOf(context: NegotiationContext, state: Detecting, answer: Answer): SaKeys {
  const { payload, rgi, credential } = answer;
  const { group, epoch, version } = payload.group;
  return deriveSaKeys(
    context.provider,
    state.handshake.h,
    state.handshake.ck,
    {
      nodeI: state.identity.caPart.nodeId,
      nodeR: credential.caPart.nodeId,
      group,
      r: epoch,
      v: version,
      suite: payload.suite,
      indexI: state.base.index,
      indexR: rgi.header.sender,
    },
    Math.min(ownCaps(context.deps).lanes, payload.caps.lanes),
  );
}

function describe(
  context: NegotiationContext,
  state: Detecting,
  answer: Answer,
  keys: SaKeys,
  path: PathAddress,
): SaDescription {
  const { payload, admission, credential, rgi } = answer;
  const { replaces } = state.base.request;
  return {
    role: 'initiator',
    peer: credential.caPart.nodeId,
    group: admission.group.id,
    r: admission.version.r,
    version: admission.version.v,
    chain: admission.group.retainFlow ? admission.version.v : 0,
    suite: suiteOf(context, payload.suite),
    lanes: keys.initiatorToResponder.length,
    local: state.base.index,
    remote: rgi.header.sender,
    peerType: payload.type,
    peerMode: payload.mode,
    path,
    startedAt: state.base.startedAt,
    replaces: replaces ?? 0,
    exporter: keys.exporter,
  };
}

function suiteOf(context: NegotiationContext, number: number): Suite {
  const suite = context.deps.settings.suites.find((known) => known === number);
  if (suite === undefined) throw new Error('a suite that was not offered');
  return suite;
}

function refused(state: Detecting, fault: string): StartStep {
  return { state, effects: [count(`rgi-${fault}`, state.base.request.cid)] };
}

/** RGI may name a further slot that is old: fetch it, nothing else (R2, table row M13). */
function oldSlotHint(state: Detecting, payload: RgiPayload): DprpEffect[] {
  const tag = payload.oldSlot === null ? null : state.tags[payload.oldSlot];
  return tag ? [{ kind: 'refresh', what: 'group', group: tag.group.id, version: 0 }] : [];
}

/** The key as it is held now: it may have been erased since the DDE was made. */
function secretOf({ deps }: NegotiationContext, { group: { id }, version }: ListedTag): GroupSecret | undefined {
  const held = groupOf(deps, id)?.versions.find(({ v, r }) => v === version.v && r === version.r);
  return held?.kPsk && { id, r: held.r, v: held.v, kPsk: held.kPsk };
}
