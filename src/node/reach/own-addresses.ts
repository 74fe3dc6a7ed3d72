import { type AddressBytes, formatAddress } from '../../base/ip-address.ts';
import { formatPath, type PathAddress } from '../../base/path-address.ts';
import type { Candidate } from '../../nat/candidate.ts';
import { CANDIDATES_MAX, UNSEEN_PUBLIC_MAX } from '../../nat/constants.ts';
import { type AddressPrefix, hostOf, isPrivate, type OwnPlace, outerFault } from '../../nat/outer-address.ts';

/** Where this node is in the underlay, as the shell finds it; its sockets' port belongs to it. */
export interface OwnAddresses {
  readonly port: number;
  /** one name for the network that it is in, '' while it is not known: with another one this node has moved */
  readonly network: string;
  /** addresses of its interfaces with their prefix lengths, without the overlay's */
  readonly interfaces: readonly AddressPrefix[];
  /** outer addresses that routers on the way gave it (PCP, NAT-PMP, UPnP) */
  readonly mapped: readonly PathAddress[];
}

export const NO_ADDRESSES: OwnAddresses = { port: 0, network: '', interfaces: [], mapped: [] };

/** Own addresses with the port of the main socket, but for those that mean nothing to others. */
export function localPaths({ port, interfaces }: OwnAddresses): PathAddress[] {
  if (port === 0) return [];
  const paths = interfaces.map(({ address }) => formatPath(address.length === 4 ? 4 : 6, address, port));
  return [...new Set(paths)].filter((path) => outerFault(path, NOWHERE) === undefined);
}

/**
 * The candidates that others are told: 8 at most, each kind with its share of them. Below a GEN those of the GEN, and for whoever
 * is below it, too, the own addresses behind them.
 */
export function ownCandidates(
  own: OwnAddresses,
  reflexive: readonly PathAddress[],
  above: readonly PathAddress[] = [],
): Candidate[] {
  if (above.length > 0)
    return [...new Set([...above, ...localPaths(own)])]
      .slice(0, CANDIDATES_MAX)
      .map((address) => ({ kind: 'host', address, seen: false }) as const);
  const hosts = [...localPaths(own)].sort((a, b) => rank(a, own) - rank(b, own));
  const outer = reflexive.filter((path) => !hosts.includes(path)).slice(0, 2);
  const mapped = own.mapped
    .filter((path) => !hosts.includes(path) && !outer.includes(path))
    .slice(0, UNSEEN_PUBLIC_MAX);
  const room = CANDIDATES_MAX - outer.length - mapped.length;
  return [
    ...hosts.slice(0, room).map((address) => ({ kind: 'host', address, seen: false }) as const),
    ...mapped.map((address) => ({ kind: 'mapped', address, seen: false }) as const),
    ...outer.map((address) => ({ kind: 'reflexive', address, seen: false }) as const),
  ];
}

/** The GEN above: where this node reaches it, and where others do. */
export interface Above {
  readonly gen: PathAddress;
  readonly place: readonly PathAddress[];
}

/** What path agents have to know of the own place. The GEN above is no own address, also where others reach it as this node does. */
export function placeOf(
  own: OwnAddresses,
  reflexive: readonly PathAddress[],
  overlay: readonly AddressPrefix[],
  above?: Above,
): OwnPlace {
  const local = localPaths(own);
  const outer = [...reflexive, ...own.mapped, ...(above?.place ?? [])].filter(
    (path) => !local.includes(path) && path !== above?.gen,
  );
  return { interfaces: own.interfaces, overlay, outer };
}

const NOWHERE: OwnPlace = { interfaces: [], overlay: [], outer: [] };

/** Public addresses before private ones; networks without others in them, as bridges of containers are, last. */
function rank(path: PathAddress, { interfaces }: OwnAddresses): number {
  const own = interfaces.find(({ address }) => hostOf(path) === textOf(address));
  if (!own) return 2;
  return isPrivate(own.address) ? 1 : 0;
}

function textOf(address: AddressBytes): string {
  return formatAddress(address);
}
