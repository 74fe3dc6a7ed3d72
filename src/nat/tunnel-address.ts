import { formatPath, type PathAddress, parsePath } from '../base/path-address.ts';

/*
 * Where a node seems to be that speaks through a tunnel over TCP (protocol.md 6.8). The server gives each tunnel an address
 * that no packet ever has: in 100::/64, to which routers send nothing (RFC 6666).
 *
 *   0100 0000 0000 0000 | source 6 | number, high half 2 : port = number, low half
 *
 * The source stands for the network that the TCP connection came from, so that limits per source count there, too.
 */

/** What the addresses of all tunnels begin with. */
export const TUNNEL_PREFIX = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);
const PREFIX_BYTES = TUNNEL_PREFIX.length;
export const TUNNEL_SOURCE_BYTES = 6;
/** Bytes of an address that tunnels of one source have in common. */
export const TUNNEL_COMMON_BYTES = PREFIX_BYTES + TUNNEL_SOURCE_BYTES;

/** The address of a tunnel; `number` from 1, its low half not 0. */
export function tunnelPath(source: Uint8Array, number: number): PathAddress {
  const address = new Uint8Array(16);
  address.set(TUNNEL_PREFIX);
  address.set(source.subarray(0, TUNNEL_SOURCE_BYTES), PREFIX_BYTES);
  address[14] = (number >>> 24) & 0xff;
  address[15] = (number >>> 16) & 0xff;
  return formatPath(6, address, number & 0xffff);
}

export function isTunnelAddress(address: Uint8Array): boolean {
  return address.length === 16 && TUNNEL_PREFIX.every((byte, at) => byte === address[at]);
}

export function isTunnelPath(path: PathAddress): boolean {
  return path.startsWith('[100:') && isTunnelAddress(parsePath(path).address);
}
