import type { PathAddress } from '../../base/path-address.ts';
import { formatPath } from '../../base/path-address.ts';
import { overlaps, type Prefix } from '../../tun/prefix.ts';
import { type AddressSources, hostAddresses } from '../host-addresses.ts';

/** Most endpoints that a node tells its server. */
const MOST = 16;

/**
 * Where other nodes might reach this one: its addresses in the underlay, with the port of its socket. Of a GEN none in the
 * networks behind it: others reach those through the overlay, and an endpoint in there would keep them from it.
 */
export function ownEndpoints(
  port: number,
  tun: string,
  behind: readonly Prefix[] = [],
  sources?: AddressSources,
): readonly PathAddress[] {
  const found = hostAddresses(tun, sources)
    .map(({ address }): Prefix => ({ family: address.length === 4 ? 4 : 6, address, length: 8 * address.length }))
    .filter((own) => !behind.some((network) => overlaps(network, own)))
    .map(({ family, address }) => formatPath(family, address, port));
  return [...new Set(found)].sort().slice(0, MOST);
}
