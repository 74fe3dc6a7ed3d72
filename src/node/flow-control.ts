import type { Millis, NodeId } from '../base/brands.ts';
import { compareBytes } from '../base/bytes.ts';
import { type Cid, encodeCid } from '../base/cid.ts';
import { addressKey, cidOfWords, wordsOfCid } from '../base/flow-cid.ts';
import { FLOW } from '../base/flow-words.ts';
import type { CdnStatus } from '../dprp/constants.ts';
import { encodeControl } from '../dprp/control-record.ts';
import { admitFlow, type FlowJudge } from '../dprp/flow-admission.ts';
import { type FlowOpening, FlowOpenings } from '../dprp/flow-openings.ts';
import { type Sa, slotOf } from '../pccom/sa.ts';
import type { HeldPacket } from '../pit/held.ts';
import { NO_OWNER } from '../pit/owners.ts';
import { PIT_ACTION, PUT_FAULT } from '../pit/terms.ts';
import { chainOfNewFlows } from './chains.ts';
import type { NodeState } from './node-state.ts';
import { type Reason, reasonNumber } from './reasons.ts';
import { ridingPacket } from './riding-packet.ts';
import type { SaKeeper } from './sa-keeper.ts';

/** Bytes of a flow's MPIT in front of the packet that rides with it (protocol.md 1.2). */
const MPIT_BYTES = 54;

export interface FlowControlCalls {
  /** decide again about packets that waited */
  reconsider(waiting: readonly HeldPacket[], now: Millis): void;
  /** a full DPRP for the flow in the node's FLOW words */
  startFlow(peer: NodeId, now: Millis): void;
}

/** Flows inside live SAs: two of the four messages, with the first packet riding along (protocol.md 1.1 D4, 5.3). */
export class FlowControl {
  readonly #node: NodeState;
  readonly #keeper: SaKeeper;
  readonly #calls: FlowControlCalls;
  readonly #openings = new FlowOpenings();
  readonly #judge: FlowJudge;

