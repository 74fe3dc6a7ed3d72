import { DATAGRAM } from '../base/datagram-kinds.ts';
import { DATA_HEADER, DATA_OVERHEAD, MESSAGE, PARTIAL_CHECKSUM_FLAG, RUN_KIND } from '../base/primitives.ts';
import { dataHeaderFault, headerFlags, headerIndex } from './data-header.ts';
import { checksumHolds } from './inner-checksum.ts';
import { InnerHeader } from './inner-header.ts';
import { COUNTER } from './primitive-counters.ts';
import type { ReceiveLane } from './receive-lane.ts';
import { RunWriter } from './run-writer.ts';
import type { SaSlots } from './sa-slots.ts';

/** Counter of each reason for which a key refuses a datagram. */
const REFUSED = { replayed: COUNTER.replayed, 'too-old': COUNTER.tooOld, 'auth-failed': COUNTER.authFailed } as const;
/** Bytes of a relay or GEN frame in front of a datagram (protocol.md 7). */
const PREFIX = 8;

/** Messages to datagrams to records to runs: opens a batch in place (protocol.md 4.3, 5.5). */
export class BatchOpener {
  readonly #slots: SaSlots;
  readonly #counters: Float64Array;
  readonly #inner = new InnerHeader();
  readonly #runs = new RunWriter();
  #arena: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(new ArrayBuffer(0));

  constructor(slots: SaSlots, counters: Float64Array) {
    this.#slots = slots;
    this.#counters = counters;
  }

  /** Records of the last call. */
  get recordCount(): number {
    return this.#runs.recordCount;
  }

  open(arena: Uint8Array, messages: Int32Array, count: number, records: Int32Array, runs: Int32Array): number {
    this.#arena = arena;
    this.#view = new DataView(arena.buffer, arena.byteOffset, arena.byteLength);
    this.#runs.begin(this.#view, records, runs);
    for (let i = 0; i < count; i++) this.#openMessage(messages, i);
    return this.#runs.runCount;
  }

  #openMessage(messages: Int32Array, message: number): void {
    const row = message * MESSAGE.stride;
    const start = messages[row + MESSAGE.offset];
    const length = messages[row + MESSAGE.length];
    if (start < 0 || length <= 0 || length > this.#arena.length - start) {
      this.#reject(COUNTER.short);
      return;
    }
    const segment = messages[row + MESSAGE.segment];
    const step = segment <= 0 || segment > length ? length : segment;
    const prefix = messages[row + MESSAGE.prefix] === PREFIX ? PREFIX : 0;
    this.#runs.beginMessage(message);
    for (let at = 0; at < length; at += step)
      this.#openDatagram(start, start + at, Math.min(step, length - at), prefix);
  }

  /** first: where the message begins, whose prefix all its datagrams must share */
  #openDatagram(first: number, at: number, length: number, prefix: number): void {
    if (length <= prefix) this.#reject(COUNTER.short);
    else if (!this.#samePrefix(first, at, prefix)) this.#addRaw(at, length);
    else if (this.#view.getUint8(at + prefix) === DATAGRAM.data) this.#openData(at + prefix, length - prefix);
    else this.#addRaw(at + prefix, length - prefix);
  }

  #addRaw(at: number, length: number): void {
    if (this.#runs.hasRoom()) this.#runs.addSingle(RUN_KIND.raw, at, length, 0, 0, false);
    else this.#reject(COUNTER.badGso);
  }

  #samePrefix(first: number, at: number, prefix: number): boolean {
    for (let i = 0; i < prefix; i++) if (this.#arena[first + i] !== this.#arena[at + i]) return false;
    return true;
  }

  #openData(at: number, length: number): void {
    const receive = this.#receiverOf(at, length);
    if (receive === undefined) return;
    const result = receive.open(this.#arena, this.#view, at, length);
    if (result !== 'opened' && result !== 'newest') {
      this.#reject(REFUSED[result]);
      return;
    }
    this.#counters[COUNTER.opened] += 1;
    const flags = headerFlags(this.#view, at);
    const index = headerIndex(this.#view, at);
    this.#addOpened(at + DATA_HEADER, length - DATA_OVERHEAD, flags, index, result === 'newest');
  }

  /** The key that a datagram names, or undefined with the reason counted. */
  #receiverOf(at: number, length: number): ReceiveLane | undefined {
    const fault = dataHeaderFault(this.#view, at, length);
    if (fault !== undefined) return this.#reject(fault === 'short' ? COUNTER.short : COUNTER.badFlags);
    if (!this.#runs.hasRoom()) return this.#reject(COUNTER.badGso);
    const lane = this.#slots.lane(headerIndex(this.#view, at));
    if (lane === undefined) return this.#reject(COUNTER.unknownIndex);
    return lane.receive?.alive ? lane.receive : this.#reject(COUNTER.noKey);
  }

  /** First byte of the plaintext, then the IP checks (protocol.md 1.2, 5.5). */
  #addOpened(at: number, length: number, flags: number, index: number, newest: boolean): void {
    const nibble = length === 0 ? 0 : this.#view.getUint8(at) >>> 4;
    if (nibble === 4 || nibble === 6) {
      this.#addPacket(at, length, flags, index, newest);
      return;
    }
    if (flags !== 0) this.#reject(COUNTER.badFlags);
    else this.#runs.addSingle(length === 0 ? RUN_KIND.empty : RUN_KIND.control, at, length, flags, index, newest);
  }

  #addPacket(at: number, length: number, flags: number, index: number, newest: boolean): void {
    const inner = this.#inner;
    const partial = (flags & PARTIAL_CHECKSUM_FLAG) !== 0;
    if (!inner.parse(this.#view, at, length)) this.#reject(COUNTER.badInnerHeader);
    else if (partial && !inner.mayBePartial) this.#reject(COUNTER.badFlags);
    else if (!partial && inner.mayBePartial && !checksumHolds(this.#view, at, length, inner))
      this.#reject(COUNTER.badInnerChecksum);
    else this.#runs.addPacket(inner, at, length, flags, index, newest);
  }

  #reject(counter: number): undefined {
    this.#counters[counter] += 1;
    this.#runs.markRejected();
    return undefined;
  }
}
