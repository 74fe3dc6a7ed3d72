import { formatAddress } from '../../base/ip-address.ts';
import { type PathAddress, parsePath } from '../../base/path-address.ts';
import { type AddressPrefix, isPrivate, type OuterFault, outerFault } from '../../nat/outer-address.ts';
import { isTunnelAddress, TUNNEL_COMMON_BYTES } from '../../nat/tunnel-address.ts';

/** Where a coordinator or relay stands, and whom it may therefore answer. */
export interface ServedPlace {
  /** pools and prefixes inside the overlay */
  readonly overlay: readonly AddressPrefix[];
  /** its own sockets and those of other relays: nothing comes from there and nothing goes there */
  readonly sockets: readonly PathAddress[];
  /** private addresses are served where the server has one itself, loopback only where it listens on nothing else */
  readonly allowPrivate: boolean;
  readonly allowLoopback: boolean;
}

export type SourceFault = OuterFault | 'private';

/** Why nothing is taken from, or sent to, an address (protocol.md 6.4, 7); undefined when it may be. */
export function sourceFault(path: PathAddress, place: ServedPlace): SourceFault | undefined {
  const { overlay, sockets, allowPrivate, allowLoopback } = place;
  if (sockets.includes(path)) return 'own-address';
  const fault = outerFault(path, { interfaces: [], overlay, outer: [] });
  if (fault === 'loopback' && allowLoopback) return undefined;
  if (fault !== undefined) return fault;
  return !allowPrivate && isPrivate(parsePath(path).address) ? 'private' : undefined;
}

/** Whom the limits for unknown senders are counted by: an IPv4 address, the /64 of an IPv6 address, or a tunnel's source. */
export function sourceName(path: PathAddress): string {
  const { address } = parsePath(path);
  if (address.length === 4) return formatAddress(address);
  return formatAddress(Uint8Array.from(address).fill(0, isTunnelAddress(address) ? TUNNEL_COMMON_BYTES : 8));
}
