import { MOST_ENDPOINTS } from '../../api/channel/fields.ts';
import type { NodeEndpoints } from '../../api/channel/node-message.ts';
import { isZero } from '../../base/bytes.ts';
import { formatPath, type PathAddress, parsePath } from '../../base/path-address.ts';

/**
 * Where peers are told that a node is: where the server sees it with the port that it listens at, then what it says itself.
 * Addresses that mean another machine at every peer are left out, so that no node can make others send there.
 */
export function endpointsOf(own: NodeEndpoints, seen: Uint8Array | undefined): readonly PathAddress[] {
  const family = seen?.length === 4 ? 4 : 6;
  const observed = seen && own.udpPort !== 0 ? [formatPath(family, seen, own.udpPort)] : [];
  const all = new Set([...observed, ...own.endpoints].filter(mayBeTold));
  return [...all].slice(0, MOST_ENDPOINTS);
}

function mayBeTold(path: PathAddress): boolean {
  const { address } = parsePath(path);
  return address.length === 4 ? mayBeTold4(address) : mayBeTold6(address);
}

/** Not this network (0/8), loopback, link-local, multicast, reserved or broadcast. */
function mayBeTold4([first, second]: Uint8Array): boolean {
  return first !== 0 && first !== 127 && first < 224 && !(first === 169 && second === 254);
}

/** Not unspecified, loopback, IPv4 in disguise, link-local or multicast. */
function mayBeTold6(address: Uint8Array): boolean {
  if (isZero(address, 0, 10)) return false;
  return address[0] !== 0xff && !(address[0] === 0xfe && (address[1] & 0xc0) === 0x80);
}
