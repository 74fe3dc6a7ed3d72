import { formatPath, type PathAddress } from '../base/path-address.ts';

/** A router's word that a datagram was too large, and what it quotes of that datagram. */
export interface QuotedTooBig {
  /** largest outer packet that passes there, as the router says */
  readonly mtu: number;
  readonly sourcePort: number;
  readonly to: PathAddress;
  /** the beginning of the UDP payload; a view of the bytes given */
  readonly payload: Uint8Array;
}

type Fault = 'short' | 'type' | 'no-udp' | 'no-mtu' | 'port';

const UDP = 17;
const UDP_HEADER = 8;
const IP4 = { header: 20, unreachable: 3, fragmentationNeeded: 4 } as const;
const IP6 = { header: 40, packetTooBig: 2 } as const;
const ICMP_HEADER = 8;

/** Reads ICMP with its IP header, as a raw socket gives it (RFC 792, 1191). Hostile bytes give a fault name. */
export function parseTooBig4(bytes: Uint8Array): QuotedTooBig | Fault {
  const at = ((bytes[0] ?? 0) & 15) * 4;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const inner = at + ICMP_HEADER;
  if (at < IP4.header || bytes.length < inner + IP4.header) return 'short';
  if (bytes[at] !== IP4.unreachable || bytes[at + 1] !== IP4.fragmentationNeeded) return 'type';
  const header = (bytes[inner] & 15) * 4;
  const isFirst = (view.getUint16(inner + 6) & 0x1fff) === 0;
  if (bytes[inner] >>> 4 !== 4 || header < IP4.header || bytes[inner + 9] !== UDP || !isFirst) return 'no-udp';
  return quoted(bytes, inner + header, view.getUint16(at + 6), 4, bytes.slice(inner + 16, inner + 20));
}

/** Reads ICMPv6 without its IP header, as a raw socket gives it (RFC 4443 3.2). Hostile bytes give a fault name. */
export function parseTooBig6(bytes: Uint8Array): QuotedTooBig | Fault {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < ICMP_HEADER + IP6.header) return 'short';
  if (bytes[0] !== IP6.packetTooBig) return 'type';
  // datagrams of this node have no extension headers
  if (bytes[ICMP_HEADER] >>> 4 !== 6 || bytes[ICMP_HEADER + 6] !== UDP) return 'no-udp';
  const to = bytes.slice(ICMP_HEADER + 24, ICMP_HEADER + 40);
  return quoted(bytes, ICMP_HEADER + IP6.header, view.getUint32(4), 6, to);
}

function quoted(bytes: Uint8Array, udp: number, mtu: number, family: 4 | 6, to: Uint8Array): QuotedTooBig | Fault {
  if (bytes.length < udp + UDP_HEADER) return 'short';
  // routers older than RFC 1191 name none
  if (mtu === 0) return 'no-mtu';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const port = view.getUint16(udp + 2);
  if (port === 0) return 'port';
  return {
    mtu,
    sourcePort: view.getUint16(udp),
    to: formatPath(family, to, port),
    payload: bytes.subarray(udp + UDP_HEADER),
  };
}
