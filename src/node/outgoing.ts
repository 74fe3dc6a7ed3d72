import { type Millis, millis } from '../base/brands.ts';
import { parseFlow } from '../base/flow.ts';
import { addressKey } from '../base/flow-cid.ts';
import { FLOW, FLOW_FLAG } from '../base/flow-words.ts';
import { PACKET, PARTIAL_CHECKSUM } from '../base/primitives.ts';
import { laneOf } from '../base/steering.ts';
import { isIpv4 } from '../crypto/address-prefix.ts';
import { setIcmpSource } from '../pccom/icmp-source.ts';
import { type HeldPacket, heldPacket, parseHeld } from '../pit/held.ts';
import { PIT_ACTION } from '../pit/terms.ts';
import type { FlowControl } from './flow-control.ts';
import { icmpErrorName } from './icmp-errors.ts';
import type { Member } from './key-store.ts';
import type { Negotiating } from './negotiating.ts';
import type { NodeState } from './node-state.ts';
import { Oversize, SYN } from './oversize.ts';
import { passFragment } from './pass-fragment.ts';
import { FITS_ALWAYS } from './path-mtus.ts';
import { reasonName } from './reasons.ts';
import { SilentPath } from './silent-path.ts';

/** What becomes of one packet: the SA that seals it, or 0 when it is held, travels otherwise, or is dropped. */
type SaOrNone = number;

/** The local TUN stands as number 0 among the peers whose fragments are remembered. */
const LOCAL = 0;

/**
 * The way out (docs/ARCHITECTURE.md): every packet from TUN obeys its PIT entry; one without an entry is held while DPRP
 * runs, or opens its flow inside a live SA (protocol.md 5).
 */
export class Outgoing {
  readonly #node: NodeState;
  readonly #flows: FlowControl;
  readonly #negotiating: Negotiating;
  readonly #oversize: Oversize;
  readonly #silent: SilentPath;
  /** by SA slot: the path slot that it sends on */
  readonly #pathOfSlot: Int32Array;
  readonly #lanes: number;
  readonly #oneRow = new Int32Array(PACKET.stride);

  constructor(node: NodeState, flows: FlowControl, negotiating: Negotiating, pathOfSlot: Int32Array) {
    this.#node = node;
    this.#flows = flows;
    this.#negotiating = negotiating;
    this.#oversize = new Oversize(node);
    this.#silent = new SilentPath(node);
    this.#pathOfSlot = pathOfSlot;
    this.#lanes = node.settings.lanes;
  }

  /** Fills `sa` of every row: the hot path, one parse and one look-up per packet or super-packet. */
  handleBatch(arena: Uint8Array, view: DataView, packets: Int32Array, count: number, now: Millis): void {
    const { flow } = this.#node;
    for (let row = 0; row < count; row++) {
      const at = row * PACKET.stride;
      packets[at + PACKET.sa] = 0;
      const offset = packets[at + PACKET.offset];
      const length = packets[at + PACKET.length];
      const status = parseFlow(view, offset, length, flow);
      if (status !== 0) this.#node.countStatus(status, view, offset, length, now);
      else if ((flow[FLOW.flags] & FLOW_FLAG.fragment) !== 0) this.#fragment(arena, packets, row, now);
      else packets[at + PACKET.sa] = this.#decide(arena, packets, row, now, undefined);
    }
  }

  /** Decides again about packets that waited, as if they came from TUN just now. */
  reconsider(waiting: readonly HeldPacket[], now: Millis): void {
    const { flow, effects } = this.#node;
    const row = this.#oneRow;
    for (const packet of waiting) {
      row[PACKET.offset] = 0;
      row[PACKET.length] = packet.bytes.length;
      row[PACKET.kind] = packet.kind;
      row[PACKET.gsoSize] = packet.gsoSize;
      row[PACKET.headerLength] = packet.headerLength;
      row[PACKET.l4Offset] = packet.l4Offset;
      row[PACKET.segments] = 1;
      if (parseHeld(packet, flow) !== 0) continue;
      const sa = this.#decide(packet.bytes, row, 0, now, packet.since);
      if (sa !== 0) effects.push({ kind: 'seal', packet, sa });
    }
  }

