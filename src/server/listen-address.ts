import { networkInterfaces } from 'node:os';
import { padAddress, parseAddress } from '../base/ip-address.ts';
import type { ListenAddress } from '../base/listen-address.ts';
import { type AddressPrefix, prefixCovers } from '../crypto/address-prefix.ts';

/** All addresses of this machine, the port of GSCIP. */
export const DEFAULT_LISTEN = ':47247';
const MOST_ADDRESSES = 4;

/**
 * What join tokens name unless told: the address that is listened on, or those of this machine that others may reach.
 * `overlay`: the network's own ranges, which a node on this machine has addresses of, and newcomers do not reach.
 */
export function reachableAt(
  { host }: ListenAddress,
  port: number,
  overlay: readonly AddressPrefix[],
  interfaces = networkInterfaces(),
): readonly string[] {
  const hosts = host === undefined ? machineAddresses(overlay, interfaces) : [host];
  return hosts.map((each) => (each.includes(':') ? `[${each}]:${port}` : `${each}:${port}`));
}

/** IPv4 first; none that only this link understands. */
function machineAddresses(
  overlay: readonly AddressPrefix[],
  interfaces: ReturnType<typeof networkInterfaces>,
): readonly string[] {
  const all = Object.values(interfaces).flatMap((each) => each ?? []);
  const isOwn = (text: string) => {
    const address = parseAddress(text);
    return address !== null && overlay.some((range) => prefixCovers(range, padAddress(address)));
  };
  const usable = all.filter(
    ({ internal, address }) => !internal && !/^(fe80|169\.254)/i.test(address) && !isOwn(address),
  );
  const sorted = [
    ...usable.filter(({ family }) => family === 'IPv4'),
    ...usable.filter(({ family }) => family === 'IPv6'),
  ];
  const found = sorted.map(({ address }) => address);
  return (found.length === 0 ? ['127.0.0.1'] : found).slice(0, MOST_ADDRESSES);
}
