import { foldSum, sumWords } from './checksum.ts';
import { EXTENSION, IPV4, IPV6, TCP, UDP } from './inner-wire.ts';

/** Most extension headers of a packet that are followed; each costs a turn on bytes that a peer chose. */
const MAX_EXTENSIONS = 8;
const EXTENSION_LEAST = 8;

/**
 * What is known of one inner packet after `parse`; offsets from its first byte (protocol.md 5.5).
 * One object is filled again and again, so that a packet costs no allocation. After a false `parse` the fields mean nothing.
 */
export class InnerHeader {
  version = 0;
  /** of the last header that was followed */
  protocol = 0;
  l4Offset = 0;
  /** TCP or UDP header bytes; 0 for another protocol or a later fragment */
  l4Header = 0;
  /** more fragments, an offset, or an IPv6 fragment header */
  fragment = false;
  /** an IPv6 routing header: the pseudo header's destination is not the one in the IP header */
  routed = false;
  #later = false;

  /** TCP or UDP, not in fragments: its ports and checksum can be worked with. */
  get whole(): boolean {
    return this.l4Header !== 0 && !this.fragment;
  }

  /** The partial-checksum flag may stand on it. */
  get mayBePartial(): boolean {
    return this.whole && !this.routed;
  }

  /** No IPv4 options and no extension headers. */
  get plain(): boolean {
    return this.l4Offset === (this.version === 4 ? IPV4.size : IPV6.size);
  }

  get headerLength(): number {
    return this.l4Offset + this.l4Header;
  }

  /** Position of the L4 checksum, from the L4 header. */
  get checksumOffset(): number {
    return this.protocol === TCP.protocol ? TCP.checksum : UDP.checksum;
  }

  /** Checks every length and offset of the packet against its bytes (T2). exactUdp: false for a super-packet, whose UDP length may be a segment's. */
  parse(view: DataView, at: number, length: number, exactUdp = true): boolean {
    this.l4Header = 0;
    this.fragment = false;
    this.routed = false;
    this.#later = false;
    this.version = length > 0 ? view.getUint8(at) >>> 4 : 0;
    if (this.version === 4) return this.#parseV4(view, at, length) && this.#parseL4(view, at, length, exactUdp);
    if (this.version === 6) return this.#parseV6(view, at, length) && this.#parseL4(view, at, length, exactUdp);
    return false;
  }

  /** Copies what another parse found. */
  assign(other: InnerHeader): void {
    this.version = other.version;
    this.protocol = other.protocol;
    this.l4Offset = other.l4Offset;
    this.l4Header = other.l4Header;
    this.fragment = other.fragment;
    this.routed = other.routed;
  }

  #parseV4(view: DataView, at: number, length: number): boolean {
    if (length < IPV4.size) return false;
    const header = (view.getUint8(at) & 0x0f) * 4;
    if (header < IPV4.size || header > length || view.getUint16(at + IPV4.totalLength) !== length) return false;
    if (foldSum(sumWords(view, at, header)) !== 0xffff) return false;
    const fragment = view.getUint16(at + IPV4.fragment);
    this.#later = (fragment & IPV4.fragmentOffset) !== 0;
    this.fragment = this.#later || (fragment & IPV4.moreFragments) !== 0;
    this.protocol = view.getUint8(at + IPV4.protocol);
    this.l4Offset = header;
    return true;
  }

  #parseV6(view: DataView, at: number, length: number): boolean {
    if (length < IPV6.size || view.getUint16(at + IPV6.payloadLength) + IPV6.size !== length) return false;
    this.protocol = view.getUint8(at + IPV6.nextHeader);
    this.l4Offset = IPV6.size;
    for (let count = 0; isExtension(this.protocol) && !this.#later; count++) {
      if (count === MAX_EXTENSIONS || (this.protocol === EXTENSION.hopByHop && count > 0)) return false;
      if (!this.#stepOver(view, at, length)) return false;
    }
    return true;
  }

  #stepOver(view: DataView, at: number, length: number): boolean {
    const header = at + this.l4Offset;
    if (this.l4Offset + EXTENSION_LEAST > length) return false;
    if (this.protocol === EXTENSION.routing) this.routed = true;
    if (this.protocol === EXTENSION.fragment) {
      this.fragment = true;
      this.#later = (view.getUint16(header + 2) & 0xfff8) !== 0;
    }
    this.l4Offset += extensionLength(this.protocol, view.getUint8(header + 1));
    this.protocol = view.getUint8(header);
    return this.l4Offset <= length;
  }

  #parseL4(view: DataView, at: number, length: number, exactUdp: boolean): boolean {
    if (this.#later) return true;
    const rest = length - this.l4Offset;
    if (this.protocol === TCP.protocol) return this.#parseTcp(view, at + this.l4Offset, rest);
    if (this.protocol === UDP.protocol) return this.#parseUdp(view, at + this.l4Offset, rest, exactUdp);
    return true;
  }

  #parseTcp(view: DataView, at: number, rest: number): boolean {
    if (rest < TCP.size) return false;
    this.l4Header = (view.getUint8(at + TCP.dataOffset) >>> 4) * 4;
    return this.l4Header >= TCP.size && this.l4Header <= rest;
  }

  #parseUdp(view: DataView, at: number, rest: number, exact: boolean): boolean {
    if (rest < UDP.size) return false;
    this.l4Header = UDP.size;
    return this.fragment || !exact || view.getUint16(at + UDP.length) === rest;
  }
}

function isExtension(next: number): boolean {
  switch (next) {
    case EXTENSION.hopByHop:
    case EXTENSION.routing:
    case EXTENSION.fragment:
    case EXTENSION.authentication:
    case EXTENSION.destination:
      return true;
    default:
      return false;
  }
}

function extensionLength(kind: number, units: number): number {
  if (kind === EXTENSION.fragment) return 8;
  return kind === EXTENSION.authentication ? (units + 2) * 4 : (units + 1) * 8;
}
