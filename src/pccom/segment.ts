import { writeIpv4Checksum, writePartialChecksum } from './inner-checksum.ts';
import type { InnerHeader } from './inner-header.ts';
import { IPV4, IPV6, TCP, UDP } from './inner-wire.ts';

/**
 * Walks a TCP or UDP super-packet and makes each of its packets in place: segment k+1's headers are written over the tail of
 * segment k, which has been sealed by then. `start` and `length` name the packet that the last `next` has made.
 */
export class Segmenter {
  start = 0;
  length = 0;
  #view: DataView = new DataView(new ArrayBuffer(0));
  #bytes: Uint8Array = new Uint8Array(0);
  readonly #inner: InnerHeader;
  #end = 0;
  #gsoSize = 0;
  #tcpFlags = 0;
  #first = true;

  /** inner: what `parse` said of the super-packet that `begin` names; must not be filled anew before its last segment */
  constructor(inner: InnerHeader) {
    this.#inner = inner;
  }

  begin(bytes: Uint8Array, view: DataView, at: number, length: number, gsoSize: number): void {
    this.#bytes = bytes;
    this.#view = view;
    this.#end = at + length;
    this.#gsoSize = gsoSize;
    this.#first = true;
    this.start = at;
    this.length = 0;
    if (this.#isTcp) this.#tcpFlags = view.getUint8(at + this.#inner.l4Offset + TCP.flags);
  }

  /** Packets that come after the one that the last `next` has made. */
  get left(): number {
    return Math.ceil((this.#end - this.start - this.length) / this.#gsoSize);
  }

  /** False when the super-packet is used up. */
  next(): boolean {
    const headers = this.#inner.headerLength;
    if (!this.#first) {
      if (this.start + this.length === this.#end) return false;
      this.#carryHeaders(headers);
    }
    this.length = Math.min(headers + this.#gsoSize, this.#end - this.start);
    this.#fixHeaders();
    this.#first = false;
    return true;
  }

  get #isTcp(): boolean {
    return this.#inner.protocol === TCP.protocol;
  }

  /** Copies the headers in front of the next payload and moves what counts up. */
  #carryHeaders(headers: number): void {
    const from = this.start;
    const to = from + this.#gsoSize;
    this.#bytes.copyWithin(to, from, from + headers);
    this.start = to;
    const view = this.#view;
    if (this.#inner.version === 4) view.setUint16(to + IPV4.id, view.getUint16(to + IPV4.id) + 1);
    if (!this.#isTcp) return;
    const sequence = to + this.#inner.l4Offset + TCP.sequence;
    view.setUint32(sequence, view.getUint32(sequence) + this.#gsoSize);
  }

  #fixHeaders(): void {
    const { start, length } = this;
    const view = this.#view;
    const inner = this.#inner;
    if (inner.version === 4) {
      view.setUint16(start + IPV4.totalLength, length);
      writeIpv4Checksum(view, start, inner.l4Offset);
    } else {
      view.setUint16(start + IPV6.payloadLength, length - IPV6.size);
    }
    const l4 = start + inner.l4Offset;
    if (this.#isTcp) view.setUint8(l4 + TCP.flags, this.#flagsHere());
    else view.setUint16(l4 + UDP.length, length - inner.l4Offset);
    writePartialChecksum(view, start, length, inner);
  }

  /** FIN and PSH only on the last segment, CWR only on the first. */
  #flagsHere(): number {
    const last = this.start + this.length === this.#end;
    const cleared = (last ? 0 : TCP.fin | TCP.push) | (this.#first ? 0 : TCP.cwr);
    return this.#tcpFlags & ~cleared;
  }
}
