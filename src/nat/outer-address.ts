import { compareBytes, isZero } from '../base/bytes.ts';
import { type AddressBytes, formatAddress } from '../base/ip-address.ts';
import { type PathAddress, parsePath } from '../base/path-address.ts';
import { isTunnelAddress } from './tunnel-address.ts';

/** An address and how many of its first bits name the network. */
export interface AddressPrefix {
  readonly address: AddressBytes;
  readonly length: number;
}

/** Why an address may be neither source nor destination of outer datagrams (protocol.md 6.1, 6.4). */
export type OuterFault =
  | 'port'
  | 'unspecified'
  | 'loopback'
  | 'link-local'
  | 'multicast'
  | 'broadcast'
  | 'reserved'
  | 'mapped-address'
  | 'overlay'
  | 'own-address';

/** What this node knows of its own place; changes with its addresses and rosters. */
export interface OwnPlace {
  /** addresses of its interfaces, without the overlay's */
  readonly interfaces: readonly AddressPrefix[];
  /** pools and prefixes that are reached through the overlay */
  readonly overlay: readonly AddressPrefix[];
  /** its own outer addresses as others see them */
  readonly outer: readonly PathAddress[];
}

/** Undefined when datagrams may go to, or come from, this address (protocol.md N2). */
export function outerFault(path: PathAddress, place: OwnPlace): OuterFault | undefined {
  const { family, address, port } = parsePath(path);
  if (port === 0) return 'port';
  const fault = family === 4 ? ipv4Fault(address) : ipv6Fault(address);
  if (fault) return fault;
  if (place.overlay.some((prefix) => covers(prefix, address))) return 'overlay';
  if (place.outer.includes(path)) return 'own-address';
  for (const own of place.interfaces) {
    if (own.address.length !== address.length) continue;
    if (compareBytes(own.address, address) === 0) return 'own-address';
    if (family === 4 && own.length < 31 && isNetworkBroadcast(own, address)) return 'broadcast';
  }
  return undefined;
}

function ipv4Fault([a, b, c, d]: AddressBytes): OuterFault | undefined {
  if (a === 0) return 'unspecified';
  if (a === 127) return 'loopback';
  if (a === 169 && b === 254) return 'link-local';
  if (a >= 224 && a < 240) return 'multicast';
  if ((a & b & c & d) === 255) return 'broadcast';
  return a >= 240 ? 'reserved' : undefined;
}

function ipv6Fault(address: AddressBytes): OuterFault | undefined {
  if (address[0] === 0xff) return 'multicast';
  if (address[0] === 0xfe && (address[1] & 0xc0) === 0x80) return 'link-local';
  if (isTunnelAddress(address)) return 'reserved';
  if (!isZero(address, 0, 10)) return undefined;
  if (isZero(address)) return 'unspecified';
  if (isZero(address, 0, 15) && address[15] === 1) return 'loopback';
  // an IPv4 address in another writing would pass by the rules above; so would the rest of ::/80
  return address[10] === 0xff && address[11] === 0xff ? 'mapped-address' : 'reserved';
}

/** Does the prefix hold the address? Never across families. */
export function covers({ address: network, length }: AddressPrefix, address: AddressBytes): boolean {
  if (network.length !== address.length) return false;
  const whole = length >> 3;
  for (let i = 0; i < whole; i++) if (network[i] !== address[i]) return false;
  const rest = length & 7;
  return rest === 0 || (network[whole] ^ address[whole]) >>> (8 - rest) === 0;
}

function isNetworkBroadcast(own: AddressPrefix, address: AddressBytes): boolean {
  if (!covers(own, address)) return false;
  for (let bit = own.length; bit < 32; bit++) if (!(address[bit >> 3] & (0x80 >> (bit & 7)))) return false;
  return true;
}

/** Only of use inside one site: RFC 1918, the shared space of carriers (RFC 6598), unique local IPv6. */
export function isPrivate(address: AddressBytes): boolean {
  const [a, b] = address;
  if (address.length === 16) return (a & 0xfe) === 0xfc;
  return a === 10 || (a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168) || (a === 100 && b >= 64 && b < 128);
}

/** The address of a path without its port, in one spelling. */
export function hostOf(path: PathAddress): string {
  return formatAddress(parsePath(path).address);
}
