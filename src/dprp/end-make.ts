import { type Millis, millis, saIndex } from '../base/brands.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { concat, equalConstantTime, toHex, wipe } from '../base/bytes.ts';
import { encodeCid } from '../base/cid.ts';
import { DATAGRAM } from '../base/datagram-kinds.ts';
import type { PathAddress } from '../base/path-address.ts';
import type { CaPart } from '../crypto/credential.ts';
import { type Admission, admit } from './admission.ts';
import { encodeCdnPayload } from './cdn.ts';
import { type CdnStatus, SIZE } from './constants.ts';
import type { DprpEffect, SaDescription } from './effects.ts';
import { confirmationsFor } from './end-hops.ts';
import type { Answered, EndState, Offered } from './end-state.ts';
import { plainHeader, withoutHops, writeHeader } from './header.ts';
import { deriveSaKeys, type SaKeys } from './key-schedule.ts';
import { decodeMpit, type Mpit } from './mpit.ts';
import { decodeMpitPayload, type MpitPayload } from './mpit-payload.ts';
import { count, type NegotiationContext, send, trace } from './negotiation-context.ts';
import type { LiveSa } from './negotiation-deps.ts';
import { certifiedKind } from './peer-statement.ts';

/*
 * MPIT at the end GE: the start GE proves itself, is checked and admitted, both keys are installed, CDN goes out.
 * An MPIT that is refused changes nothing: the half-open handshake still waits for the right one.
 */

const NONCE_0 = new Uint8Array(12);

export function handleMpit(
  context: NegotiationContext,
  end: EndState,
  bytes: Uint8Array,
  from: PathAddress,
  now: Millis,
): DprpEffect[] {
  const mpit = decodeMpit(bytes);
  if (typeof mpit === 'string') return [count(`mpit-${mpit}`)];
  const core = bytes.subarray(0, SIZE.header + mpit.encStatic.length + mpit.encPayload.length);
  const name = toHex(context.provider.sha256(withoutHops(core, core.length)));
  const answered = end.answered.byIndex(mpit.header.receiver);
  if (answered) return repeatCdn(end, answered, name, from, now);
  const offered = end.offered.byIndex(mpit.header.receiver);
  if (offered === undefined) return [count('dprp-unknown-index')]; // S5
  const before = offered.handshake.snapshot();
  const claim = readClaim(context, offered, mpit, core, now);
  if (typeof claim === 'string') {
    offered.handshake.restore(before);
    return [count(`mpit-${claim}`, offered.opened.box.cid)];
  }
  before.symmetric.wipe();
  return complete(context, end, offered, claim, name, from, now);
}

/** What an MPIT proved and was admitted for. */
interface Claim {
  readonly payload: MpitPayload;
  readonly peer: CaPart;
  readonly admission: Admission;
  /** boxes for the on-path elements */
  readonly confirmations: readonly Uint8Array[];
}

function readClaim(
  context: NegotiationContext,
  offered: Offered,
  mpit: Mpit,
  core: Uint8Array,
  now: Millis,
): Claim | string {
  const { dde } = offered.opened;
  if (mpit.header.hops !== dde.header.hops) return 'hops';
  const read = offered.handshake.readMpit(core);
  if (typeof read === 'string') return read;
  const payload = decodeMpitPayload(read.payload);
  if (typeof payload === 'string') return payload;
  const xPk = offered.handshake.remoteStatic;
  if (xPk === undefined) return 'auth';
  const { deps } = context;
  const credential = context.credentials.verify(payload.cred, xPk, deps.authorities(), deps.unixNow());
  if (typeof credential === 'string') return credential;
  return checkClaim(context, offered, payload, credential.caPart, read.rekeyHash, now);
}

/** Echoes, the proof of a rekey, then A2 and S1 in one step before any key. */
function checkClaim(
  context: NegotiationContext,
  offered: Offered,
  payload: MpitPayload,
  peer: CaPart,
  rekeyHash: Uint8Array,
  now: Millis,
): Claim | string {
  const { opened, match } = offered;
  const { box, dde } = opened;
  if (!equalConstantTime(encodeCid(payload.cid), encodeCid(box.cid))) return 'cid'; // A2
  const { group, epoch, version } = payload.group;
  if (group !== match.group.id || epoch !== match.version.r || version !== match.version.v) return 'group';
  if (payload.suite !== offered.suite) return 'suite';
  if (payload.action !== 'encrypt') return 'action';
  if (certifiedKind(peer) === null) return 'node-type';
  const old = dde.header.receiver === 0 ? undefined : context.deps.liveSa(dde.header.receiver);
  const chained = provesChain(context, payload, peer, rekeyHash, old);
  if (chained === 'rekey-proof') return chained;
  const admission = admit(
    context.deps,
    {
      role: 'responder',
      ref: payload.group,
      roster: payload.roster,
      peer,
      cid: payload.cid,
      noGms: box.caps.noGms || context.deps.settings.noGms,
      chained,
    },
    now,
  );
  if (typeof admission === 'string') return admission;
  const confirmations = confirmationsFor(context, offered, payload, peer.nodeId);
  return typeof confirmations === 'string' ? confirmations : { payload, peer, admission, confirmations };
}

/**
 * A rekey under `retain=flow` proves the SA it follows; whoever sends a proof must have it right (protocol.md 2.6). An SA
 * that this node has lost proves nothing, and the MPIT is judged like any other.
 */
