import type { PathAddress } from '../../base/path-address.ts';
import { formatPath } from '../../base/path-address.ts';
import { type AddressSources, hostAddresses } from '../host-addresses.ts';

/** Most endpoints that a node tells its server. */
const MOST = 16;

/** Where other nodes might reach this one: its addresses in the underlay, with the port of its socket. */
export function ownEndpoints(port: number, tun: string, sources?: AddressSources): readonly PathAddress[] {
  const found = hostAddresses(tun, sources).map(({ address }) =>
    formatPath(address.length === 4 ? 4 : 6, address, port),
  );
  return [...new Set(found)].sort().slice(0, MOST);
}
