import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { parseAddress } from '../../base/ip-address.ts';
import { formatPath, type PathAddress } from '../../base/path-address.ts';

/** Most endpoints that a node tells its server. */
const MOST = 16;

/** Where other nodes might reach this one: its addresses in the underlay, with the port of its socket. */
export function ownEndpoints(port: number, tun: string, interfaces = networkInterfaces()): readonly PathAddress[] {
  const found = Object.entries(interfaces)
    .filter(([name]) => name !== tun)
    .flatMap(([, addresses = []]) => addresses)
    .flatMap((info) => endpointOf(info, port));
  return [...new Set(found)].sort().slice(0, MOST);
}

function endpointOf({ address, internal }: NetworkInterfaceInfo, port: number): PathAddress[] {
  const bytes = parseAddress(address.split('%')[0]);
  if (internal || !bytes || isLinkLocal(bytes)) return [];
  return [formatPath(bytes.length === 4 ? 4 : 6, bytes, port)];
}

/** Such an address means nothing without the name of a link. */
function isLinkLocal(bytes: Uint8Array): boolean {
  return bytes.length === 4 ? bytes[0] === 169 && bytes[1] === 254 : bytes[0] === 0xfe && (bytes[1] & 0xc0) === 0x80;
}