function provesChain(
  { provider }: NegotiationContext,
  { rekeyProof, group: ref }: MpitPayload,
  peer: CaPart,
  rekeyHash: Uint8Array,
  old: LiveSa | undefined,
): boolean | 'rekey-proof' {
  if (rekeyProof === null || old === undefined) return false;
  if (old.peer !== peer.nodeId || old.group !== ref.group) return 'rekey-proof';
  if (old.chain !== ref.version) return 'rekey-proof';
  return equalConstantTime(provider.hmac(old.exporter, rekeyHash), rekeyProof) ? true : 'rekey-proof';
}

function complete(
  context: NegotiationContext,
  end: EndState,
  offered: Offered,
  claim: Claim,
  name: string,
  from: PathAddress,
  now: Millis,
): DprpEffect[] {
  const keys = keysOf(context, offered, claim);
  const { h } = offered.handshake;
  const sa = describe(offered, claim, keys, from);
  const { opened, rgi, key, index, relayed } = offered;
  const isFlow = opened.dde.header.receiver === 0;
  const accepted = !isFlow || context.deps.admitEntry(sa, claim.payload.cid, now);
  const cdn = writeCdn(context, offered, claim, keys, h, accepted ? 'accepted' : 'full');
  end.offered.remove(offered);
  end.answered.add({ key, index, relayed, since: now, name: opened.name, mpit: name, rgi, cdn });
  offered.handshake.wipe();
  wipe(keys.cdn);
  const effects: DprpEffect[] = [
    trace('MPIT', 'received', from, now, sa.peer),
    { kind: 'heard', peer: sa.peer },
    { kind: 'elements', peer: sa.peer, between: claim.payload.hops.map(({ node: id }) => ({ id, said: null })) },
  ];
  // R1: a held NEXT becomes CURRENT by an authentic MPIT, never by a DDE.
  if (claim.admission.version.state === 'next') effects.push({ kind: 'advance', group: sa.group, version: sa.version });
  effects.push(
    { kind: 'install-receive', sa, lanes: keys.initiatorToResponder },
    {
      kind: 'install-send',
      localIndex: sa.local,
      remoteIndex: sa.remote,
      suite: sa.suite,
      lanes: keys.responderToInitiator,
      mtu: opened.box.mtu,
      path: from,
    },
  );
  if (isFlow && accepted) effects.push(entryOf(claim, sa));
  effects.push(send(cdn, from), trace('CDN', 'sent', from, now, sa.peer), {
    kind: 'negotiated',
    role: 'responder',
    cid: claim.payload.cid,
    waiting: [],
    peer: sa.peer,
    localIndex: sa.local,
    took: millis(now - opened.since),
  });
  return effects;
}

/** Same MPIT, same CDN, no slot touched (H6); another MPIT on this index is nobody's. */
function repeatCdn(end: EndState, answered: Answered, mpit: string, from: PathAddress, now: Millis): DprpEffect[] {
  if (mpit !== answered.mpit) return [count('mpit-other')];
  if (!end.budget.take(`${answered.name} mpit`, from, now)) return [count('mpit-answered-enough')];
  return [send(answered.cdn, from), trace('CDN', 'sent', from, now)];
}

function keysOf(context: NegotiationContext, offered: Offered, { payload, peer }: Claim): SaKeys {
  const { handshake, opened, identity, suite, index, lanes } = offered;
  const { group, epoch: r, version: v } = payload.group;
  return deriveSaKeys(
    context.provider,
    handshake.h,
    handshake.ck,
    {
      nodeI: peer.nodeId,
      nodeR: identity.caPart.nodeId,
      group,
      r,
      v,
      suite,
      indexI: opened.dde.header.sender,
      indexR: index,
    },
    lanes,
  );
}

function describe(offered: Offered, claim: Claim, keys: SaKeys, path: PathAddress): SaDescription {
  const { opened, index } = offered;
  const { group, version } = claim.admission;
  const kind = certifiedKind(claim.peer);
  if (kind === null) throw new Error('a server was admitted');
  return {
    role: 'responder',
    peer: claim.peer.nodeId,
    group: group.id,
    r: version.r,
    version: version.v,
    chain: group.retainFlow ? version.v : 0,
    suite: offered.suite,
    lanes: offered.lanes,
    local: index,
    remote: opened.dde.header.sender,
    peerType: kind.type,
    peerMode: kind.mode,
    path,
    startedAt: opened.since,
    replaces: saIndex(opened.dde.header.receiver),
    exporter: keys.exporter,
  };
}

function entryOf({ payload }: Claim, sa: SaDescription): DprpEffect {
  const { cid, pitId, lifetime } = payload;
  const { peer, group, version, chain, local: localIndex } = sa;
  return {
    kind: 'entry',
    state: 'confirmed',
    cid,
    action: 'encrypt',
    peer,
    group,
    version,
    chain,
    pitId,
    lifetime,
    localIndex,
  };
}

function writeCdn(
  context: NegotiationContext,
  offered: Offered,
  claim: Claim,
  keys: SaKeys,
  h: Uint8Array,
  status: CdnStatus,
): Uint8Array {
  const { payload } = claim;
  const header = plainHeader(offered.index, offered.opened.dde.header.sender, payload.hops.length);
  const head = writeHeader(new ByteWriter(SIZE.header), DATAGRAM.cdn, header).finish();
  const plain = encodeCdnPayload({
    pitId: payload.pitId,
    status,
    action: payload.action,
    lanes: offered.lanes,
    lifetime: payload.lifetime,
    mtu: context.deps.settings.mtu,
  });
  const box = context.provider.chachaSeal(keys.cdn, NONCE_0, concat(withoutHops(head), h), plain);
  return concat(head, box, ...claim.confirmations);
}
