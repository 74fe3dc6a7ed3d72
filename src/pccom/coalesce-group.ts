import { MAX_SEGMENTS } from '../base/primitives.ts';
import { sameHeaders } from './coalesce-candidate.ts';
import { writeIpv4Checksum, writePartialChecksum } from './inner-checksum.ts';
import { InnerHeader } from './inner-header.ts';
import { IPV4, IPV6, TCP, UDP } from './inner-wire.ts';
import type { PieceWriter } from './piece-writer.ts';
import { VNET_HEADER, writeGsoVnet, writePartialVnet, writePlainVnet } from './vnet-header.ts';

/** Smallest payload of a TCP segment that is joined, and largest packet that joining may make (protocol.md 5.5, 15). */
const LEAST_TCP_GSO_SIZE = 256;
const MOST_BYTES = 65_535;

/** The super-packet being built: its pieces are copied as they come, its headers are put right when it ends. */
export class CoalesceGroup {
  readonly #pieces: PieceWriter;
  /** own parse of the first packet */
  readonly #inner = new InnerHeader();
  #arena: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  /** packets in it; 0: no group */
  #count = 0;
  #closed = false;
  #partial = false;
  #sa = 0;
  #first = 0;
  #gsoSize = 0;
  #length = 0;
  #nextSequence = 0;
  #pushed = false;

  constructor(pieces: PieceWriter) {
    this.#pieces = pieces;
  }

  begin(arena: Uint8Array, view: DataView): void {
    this.#arena = arena;
    this.#view = view;
    this.#count = 0;
  }

  /** Whether a candidate continues the group (protocol.md 5.5). */
  joins(inner: InnerHeader, at: number, length: number, sa: number): boolean {
    if (this.#count === 0 || this.#closed || this.#sa !== sa) return false;
    if (this.#count === MAX_SEGMENTS) return false;
    if (inner.protocol === TCP.protocol && this.#gsoSize < LEAST_TCP_GSO_SIZE) return false;
    if (inner.version !== this.#inner.version || inner.protocol !== this.#inner.protocol) return false;
    const payload = length - inner.headerLength;
    if (payload > this.#gsoSize || this.#length + payload > MOST_BYTES) return false;
    if (!sameHeaders(this.#view, this.#first, this.#view, at, inner)) return false;
    return inner.protocol !== TCP.protocol || this.#sequence(at) === this.#nextSequence;
  }

  /** Ends the group before and begins one with this candidate. */
  start(inner: InnerHeader, at: number, length: number, sa: number, partial: boolean): void {
    this.flush();
    this.#inner.assign(inner);
    this.#closed = false;
    this.#pushed = false;
    this.#partial = partial;
    this.#sa = sa;
    this.#first = at;
    this.#gsoSize = length - inner.headerLength;
    this.#length = inner.headerLength;
    this.#nextSequence = inner.protocol === TCP.protocol ? this.#sequence(at) : 0;
    this.#pieces.copy(this.#arena, at, inner.headerLength, 0);
    this.add(at, length);
  }

  /** Takes the payload of a candidate that joins. */
  add(at: number, length: number): void {
    const headers = this.#inner.headerLength;
    const payload = length - headers;
    this.#pieces.copy(this.#arena, at + headers, payload, this.#length);
    this.#count += 1;
    this.#length += payload;
    this.#nextSequence = (this.#nextSequence + payload) >>> 0;
    this.#pushed = this.#isTcp && (this.#view.getUint8(at + this.#inner.l4Offset + TCP.flags) & TCP.push) !== 0;
    this.#closed = this.#pushed || payload < this.#gsoSize;
  }

  /** Ends the group, if there is one, and writes its piece. */
  flush(): void {
    if (this.#count === 0) return;
    const packet = this.#pieces.finish(this.#length);
    if (packet !== 0) this.#finish(packet, packet - VNET_HEADER);
    this.#count = 0;
  }

  #finish(packet: number, vnet: number): void {
    const view = this.#pieces.view;
    const inner = this.#inner;
    if (this.#count === 1 && !this.#partial) {
      writePlainVnet(view, vnet);
      return;
    }
    writePartialVnet(view, vnet, inner.l4Offset, inner.checksumOffset);
    if (this.#count > 1) {
      writeGsoVnet(view, vnet, inner.version, inner.protocol, inner.headerLength, this.#gsoSize);
      this.#fixLengths(view, packet);
    }
    writePartialChecksum(view, packet, this.#length, inner);
  }

  #fixLengths(view: DataView, packet: number): void {
    const l4 = packet + this.#inner.l4Offset;
    if (this.#isTcp) {
      if (this.#pushed) view.setUint8(l4 + TCP.flags, TCP.ack | TCP.push);
    } else {
      view.setUint16(l4 + UDP.length, this.#length - this.#inner.l4Offset);
    }
    if (this.#inner.version === 4) {
      view.setUint16(packet + IPV4.totalLength, this.#length);
      writeIpv4Checksum(view, packet, IPV4.size);
    } else {
      view.setUint16(packet + IPV6.payloadLength, this.#length - IPV6.size);
    }
  }

  get #isTcp(): boolean {
    return this.#inner.protocol === TCP.protocol;
  }

  #sequence(at: number): number {
    return this.#view.getUint32(at + this.#inner.l4Offset + TCP.sequence);
  }
}