  constructor(node: NodeState, keeper: SaKeeper, calls: FlowControlCalls) {
    this.#node = node;
    this.#keeper = keeper;
    this.#calls = calls;
    const { keys, settings } = node;
    this.#judge = {
      ownId: keys.identity().caPart.nodeId,
      noGms: settings.noGms,
      groups: () => keys.groups(),
      unixNow: () => keys.unixNow(),
    };
  }

  get waiting(): number {
    return this.#openings.size;
  }

  /** Opens the flow in the node's FLOW words with its first packet; false when no SA with this peer allows it. */
  open(peer: NodeId, first: HeldPacket, now: Millis): boolean {
    const { flow, pit, random, counters } = this.#node;
    const cid = cidOfWords(flow);
    const sa = this.#allowedSa(peer, cid, now);
    if (!sa) return false;
    const pitId = random(8);
    const id = new DataView(pitId.buffer, pitId.byteOffset);
    const entry = pit.put(
      flow,
      {
        action: PIT_ACTION.encrypt,
        confirmed: false,
        owner: sa.owner,
        version: sa.version,
        pitIdHigh: id.getInt32(0),
        pitIdLow: id.getInt32(4),
        reason: reasonNumber('opened-in-sa'),
      },
      now,
    );
    if (entry < 0) {
      counters.add(entry === PUT_FAULT.rate ? 'pit-rate' : 'pit-full');
      return true;
    }
    const opening = this.#openings.open({ entry, owner: sa.owner, cid, pitId }, undefined, now);
    if (!this.#sendWith(opening, sa, first, now)) {
      this.#sendMpit(opening, sa, new Uint8Array(0), now);
      this.#hold(first);
    }
    return true;
  }

  /** A further packet of a flow that waits for CDN: behind its own MPIT, or false where it must wait (protocol.md P5). */
  continueOpening(entry: number, packet: HeldPacket, now: Millis): boolean {
    const sa = this.#node.sas.sender(this.#node.pit.entries.owner(entry));
    if (!sa) return false;
    const opening = this.#openings.byEntry(entry) ?? this.#openAgain(entry, cidOfWords(this.#node.flow), now);
    return this.#sendWith(opening, sa, packet, now);
  }

  /** The peer took the flow, or has no room for it, or does not take it on this SA. */
  handleCdn(sa: Sa, pitId: Uint8Array, status: CdnStatus, now: Millis): void {
    const opening = this.#openings.takeByPitId(sa.owner, pitId);
    if (!opening) {
      this.#node.counters.add('cdn-unknown');
      return;
    }
    if (status === 'accepted') this.#confirmed(opening.entry, opening.cid, now);
    else if (status === 'full') this.#refused(opening, now);
    else this.#negotiate(opening, sa, now);
  }

  /** The peer has no entry for data of ours: tell it again with the next packet. */
  handleNoEntry(sa: Sa, cid: Cid, now: Millis): void {
    const { pit, flow } = this.#node;
    wordsOfCid(cid, flow);
    const found = pit.find(flow);
    const entry = found >> 1;
    if (found < 0 || pit.entries.owner(entry) !== sa.owner || pit.entries.action(entry) !== PIT_ACTION.encrypt) return;
    if (this.#openings.byEntry(entry)) return;
    pit.makeProvisional(entry);
    this.#openAgain(entry, cid, now);
  }

  /**
   * The peer opens a flow that has an entry: it stands, under the peer's pit id. Where both open it at once (mirror MPITs)
   * the lower id stays, and the end that chose it goes on until its CDN.
   */
  settle(entry: number, cid: Cid, pitId: Uint8Array, now: Millis): void {
    const own = this.#openings.byEntry(entry);
    if (own === undefined || compareBytes(pitId, own.pitId) <= 0) {
      this.#openings.drop(entry);
      this.#rename(entry, pitId);
    }
    this.#confirmed(entry, cid, now);
  }

  /** The entry is gone. */
  forget(entry: number): void {
    this.#openings.drop(entry);
  }

  /** Shows the reason in the PIT for a flow that goes nowhere; its packets are dropped while the entry lives. */
  refuseFlow(reason: Reason, now: Millis): 0 {
    const { pit, flow, counters } = this.#node;
    const values = { action: PIT_ACTION.discard, owner: NO_OWNER, version: 0, reason: reasonNumber(reason) };
    pit.put(flow, { ...values, confirmed: true, pitIdHigh: 0, pitIdLow: 0 }, now);
    counters.add(`discarded-${reason}`);
    return 0;
  }

  judge(sa: Sa, cid: Cid, now: Millis) {
    return admitFlow(this.#judge, sa, 'peer', cid, now);
  }

  tick(now: Millis): void {
    const { repeat, givenUp } = this.#openings.tick(now);
    for (const opening of repeat) {
      const sa = this.#node.sas.sender(opening.owner);
      if (sa) this.#sendMpit(opening, sa, new Uint8Array(0), now);
    }
    for (const opening of givenUp) this.#giveUp(opening, now);
  }

  /** The lowest group in which an SA with the peer sends and still admits this flow (protocol.md 5.2). */
  #allowedSa(peer: NodeId, cid: Cid, now: Millis): Sa | undefined {
    const { keys, owners, sas, saFacts } = this.#node;
    const groups = keys.groups().filter(({ roster }) => roster.members.has(peer));
    // hex digits sort as the bytes do
    groups.sort((a, b) => (a.id < b.id ? -1 : 1));
    for (const group of groups) {
      const chain = chainOfNewFlows(group);
      const owner = chain === undefined ? -1 : owners.find({ peer, group: group.id, chain });
      const sa = owner < 0 ? undefined : sas.sender(owner);
      if (sa && !saFacts.takesNoFlows(sa.local) && admitFlow(this.#judge, sa, 'self', cid, now) === undefined)
        return sa;
    }
    return undefined;
  }

  /** MPIT for an entry that has a pit id: the peer lost it, or data confirmed its handshake and CDN is not here. */
  #openAgain(entry: number, cid: Cid, now: Millis): FlowOpening {
    const { entries } = this.#node.pit;
    const pitId = new Uint8Array(8);
    const id = new DataView(pitId.buffer);
    id.setInt32(0, entries.pitIdHigh(entry));
    id.setInt32(4, entries.pitIdLow(entry));
    return this.#openings.open({ entry, owner: entries.owner(entry), cid, pitId }, undefined, now);
  }

  #sendWith(opening: FlowOpening, sa: Sa, packet: HeldPacket, now: Millis): boolean {
    const { saFacts, pit, flow, mtus, paths } = this.#node;
    const path = mtus.mtu[paths.peer(sa.peer).slot];
    const room = Math.min(path, saFacts.mtu(sa.local)) - MPIT_BYTES;
    const bytes = ridingPacket(packet, room);
    if (!bytes) return false;
    this.#sendMpit(opening, sa, bytes, now);
    this.#node.riding?.(sa.peer, bytes);
    if (!this.#openings.keep(opening, packet)) this.#node.counters.add('riding-not-kept');
    pit.count(opening.entry << 1, 1, bytes.length, flow[FLOW.tcpFlags], now);
    return true;
  }

  #sendMpit({ pitId, cid }: FlowOpening, sa: Sa, packet: Uint8Array, now: Millis): void {
    const { settings, sas } = this.#node;
    const { lifetime } = settings;
    sas.lastData[slotOf(sa.local)] = now;
    this.#keeper.seal(sa, encodeControl({ kind: 'mpit', pitId, cid, action: 'encrypt', lifetime, packet }), now);
  }

  #confirmed(entry: number, cid: Cid, now: Millis): void {
    const { pit, held, flow } = this.#node;
    pit.confirm(entry);
    wordsOfCid(cid, flow);
    this.#calls.reconsider(held.release(addressKey(flow, FLOW.destination)), now);
  }

  #refused(opening: FlowOpening, now: Millis): void {
    const { pit, held, flow } = this.#node;
    pit.remove(opening.entry, 'closed', now);
    wordsOfCid(opening.cid, flow);
    held.drop(addressKey(flow, FLOW.destination), 'discarded-refused');
    this.refuseFlow('refused', now);
  }

  /**
   * The peer's version of this SA admits no new flow any more: none of the packets that rode there was delivered. They
   * wait again, while a full DPRP finds out which end is behind (protocol.md 3.5, 5.3).
   */
  #negotiate(opening: FlowOpening, sa: Sa, now: Millis): void {
    const { pit, flow, saFacts } = this.#node;
    saFacts.refuseFlows(sa.local);
    pit.remove(opening.entry, 'closed', now);
    wordsOfCid(opening.cid, flow);
    for (const packet of opening.riding) this.#hold(packet);
    this.#calls.startFlow(sa.peer, now);
  }

  #giveUp(opening: FlowOpening, now: Millis): void {
    const { pit, flow, owners } = this.#node;
    // the peer opened it, too
    if (pit.entries.isConfirmed(opening.entry)) return;
    const owner = owners.owner(opening.owner);
    pit.remove(opening.entry, 'closed', now);
    wordsOfCid(opening.cid, flow);
    if (owner) this.#calls.startFlow(owner.peer, now);
  }

  #rename(entry: number, pitId: Uint8Array): void {
    const id = new DataView(pitId.buffer, pitId.byteOffset);
    this.#node.pit.renamePitId(entry, id.getInt32(0), id.getInt32(4));
  }

  #hold(packet: HeldPacket): void {
    const { held, flow } = this.#node;
    held.hold(addressKey(flow, FLOW.source), addressKey(flow, FLOW.destination), packet);
  }
}

/** A flow as text, for limits by flow. */
export function flowName(cid: Cid): string {
  return Buffer.from(encodeCid(cid)).toString('latin1');
}
