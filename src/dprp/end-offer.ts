import type { Millis } from '../base/brands.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { DATAGRAM } from '../base/datagram-kinds.ts';
import type { Suite } from '../base/primitives.ts';
import type { DprpEffect } from './effects.ts';
import type { EndState, Offered, OpenedDde } from './end-state.ts';
import { Handshake } from './handshake.ts';
import { plainHeader, writeHeader } from './header.ts';
import { count, type NegotiationContext, ownCaps, send, trace } from './negotiation-context.ts';
import { isRelayed } from './path-source.ts';
import { encodeRgiPayload, type RgiPayload } from './rgi-payload.ts';
import type { SlotMatch } from './slot-match.ts';

/** Answers a slot with RGI and keeps the half-open handshake (protocol.md 2.2, 2.5). */
export function offer(
  context: NegotiationContext,
  end: EndState,
  opened: OpenedDde,
  match: SlotMatch,
  oldSlot: number | null,
  now: Millis,
): DprpEffect[] {
  const { deps } = context;
  const { kPsk } = match.version;
  const relayed = isRelayed(opened.from);
  if (!end.offered.hasRoom(relayed)) return [count('half-open-full')]; // H7
  const suite = commonSuite(opened.box.suites, deps.settings.suites);
  if (suite === undefined) return [count('dde-no-common-suite')];
  if (kPsk === undefined) return [count('dde-no-psk')];
  const index = deps.reserveIndex();
  if (index === 0) return [count('no-free-index')];
  const identity = deps.identity();
  const ephemeral = context.ephemerals.keyPair(now);
  const own = { publicKey: identity.xPublic, secretKey: identity.xSecret };
  const handshake = new Handshake(context.provider, 'responder', { static: own, ephemeral });
  handshake.receivedDde(opened.bytes);
  const { group, version, slot } = match;
  const payload = encodeRgiPayload(statement(context, match, suite, oldSlot));
  const secret = { id: group.id, r: version.r, v: version.v, kPsk };
  const rgi = handshake.writeRgi(rgiHead(opened, index, slot), secret, payload);
  if (rgi === 'weak-key') {
    handshake.wipe();
    deps.freeIndex(index);
    return [count('dde-weak-key')];
  }
  const offered: Offered = {
    key: opened.key,
    index,
    relayed,
    since: now,
    opened,
    match,
    suite,
    lanes: Math.min(deps.settings.lanes, opened.box.caps.lanes),
    identity,
    handshake,
    ephemeral: ephemeral.publicKey,
    rgi,
  };
  end.offered.add(offered);
  return [send(rgi, opened.from), trace('RGI', 'sent', opened.from, now)];
}

/** The first of the start GE's choices that this node has too. */
function commonSuite(asked: readonly number[], own: readonly Suite[]): Suite | undefined {
  return own.filter((suite) => asked.includes(suite)).sort((a, b) => asked.indexOf(a) - asked.indexOf(b))[0];
}

function statement(context: NegotiationContext, match: SlotMatch, suite: number, oldSlot: number | null): RgiPayload {
  const { deps } = context;
  const { group, version } = match;
  return {
    cred: deps.identity().credential,
    group: { group: group.id, epoch: version.r, version: version.v },
    suite,
    mode: deps.settings.mode,
    type: deps.settings.type,
    roster: { seq: version.rosterSeq, head: version.rosterHead },
    caps: ownCaps(deps),
    oldSlot,
  };
}

/** Header ‖ sel; the hop count that this node saw stands in sel and so in the transcript (H2). */
function rgiHead({ dde }: OpenedDde, index: number, slot: number): Uint8Array {
  const writer = writeHeader(new ByteWriter(16), DATAGRAM.rgi, plainHeader(index, dde.header.sender));
  return writer.u8(slot).u8(dde.header.hops).zeros(2).finish();
}
