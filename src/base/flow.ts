import { FLOW, FLOW_FLAG, FLOW_STATUS, PROTOCOL } from './flow-words.ts';
import { addressFault } from './inner-address.ts';

const { ok, short, version, length: wrongLength, ipHeader, extensionHeader, tcpHeader } = FLOW_STATUS;
const { badFragment, tinyFragment, icmpEmbedded, icmpRedirect } = FLOW_STATUS;

const IPV4_HEADER = 20;
const IPV6_HEADER = 40;
const L4_MINIMUM = 8;
const TCP_HEADER = 20;
const MAX_EXTENSIONS = 8;
const MAX_DATAGRAM = 65_535;
const EXTENSION = { hopByHop: 0, routing: 43, fragment: 44, destinationOptions: 60 } as const;
const ICMP = { echoReply: 0, unreachable: 3, redirect: 5, echo: 8, timeExceeded: 11, parameterProblem: 12 } as const;
const ICMP6 = { lastError: 127, echo: 128, echoReply: 129, redirect: 137 } as const;

/**
 * Parses the IP packet of `length` bytes at `offset` into `out` (FLOW.stride words) and checks its addresses (protocol.md P2).
 * Returns 0, or the FLOW_STATUS to count it under; `out` is then undefined. Never throws while offset and length lie inside the view.
 * UDP lengths and checksums are left to the packet primitives.
 */
export function parseFlow(view: DataView, offset: number, length: number, out: Int32Array): number {
  out[FLOW.flags] = 0;
  const status = parsePacket(view, offset, length, out, false);
  if (status !== ok) return status;
  if ((out[FLOW.flags] & FLOW_FLAG.icmpError) !== 0) {
    const fault = parseEmbedded(view, offset, length, out);
    if (fault !== ok) return fault;
    const outer = addressFault(out, FLOW.outerSource, FLOW.outerDestination);
    if (outer !== ok) return outer;
  }
  return addressFault(out, FLOW.source, FLOW.destination);
}

/** `embedded`: the start of a packet inside an ICMP error, cut anywhere behind the first 8 bytes above IP. */
function parsePacket(view: DataView, offset: number, length: number, out: Int32Array, embedded: boolean): number {
  if (length < IPV4_HEADER) return short;
  const family = view.getUint8(offset) >>> 4;
  let status: number;
  if (family === 4) status = parseIpv4(view, offset, length, out, embedded);
  else if (family === 6) status = parseIpv6(view, offset, length, out, embedded);
  else return version;
  return status === ok ? parseL4(view, offset, out, embedded) : status;
}

function parseIpv4(view: DataView, offset: number, length: number, out: Int32Array, embedded: boolean): number {
  const header = (view.getUint8(offset) & 0x0f) << 2;
  const total = view.getUint16(offset + 2);
  if (header < IPV4_HEADER || header > length || header > total) return ipHeader;
  if (!embedded && total !== length) return wrongLength;
  out[FLOW.head] = (4 << 8) | view.getUint8(offset + 9);
  for (let word = 0; word < 3; word++) {
    out[FLOW.source + word] = 0;
    out[FLOW.destination + word] = 0;
  }
  out[FLOW.source + 3] = view.getInt32(offset + 12);
  out[FLOW.destination + 3] = view.getInt32(offset + 16);
  out[FLOW.l4Offset] = header;
  out[FLOW.payloadLength] = length - header;
  const fragment = view.getUint16(offset + 6);
  if ((fragment & 0x3fff) === 0) return ok;
  out[FLOW.fragmentId] = view.getUint16(offset + 4);
  return markFragment(out, (fragment & 0x1fff) << 3, (fragment & 0x2000) !== 0);
}

function parseIpv6(view: DataView, offset: number, length: number, out: Int32Array, embedded: boolean): number {
  if (length < IPV6_HEADER) return short;
  if (!embedded && view.getUint16(offset + 4) + IPV6_HEADER !== length) return wrongLength;
  for (let word = 0; word < 4; word++) {
    out[FLOW.source + word] = view.getInt32(offset + 8 + 4 * word);
    out[FLOW.destination + word] = view.getInt32(offset + 24 + 4 * word);
  }
  return walkExtensions(view, offset, length, out);
}

/** Follows the extension headers up to the first that is none, or up to the end of a later fragment's. */
function walkExtensions(view: DataView, offset: number, length: number, out: Int32Array): number {
  let next = view.getUint8(offset + 6);
  let at = IPV6_HEADER;
  let fragmentSeen = false;
  for (let count = 0; isExtension(next); count++) {
    if (count === MAX_EXTENSIONS || at + 8 > length) return extensionHeader;
    const current = next;
    next = view.getUint8(offset + at);
    if (current !== EXTENSION.fragment) {
      at += 8 + 8 * view.getUint8(offset + at + 1);
      if (at > length) return extensionHeader;
      continue;
    }
    if (fragmentSeen) return extensionHeader;
    fragmentSeen = true;
    const field = view.getUint16(offset + at + 2);
    out[FLOW.fragmentId] = view.getInt32(offset + at + 4);
    at += 8;
    // offset 0 and no more: an atomic fragment, which is a whole packet (RFC 6946)
    if ((field & 0xfff9) === 0) continue;
    out[FLOW.payloadLength] = length - at;
    const status = markFragment(out, field & 0xfff8, (field & 1) !== 0);
    if (status !== ok) return status;
    if (field >>> 3 !== 0) break;
  }
  out[FLOW.head] = (6 << 8) | next;
  out[FLOW.l4Offset] = at;
  out[FLOW.payloadLength] = length - at;
  return ok;
}

