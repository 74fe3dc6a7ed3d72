import { PARTIAL_CHECKSUM_FLAG, RECORD_ROW, RUN, RUN_KIND } from '../base/primitives.ts';
import { isCandidate } from './coalesce-candidate.ts';
import { CoalesceGroup } from './coalesce-group.ts';
import { writeFullChecksum, writePartialChecksum } from './inner-checksum.ts';
import { InnerHeader } from './inner-header.ts';
import { PieceWriter } from './piece-writer.ts';
import { COUNTER } from './primitive-counters.ts';
import { VNET_HEADER, writePartialVnet, writePlainVnet } from './vnet-header.ts';

/** Delivered runs to what is written to TUN: joins neighbours into super-packets (protocol.md 5.5, T3). */
export class BatchCoalescer {
  readonly #counters: Float64Array;
  readonly #inner = new InnerHeader();
  readonly #pieces: PieceWriter;
  readonly #group: CoalesceGroup;
  #arena: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(new ArrayBuffer(0));

  constructor(counters: Float64Array) {
    this.#counters = counters;
    this.#pieces = new PieceWriter(counters);
    this.#group = new CoalesceGroup(this.#pieces);
  }

  coalesce(
    arena: Uint8Array,
    records: Int32Array,
    runs: Int32Array,
    count: number,
    vnet: boolean,
    out: Uint8Array,
  ): number {
    this.#arena = arena;
    this.#view = new DataView(arena.buffer, arena.byteOffset, arena.byteLength);
    this.#pieces.begin(out, vnet ? VNET_HEADER : 0);
    this.#group.begin(arena, this.#view);
    for (let i = 0; i < count; i++) this.#addRun(records, runs, i * RUN.stride, vnet);
    this.#group.flush();
    return this.#pieces.position;
  }

  #addRun(records: Int32Array, runs: Int32Array, run: number, vnet: boolean): void {
    if (runs[run + RUN.broken] !== 0) this.#group.flush();
    const first = runs[run + RUN.firstRecord];
    const end = first + runs[run + RUN.count];
    const delivered = runs[run + RUN.kind] === RUN_KIND.packets && runs[run + RUN.verdict] === 1;
    if (!delivered || first < 0 || end * RECORD_ROW.stride > records.length) {
      this.#group.flush();
      return;
    }
    for (let i = first; i < end; i++) this.#addRecord(records, i * RECORD_ROW.stride, runs[run + RUN.sa], vnet);
  }

  #addRecord(records: Int32Array, record: number, sa: number, vnet: boolean): void {
    const at = records[record + RECORD_ROW.offset];
    const length = records[record + RECORD_ROW.length];
    const partial = (records[record + RECORD_ROW.flags] & PARTIAL_CHECKSUM_FLAG) !== 0;
    if (!this.#parse(at, length, partial)) {
      this.#counters[COUNTER.badInnerHeader] += 1;
      this.#group.flush();
      return;
    }
    if (!vnet || !isCandidate(this.#view, at, length, this.#inner, partial)) {
      this.#group.flush();
      this.#writeAlone(at, length, partial, vnet);
      return;
    }
    if (this.#group.joins(this.#inner, at, length, sa)) this.#group.add(at, length);
    else this.#group.start(this.#inner, at, length, sa, partial);
  }

  #parse(at: number, length: number, partial: boolean): boolean {
    if (at < 0 || length > this.#arena.length - at || !this.#inner.parse(this.#view, at, length)) return false;
    return !partial || this.#inner.mayBePartial;
  }

  #writeAlone(at: number, length: number, partial: boolean, vnet: boolean): void {
    const packet = this.#pieces.place(this.#arena, at, length);
    if (packet === 0) return;
    const inner = this.#inner;
    const view = this.#pieces.view;
    if (vnet) writePlainVnet(view, packet - VNET_HEADER);
    if (!partial) return;
    if (!vnet) {
      writeFullChecksum(view, packet, length, inner);
      return;
    }
    writePartialChecksum(view, packet, length, inner);
    writePartialVnet(view, packet - VNET_HEADER, inner.l4Offset, inner.checksumOffset);
  }
}
