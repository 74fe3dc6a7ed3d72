import { RECORD_ROW, RUN, RUN_KIND } from '../base/primitives.ts';
import type { InnerHeader } from './inner-header.ts';
import { IPV4, IPV6 } from './inner-wire.ts';

/** Bytes of a TCP or UDP header that hold both ports. */
const PORT_BYTES = 4;

/** Writes the tables of records and runs, and decides which records share a run (protocol.md 5.5, T1). */
export class RunWriter {
  recordCount = 0;
  runCount = 0;
  #view: DataView = new DataView(new ArrayBuffer(0));
  #records: Int32Array = new Int32Array(0);
  #runs: Int32Array = new Int32Array(0);
  #message = 0;
  /** a datagram was rejected since the last run began */
  #broken = false;
  /** the last run may take more records; these name its flow */
  #open = false;
  #version = 0;
  #protocol = 0;
  #addresses = 0;
  #ports = 0;

  begin(view: DataView, records: Int32Array, runs: Int32Array): void {
    this.#view = view;
    this.#records = records;
    this.#runs = runs;
    this.recordCount = 0;
    this.runCount = 0;
    this.#open = false;
    this.#broken = false;
  }

  beginMessage(message: number): void {
    this.#message = message;
    this.#open = false;
  }

  hasRoom(): boolean {
    const records = (this.recordCount + 1) * RECORD_ROW.stride <= this.#records.length;
    return records && (this.runCount + 1) * RUN.stride <= this.#runs.length;
  }

  /** Nothing is joined across a rejected datagram. */
  markRejected(): void {
    this.#broken = true;
    this.#open = false;
  }

  /** A run of one record that nothing joins. */
  addSingle(kind: number, at: number, length: number, flags: number, sa: number, newest: boolean): void {
    this.#open = false;
    this.#startRun(kind, sa);
    this.#addRecord(at, length, flags, newest);
  }

  /** An IP packet that passed its checks: joins the run before it when it is of the same flow and SA. */
  addPacket(inner: InnerHeader, at: number, length: number, flags: number, sa: number, newest: boolean): void {
    if (!this.#joins(inner, at, sa)) {
      this.#startRun(RUN_KIND.packets, sa);
      this.#nameFlow(inner, at);
    }
    this.#addRecord(at, length, flags, newest);
  }

  #joins(inner: InnerHeader, at: number, sa: number): boolean {
    if (!this.#open || !inner.whole || inner.version !== this.#version || inner.protocol !== this.#protocol)
      return false;
    if (this.#runs[this.#run() + RUN.sa] !== (sa | 0)) return false;
    const size = inner.version === 4 ? IPV4.addressBytes : IPV6.addressBytes;
    const addresses = at + (inner.version === 4 ? IPV4.addresses : IPV6.addresses);
    return (
      equalBytes(this.#view, addresses, this.#addresses, size) &&
      equalBytes(this.#view, at + inner.l4Offset, this.#ports, PORT_BYTES)
    );
  }

  /** Remembers where the run's first record keeps its flow. */
  #nameFlow(inner: InnerHeader, at: number): void {
    this.#open = inner.whole;
    this.#version = inner.version;
    this.#protocol = inner.protocol;
    this.#addresses = at + (inner.version === 4 ? IPV4.addresses : IPV6.addresses);
    this.#ports = at + inner.l4Offset;
  }

  #startRun(kind: number, sa: number): void {
    this.runCount += 1;
    const run = this.#run();
    this.#runs.fill(0, run, run + RUN.stride);
    this.#runs[run + RUN.firstRecord] = this.recordCount;
    this.#runs[run + RUN.kind] = kind;
    this.#runs[run + RUN.sa] = sa;
    this.#runs[run + RUN.message] = this.#message;
    this.#runs[run + RUN.broken] = this.#broken ? 1 : 0;
    this.#broken = false;
  }

  #addRecord(at: number, length: number, flags: number, newest: boolean): void {
    const record = this.recordCount * RECORD_ROW.stride;
    this.#records[record + RECORD_ROW.offset] = at;
    this.#records[record + RECORD_ROW.length] = length;
    this.#records[record + RECORD_ROW.flags] = flags;
    this.#records[record + RECORD_ROW.message] = this.#message;
    this.recordCount += 1;
    const run = this.#run();
    this.#runs[run + RUN.count] += 1;
    this.#runs[run + RUN.bytes] += length;
    if (newest) this.#runs[run + RUN.newest] = 1;
  }

  #run(): number {
    return (this.runCount - 1) * RUN.stride;
  }
}

function equalBytes(view: DataView, a: number, b: number, length: number): boolean {
  for (let i = 0; i < length; i += 4) if (view.getUint32(a + i) !== view.getUint32(b + i)) return false;
  return true;
}
