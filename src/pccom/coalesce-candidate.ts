import type { InnerHeader } from './inner-header.ts';
import { IPV4, IPV6, TCP, UDP } from './inner-wire.ts';

const PLAIN_FLAGS = TCP.ack | TCP.push;

/** Whether a packet may be part of a super-packet at all (protocol.md 5.5); the rest is between it and the group. */
export function isCandidate(view: DataView, at: number, length: number, inner: InnerHeader, partial: boolean): boolean {
  if (!inner.whole || !inner.plain || length === inner.headerLength) return false;
  if (inner.version === 4 && (view.getUint16(at + IPV4.fragment) & IPV4.reserved) !== 0) return false;
  const l4 = at + inner.l4Offset;
  if (inner.protocol === UDP.protocol) return partial || view.getUint16(l4 + UDP.checksum) !== 0;
  const onlyOffset = (view.getUint8(l4 + TCP.dataOffset) & 0x0f) === 0;
  const flags = view.getUint8(l4 + TCP.flags);
  return onlyOffset && (flags & TCP.ack) !== 0 && (flags & ~PLAIN_FLAGS) === 0;
}

/**
 * Whether two candidates of one version and protocol have equal header bytes but for what differs from segment to segment:
 * IPv4 total length, id and checksum; IPv6 payload length; TCP sequence, PSH and checksum; UDP length and checksum.
 */
export function sameHeaders(a: DataView, atA: number, b: DataView, atB: number, inner: InnerHeader): boolean {
  const ip = inner.version === 4 ? sameIpv4(a, atA, b, atB) : sameIpv6(a, atA, b, atB);
  if (!ip) return false;
  const l4A = atA + inner.l4Offset;
  const l4B = atB + inner.l4Offset;
  return inner.protocol === TCP.protocol
    ? sameTcp(a, l4A, b, l4B, inner.l4Header)
    : sameWords(a, l4A, b, l4B, UDP.length);
}

function sameIpv4(a: DataView, atA: number, b: DataView, atB: number): boolean {
  return (
    sameWords(a, atA, b, atB, IPV4.totalLength) &&
    sameWords(a, atA + IPV4.fragment, b, atB + IPV4.fragment, IPV4.checksum - IPV4.fragment) &&
    sameWords(a, atA + IPV4.addresses, b, atB + IPV4.addresses, IPV4.addressBytes)
  );
}

function sameIpv6(a: DataView, atA: number, b: DataView, atB: number): boolean {
  const behind = IPV6.payloadLength + 2;
  return (
    sameWords(a, atA, b, atB, IPV6.payloadLength) && sameWords(a, atA + behind, b, atB + behind, IPV6.size - behind)
  );
}

/** Flags were compared by `isCandidate`: nothing but ACK and PSH is left. */
function sameTcp(a: DataView, atA: number, b: DataView, atB: number, header: number): boolean {
  const ack = TCP.sequence + 4;
  const behind = TCP.flags + 1;
  const urgent = TCP.checksum + 2;
  return (
    sameWords(a, atA, b, atB, TCP.sequence) &&
    sameWords(a, atA + ack, b, atB + ack, TCP.dataOffset - ack) &&
    a.getUint8(atA + TCP.dataOffset) === b.getUint8(atB + TCP.dataOffset) &&
    sameWords(a, atA + behind, b, atB + behind, TCP.checksum - behind) &&
    sameWords(a, atA + urgent, b, atB + urgent, header - urgent)
  );
}

/** Compares an even number of bytes. */
function sameWords(a: DataView, atA: number, b: DataView, atB: number, length: number): boolean {
  for (let i = 0; i < length; i += 2) if (a.getUint16(atA + i) !== b.getUint16(atB + i)) return false;
  return true;
}
