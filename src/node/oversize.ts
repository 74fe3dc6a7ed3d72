import type { Millis } from '../base/brands.ts';
import { FLOW, FLOW_FLAG } from '../base/flow-words.ts';
import { GSO_MASK, PACKET, PARTIAL_CHECKSUM } from '../base/primitives.ts';
import { Allowance, evenly } from '../base/rate-table.ts';
import { INNER_MTU_FLOOR } from '../nat/constants.ts';
import { cutPacket, mayBeCut } from '../pccom/cut-packet.ts';
import { tooBigAnswer } from '../pccom/icmp-answer.ts';
import { completeChecksum } from '../pccom/inner-checksum.ts';
import { clampMss } from '../pccom/mss-clamp.ts';
import type { LargePacket, LargeSenders } from './large-senders.ts';
import type { NodeState } from './node-state.ts';
import { FITS_ALWAYS } from './path-mtus.ts';

/** TCP's flag of a packet that opens a connection. */
export const SYN = 0x02;
/** Local senders are told so often each second; each of them needs one answer. */
const ANSWERS_PER_SECOND = 500;

/** What the path's MTU means for inner packets (protocol.md 6.5): senders are told, packets are cut, an MSS is lowered. */
export class Oversize {
  readonly #node: NodeState;
  #answers: Allowance | undefined;

  constructor(node: NodeState) {
    this.#node = node;
  }

  /** Looks at one row whose length is above FITS_ALWAYS. False: it is too large for the path, and was taken care of. */
  passes(arena: Uint8Array, packets: Int32Array, at: number, sa: number, slot: number, now: Millis): boolean {
    const { mtus } = this.#node;
    const segment = packets[at + PACKET.gsoSize];
    const size = segment > 0 ? packets[at + PACKET.headerLength] + segment : packets[at + PACKET.length];
    if (size <= FITS_ALWAYS) return true;
    mtus.wantedAt[slot] = now;
    if (size > mtus.mtu[slot]) return this.#judge(arena, packets, at, sa, mtus.mtu[slot], size, now);
    const senders = mtus.senders(slot);
    if (senders?.wants(now)) this.#remember(senders, arena, packets, at, size, now);
    return true;
  }

  /** The path of a packet that left carries less by now. */
  tell({ head, size }: LargePacket, pathMtu: number, now: Millis): void {
    const mtu = floorOf(head, pathMtu);
    if (size <= mtu || mayBeCut(head) || !this.#takeAnswer(now)) return;
    this.#node.effects.push({ kind: 'deliver', packet: tooBigAnswer(head, mtu) });
  }

  /** A SYN on its way out: neither end sends larger segments than the path carries. */
  clampOut(arena: Uint8Array, packets: Int32Array, at: number, slot: number, now: Millis): void {
    const { flow, mtus } = this.#node;
    mtus.wantedAt[slot] = now;
    const view = new DataView(arena.buffer, arena.byteOffset, arena.byteLength);
    const partial = (packets[at + PACKET.kind] & PARTIAL_CHECKSUM) !== 0;
    clampMss(view, packets[at + PACKET.offset], flow[FLOW.l4Offset], mtus.mtu[slot], partial);
  }

  /** A SYN on its way in. */
  clampIn(view: DataView, at: number, partial: boolean, slot: number, now: Millis): void {
    const { flow, mtus } = this.#node;
    mtus.wantedAt[slot] = now;
    clampMss(view, at, flow[FLOW.l4Offset], mtus.mtu[slot], partial);
  }

  #remember(
    senders: LargeSenders,
    arena: Uint8Array,
    packets: Int32Array,
    at: number,
    size: number,
    now: Millis,
  ): void {
    if (!this.#tellsSender()) return;
    const offset = packets[at + PACKET.offset];
    senders.keep(this.#node.flow[FLOW.ports], arena.subarray(offset, offset + packets[at + PACKET.length]), size, now);
  }

  #judge(
    arena: Uint8Array,
    packets: Int32Array,
    at: number,
    sa: number,
    pathMtu: number,
    size: number,
    now: Millis,
  ): boolean {
    const { counters, effects, flow } = this.#node;
    const offset = packets[at + PACKET.offset];
    const packet = arena.subarray(offset, offset + packets[at + PACKET.length]);
    const mtu = floorOf(packet, pathMtu);
    if (size <= mtu) return true;
    const kind = packets[at + PACKET.kind];
    if ((kind & GSO_MASK) === 0 && mayBeCut(packet)) {
      counters.add('packets-cut');
      const whole = packet.slice();
      if ((kind & PARTIAL_CHECKSUM) !== 0) completeChecksum(whole, flow[FLOW.l4Offset], flow[FLOW.head] & 0xff);
      for (const bytes of cutPacket(whole, mtu)) effects.push({ kind: 'seal', packet: { bytes, ...PLAIN }, sa });
      return false;
    }
    counters.add('packets-too-big');
    if (this.#tellsSender() && this.#takeAnswer(now))
      effects.push({ kind: 'deliver', packet: tooBigAnswer(packet, mtu) });
    return false;
  }

  /** An error is never answered by an error, and only a datagram's first fragment tells whose it is (RFC 1122 3.2.2). */
  #tellsSender(): boolean {
    const flags = this.#node.flow[FLOW.flags];
    if ((flags & FLOW_FLAG.icmpError) !== 0) return false;
    return (flags & FLOW_FLAG.fragment) === 0 || (flags & FLOW_FLAG.firstFragment) !== 0;
  }

  #takeAnswer(now: Millis): boolean {
    this.#answers ??= new Allowance(evenly(ANSWERS_PER_SECOND), now);
    return this.#answers.take(now);
  }
}

/** IPv6 has no smaller MTU to be told: what is below its floor is tried (RFC 8200 5). */
function floorOf(packet: Uint8Array, pathMtu: number): number {
  return packet[0] >>> 4 === 6 ? Math.max(INNER_MTU_FLOOR, pathMtu) : pathMtu;
}

const PLAIN = { kind: 0, gsoSize: 0, headerLength: 0, l4Offset: 0 } as const;