function isExtension(next: number): boolean {
  return (
    next === EXTENSION.hopByHop ||
    next === EXTENSION.routing ||
    next === EXTENSION.fragment ||
    next === EXTENSION.destinationOptions
  );
}

function markFragment(out: Int32Array, start: number, more: boolean): number {
  const { fragment, firstFragment, moreFragments } = FLOW_FLAG;
  const bytes = out[FLOW.payloadLength];
  if (start + bytes > MAX_DATAGRAM || bytes === 0 || (more && bytes % 8 !== 0)) return badFragment;
  out[FLOW.fragmentOffset] = start;
  out[FLOW.fragmentEnd] = start + bytes;
  out[FLOW.flags] |= fragment | (start === 0 ? firstFragment : 0) | (more ? moreFragments : 0);
  return ok;
}

function parseL4(view: DataView, offset: number, out: Int32Array, embedded: boolean): number {
  out[FLOW.ports] = 0;
  out[FLOW.tcpFlags] = 0;
  const flags = out[FLOW.flags];
  const fragment = (flags & FLOW_FLAG.fragment) !== 0;
  if (fragment && (flags & FLOW_FLAG.firstFragment) === 0) return embedded ? icmpEmbedded : ok;
  const at = offset + out[FLOW.l4Offset];
  const truncated = fragment ? tinyFragment : short;
  switch (out[FLOW.head]) {
    case (4 << 8) | PROTOCOL.tcp:
    case (6 << 8) | PROTOCOL.tcp:
      return parseTcp(view, at, out, embedded, truncated);
    case (4 << 8) | PROTOCOL.udp:
    case (6 << 8) | PROTOCOL.udp:
      if (out[FLOW.payloadLength] < L4_MINIMUM) return truncated;
      out[FLOW.ports] = view.getInt32(at);
      return ok;
    case (4 << 8) | PROTOCOL.icmp:
    case (6 << 8) | PROTOCOL.icmp6:
      return out[FLOW.payloadLength] < L4_MINIMUM ? truncated : parseIcmp(view, at, out);
    default:
      return ok;
  }
}

function parseTcp(view: DataView, at: number, out: Int32Array, embedded: boolean, truncated: number): number {
  const bytes = out[FLOW.payloadLength];
  if (bytes < (embedded ? L4_MINIMUM : TCP_HEADER)) return truncated;
  out[FLOW.ports] = view.getInt32(at);
  if (embedded) return ok;
  const header = (view.getUint8(at + 12) >>> 4) << 2;
  if (header < TCP_HEADER) return tcpHeader;
  // a first fragment must hold the whole header: no later one may write flags or options (protocol.md P3)
  if (header > bytes) return truncated === tinyFragment ? tinyFragment : tcpHeader;
  out[FLOW.tcpFlags] = view.getUint8(at + 13);
  return ok;
}

function parseIcmp(view: DataView, at: number, out: Int32Array): number {
  const type = view.getUint8(at);
  const six = out[FLOW.head] >>> 8 === 6;
  if (type === (six ? ICMP6.redirect : ICMP.redirect)) return icmpRedirect;
  const echo = six ? type === ICMP6.echo || type === ICMP6.echoReply : type === ICMP.echo || type === ICMP.echoReply;
  if (echo) {
    const id = view.getUint16(at + 4);
    out[FLOW.ports] = (id << 16) | id;
  } else if (six ? type <= ICMP6.lastError : isIcmpError(type)) {
    if ((out[FLOW.flags] & FLOW_FLAG.fragment) !== 0) return icmpEmbedded;
    out[FLOW.flags] |= FLOW_FLAG.icmpError;
  }
  return ok;
}

function isIcmpError(type: number): boolean {
  return type === ICMP.unreachable || type === ICMP.timeExceeded || type === ICMP.parameterProblem;
}

/** Replaces the CID words by the embedded packet's, reversed, and keeps the error's own addresses and place. */
function parseEmbedded(view: DataView, offset: number, length: number, out: Int32Array): number {
  const family = out[FLOW.head] >>> 8;
  const l4 = out[FLOW.l4Offset];
  const payload = out[FLOW.payloadLength];
  out.copyWithin(FLOW.outerSource, FLOW.source, FLOW.source + 8);
  out[FLOW.flags] = 0;
  const inside = l4 + L4_MINIMUM;
  const status = parsePacket(view, offset + inside, length - inside, out, true);
  if (status !== ok || out[FLOW.head] >>> 8 !== family) return icmpEmbedded;
  // no error is ever sent about an error
  if ((out[FLOW.flags] & FLOW_FLAG.icmpError) !== 0) return icmpEmbedded;
  reverseWords(out);
  out[FLOW.flags] = FLOW_FLAG.icmpError;
  out[FLOW.l4Offset] = l4;
  out[FLOW.payloadLength] = payload;
  return ok;
}

/** Exchanges source and destination of the CID words in place. */
export function reverseWords(words: Int32Array): void {
  for (let word = 0; word < 4; word++) {
    const source = words[FLOW.source + word];
    words[FLOW.source + word] = words[FLOW.destination + word];
    words[FLOW.destination + word] = source;
  }
  const ports = words[FLOW.ports];
  words[FLOW.ports] = (ports << 16) | (ports >>> 16);
}