  #decide(arena: Uint8Array, packets: Int32Array, row: number, now: Millis, since: Millis | undefined): SaOrNone {
    const { pit, sas, flow, paths } = this.#node;
    if ((flow[FLOW.tcpFlags] & SYN) !== 0) this.#clamp(arena, packets, row, now);
    const found = pit.find(flow);
    if (found < 0) return this.#newFlow(arena, packets, row, now, since);
    const entry = found >> 1;
    const { entries } = pit;
    if (entries.action(entry) !== PIT_ACTION.encrypt) {
      if (!this.#isOver(entry, now)) return this.#discard(found, packets, row, now);
      pit.remove(entry, 'closed', now);
      return this.#newFlow(arena, packets, row, now, since);
    }
    if (!entries.isConfirmed(entry)) return this.#provisional(entry, arena, packets, row, now, since);
    const sender = sas.sendIndex[entries.owner(entry)];
    if (sender === 0) return this.#withoutSa(entry, arena, packets, row, now, since);
    const at = row * PACKET.stride;
    const slot = (sender >>> 3) & 0xffff;
    const sa = this.#lanes === 1 ? sender : sender + laneOf(flow, this.#lanes, sas.lanesOfSlot[slot]);
    const length = packets[at + PACKET.length];
    if ((flow[FLOW.flags] & FLOW_FLAG.icmpError) !== 0) {
      if (!this.#ownError(arena, packets, at, now)) return 0;
      this.#node.incident(icmpErrorName(flow, arena[packets[at + PACKET.offset] + flow[FLOW.l4Offset]]), now);
    }
    const path = this.#pathOfSlot[slot];
    if (length > FITS_ALWAYS && !this.#oversize.passes(arena, packets, at, sa, path, now)) return 0;
    if (paths.sends(path, now)) this.#silent.tell(arena, packets, at, now);
    pit.count(found, packets[at + PACKET.segments], length, flow[FLOW.tcpFlags], now);
    sas.lastSent[slot] = now;
    sas.lastData[slot] = now;
    return sa;
  }

  /**
   * An error from a router further inside, whose address means nothing to the peer, gets the address of this node
   * (protocol.md 5.1). False: it cannot be sent.
   */
  #ownError(arena: Uint8Array, packets: Int32Array, at: number, now: Millis): boolean {
    const node = this.#node;
    const { flow, directory, keys } = node;
    if (directory.isOwn(flow, FLOW.outerSource)) return true;
    const vip = keys.self().vips.find((each) => isIpv4(each) === (flow[FLOW.head] >>> 8 === 4));
    if (!vip || (packets[at + PACKET.kind] & PARTIAL_CHECKSUM) !== 0) {
      node.incident('foreign-source', now);
      return false;
    }
    const view = new DataView(arena.buffer, arena.byteOffset, arena.byteLength);
    setIcmpSource(view, packets[at + PACKET.offset], flow[FLOW.l4Offset], vip);
    node.incident('icmp-source-replaced', now);
    return true;
  }

  #clamp(arena: Uint8Array, packets: Int32Array, row: number, now: Millis): void {
    const { flow, directory, paths } = this.#node;
    const member = directory.ownerOf(flow, FLOW.destination);
    if (member) this.#oversize.clampOut(arena, packets, row * PACKET.stride, paths.peer(member.id).slot, now);
  }

