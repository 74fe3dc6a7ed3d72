import { DATA_OVERHEAD, GSO, GSO_MASK, PACKET, PARTIAL_CHECKSUM, PARTIAL_CHECKSUM_FLAG } from '../base/primitives.ts';
import { InnerHeader } from './inner-header.ts';
import { TCP, UDP } from './inner-wire.ts';
import type { PathSlot, PathSlots } from './path-slots.ts';
import { COUNTER } from './primitive-counters.ts';
import type { Lane, SaSlots } from './sa-slots.ts';
import { Segmenter } from './segment.ts';
import { SendGrouper } from './send-grouper.ts';
import type { SendLane } from './send-lane.ts';

/** Most header bytes of a super-packet; extension headers could make more. */
const MAX_HEADER = 512;
/** L4 protocol of each kind of GSO. */
const PROTOCOLS: readonly (number | undefined)[] = [undefined, TCP.protocol, UDP.protocol];

/** What became of one datagram; after the last two the rest of its packet is dropped. */
type Outcome = 'sealed' | 'no-room' | 'exhausted';

/** Packets to datagrams to sends: segments, seals and groups a batch (protocol.md 4.1, 5.4). */
export class BatchSealer {
  readonly #slots: SaSlots;
  readonly #paths: PathSlots;
  readonly #counters: Float64Array;
  readonly #inner = new InnerHeader();
  readonly #segmenter = new Segmenter(this.#inner);
  readonly #sends = new SendGrouper();
  #arena: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  #packets: Int32Array = new Int32Array(0);
  #out: Uint8Array = new Uint8Array(0);
  #outView: DataView = new DataView(new ArrayBuffer(0));

  constructor(slots: SaSlots, paths: PathSlots, counters: Float64Array) {
    this.#slots = slots;
    this.#paths = paths;
    this.#counters = counters;
  }

  seal(arena: Uint8Array, packets: Int32Array, count: number, out: Uint8Array, sends: Int32Array): number {
    this.#arena = arena;
    this.#view = new DataView(arena.buffer, arena.byteOffset, arena.byteLength);
    this.#packets = packets;
    this.#out = out;
    this.#outView = new DataView(out.buffer, out.byteOffset, out.byteLength);
    this.#sends.begin(sends, out.length);
    for (let i = 0; i < count; i++) this.#sealRow(i * PACKET.stride);
    this.#counters[COUNTER.sends] += this.#sends.count;
    return this.#sends.count;
  }

  #sealRow(row: number): void {
    const index = this.#packets[row + PACKET.sa];
    if (index === 0) return;
    if (!this.#isInArena(row)) {
      this.#counters[COUNTER.badGso] += 1;
      return;
    }
    const lane = this.#slots.lane(index >>> 0);
    const path = lane === undefined ? undefined : this.#paths.usable(lane.path);
    if (lane?.send === undefined || !lane.send.alive || path === undefined) this.#counters[COUNTER.noSa] += 1;
    else if ((this.#packets[row + PACKET.kind] & GSO_MASK) === GSO.none) this.#sealPacket(row, lane, lane.send, path);
    else if (this.#isSoundSuper(row)) this.#sealSuper(row, lane, lane.send, path);
    else this.#counters[COUNTER.badGso] += 1;
  }

  #isInArena(row: number): boolean {
    const offset = this.#packets[row + PACKET.offset];
    const length = this.#packets[row + PACKET.length];
    return offset >= 0 && length > 0 && length <= this.#arena.length - offset;
  }

  /** What the row of a super-packet says agrees with our own parse (T3). */
  #isSoundSuper(row: number): boolean {
    const packets = this.#packets;
    const kind = packets[row + PACKET.kind];
    const protocol = PROTOCOLS[kind & GSO_MASK];
    if ((kind & PARTIAL_CHECKSUM) === 0 || packets[row + PACKET.gsoSize] <= 0) return false;
    const inner = this.#inner;
    const length = packets[row + PACKET.length];
    if (!inner.parse(this.#view, packets[row + PACKET.offset], length, false)) return false;
    if (!inner.mayBePartial || inner.protocol !== protocol || inner.l4Offset !== packets[row + PACKET.l4Offset])
      return false;
    const headers = inner.headerLength;
    return headers === packets[row + PACKET.headerLength] && headers <= MAX_HEADER && headers < length;
  }

  #sealPacket(row: number, lane: Lane, send: SendLane, path: PathSlot): void {
    const partial = (this.#packets[row + PACKET.kind] & PARTIAL_CHECKSUM) !== 0;
    const start = this.#packets[row + PACKET.offset];
    const length = this.#packets[row + PACKET.length];
    const outcome = this.#sealDatagram(start, length, partial ? PARTIAL_CHECKSUM_FLAG : 0, lane, send, path);
    if (outcome === 'no-room') this.#counters[COUNTER.sendFailed] += 1;
  }

  #sealSuper(row: number, lane: Lane, send: SendLane, path: PathSlot): void {
    const start = this.#packets[row + PACKET.offset];
    const length = this.#packets[row + PACKET.length];
    const segmenter = this.#segmenter;
    segmenter.begin(this.#arena, this.#view, start, length, this.#packets[row + PACKET.gsoSize]);
    while (segmenter.next()) {
      const outcome = this.#sealDatagram(segmenter.start, segmenter.length, PARTIAL_CHECKSUM_FLAG, lane, send, path);
      if (outcome === 'no-room') this.#counters[COUNTER.sendFailed] += 1 + segmenter.left;
      if (outcome !== 'sealed') return;
    }
  }

  #sealDatagram(start: number, length: number, flags: number, lane: Lane, send: SendLane, path: PathSlot): Outcome {
    const size = path.prefix.length + length + DATA_OVERHEAD;
    if (!send.hasRoom(length)) {
      this.#counters[COUNTER.counterExhausted] += 1;
      return 'exhausted';
    }
    if (!this.#sends.fits(lane.path, size)) return 'no-room';
    const at = this.#sends.position;
    this.#out.set(path.prefix, at);
    const plaintext = this.#arena.subarray(start, start + length);
    send.seal(plaintext, flags, this.#out, this.#outView, at + path.prefix.length);
    this.#sends.add(lane.path, size);
    this.#counters[COUNTER.sealed] += 1;
    return 'sealed';
  }
}