  #discard(found: number, packets: Int32Array, row: number, now: Millis): SaOrNone {
    const { pit, counters } = this.#node;
    pit.count(found, 1, packets[row * PACKET.stride + PACKET.length], 0, now);
    counters.add(`discarded-${reasonName(pit.entries.reason(found >> 1))}`);
    return 0;
  }

  /** A flow whose negotiation failed is tried again once its destination is no longer left alone (protocol.md 5.2). */
  #isOver(entry: number, now: Millis): boolean {
    const { pit, negative, flow } = this.#node;
    const reason = reasonName(pit.entries.reason(entry));
    if (reason === 'no-member-there' || reason === 'refused') return false;
    return negative.find(addressKey(flow, FLOW.destination), now) === null;
  }

  #newFlow(arena: Uint8Array, packets: Int32Array, row: number, now: Millis, since: Millis | undefined): SaOrNone {
    const { flow, directory, counters, negative } = this.#node;
    // an ICMP error names a flow of the other way; without an entry there is none (protocol.md P3)
    if ((flow[FLOW.flags] & FLOW_FLAG.icmpError) !== 0) return this.#dropped('icmp-without-entry', now);
    if (!directory.isOwn(flow, FLOW.source)) return this.#dropped('foreign-source', now);
    const member = directory.ownerOf(flow, FLOW.destination);
    if (!member) return this.#flows.refuseFlow('no-member-there', now);
    const reason = negative.find(addressKey(flow, FLOW.destination), now);
    if (reason !== null) {
      counters.add(`discarded-${reason}`);
      return 0;
    }
    const held = heldPacket(arena, packets, row, since ?? now, this.#node.flow);
    if (this.#flows.open(member.id, held, now)) return 0;
    return this.#holdAndNegotiate(member, held, now);
  }

  /** A flow whose entry waits for CDN inside the SA: each packet travels behind its own MPIT or waits (protocol.md P5). */
  #provisional(
    entry: number,
    arena: Uint8Array,
    packets: Int32Array,
    row: number,
    now: Millis,
    since: Millis | undefined,
  ): SaOrNone {
    const held = heldPacket(arena, packets, row, since ?? now, this.#node.flow);
    // an error is believed only on a confirmed entry (protocol.md P3)
    const waits = (this.#node.flow[FLOW.flags] & FLOW_FLAG.icmpError) !== 0;
    if (waits || !this.#flows.continueOpening(entry, held, now)) this.#hold(held);
    return 0;
  }

  /** A confirmed flow whose triple has no SA that sends: the packet waits for a new one. */
  #withoutSa(
    entry: number,
    arena: Uint8Array,
    packets: Int32Array,
    row: number,
    now: Millis,
    since: Millis | undefined,
  ): SaOrNone {
    const { flow, directory, paths, pit } = this.#node;
    pit.shut(entry);
    const member = directory.ownerOf(flow, FLOW.destination);
    if (!member) return this.#dropped('no-member-there', now);
    // of what waits the oldest goes when there is too much: TCP had better try again soon
    if (paths.sends(paths.peer(member.id).slot, now)) this.#silent.tell(arena, packets, row * PACKET.stride, now);
    return this.#holdAndNegotiate(member, heldPacket(arena, packets, row, since ?? now, this.#node.flow), now);
  }

  #holdAndNegotiate(member: Member, held: HeldPacket, now: Millis): SaOrNone {
    if (this.#hold(held)) this.#negotiating.startFlow(member.id, now);
    return 0;
  }

  #hold(packet: HeldPacket): boolean {
    const { flow, held } = this.#node;
    return held.hold(addressKey(flow, FLOW.source), addressKey(flow, FLOW.destination), packet);
  }

  /** Fragments follow the entry of their datagram's first one (protocol.md 5.1); none opens a flow later than the first. */
  #fragment(arena: Uint8Array, packets: Int32Array, row: number, now: Millis): void {
    const { fragments, flow } = this.#node;
    const at = row * PACKET.stride;
    const offset = packets[at + PACKET.offset];
    const copy = () => arena.slice(offset, offset + packets[at + PACKET.length]);
    if (!passFragment(this.#node, copy, LOCAL, now)) return;
    const first = (flow[FLOW.flags] & FLOW_FLAG.firstFragment) !== 0;
    const datagram = { head: flow[FLOW.head], ports: flow[FLOW.ports] };
    const followers = first ? fragments.release(flow, LOCAL) : [];
    packets[at + PACKET.sa] = this.#decide(arena, packets, row, now, undefined);
    this.reconsider(
      followers.map((bytes) => ({ ...plainPacket(bytes, now), datagram })),
      now,
    );
  }

  #dropped(counter: string, now: Millis): SaOrNone {
    this.#node.incident(counter, now);
    return 0;
  }
}

function plainPacket(bytes: Uint8Array, now: Millis): HeldPacket {
  return { bytes, kind: 0, gsoSize: 0, headerLength: 0, l4Offset: 0, since: millis(now), datagram: undefined };
}
