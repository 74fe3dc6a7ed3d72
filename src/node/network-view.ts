import { compareBytes } from '../base/bytes.ts';
import { type AddressBytes, formatAddress, parseAddress } from '../base/ip-address.ts';
import { formatPath, type PathAddress } from '../base/path-address.ts';
import { outerFault } from '../nat/outer-address.ts';
import type { MapperPlace } from '../nat/port-mapper.ts';
import { ipJson } from '../tun/ip-command.ts';
import { type HostAddress, hostAddresses } from './host-addresses.ts';

/** How datagrams to the Internet leave this machine, as the kernel's routes say. */
export interface WayOut {
  readonly device: string;
  /** undefined: everything is reached without a gateway */
  readonly gateway: AddressBytes | undefined;
  readonly source: AddressBytes | undefined;
}

/** What of this machine's networks concerns outer datagrams. */
export interface NetworkView {
  readonly addresses: readonly HostAddress[];
  /** undefined: no route of this family leads out, other than through the overlay */
  readonly out4: WayOut | undefined;
  readonly out6: WayOut | undefined;
}

/** Where nodes listen unless they are told otherwise. */
const NODE_PORT = 47_247;

/** Addresses on the Internet (of a root server); the routes are asked about them, nothing is sent there. */
const OUTSIDE = { 4: '198.41.0.4', 6: '2001:503:ba3e::2:30' } as const;

export const NO_NETWORK: NetworkView = { addresses: [], out4: undefined, out6: undefined };

/** What is there now. `tun` is the overlay's own interface. */
export async function readNetwork(tun: string): Promise<NetworkView> {
  const ways = await Promise.all([wayOut(4, tun), wayOut(6, tun)]);
  const addresses = hostAddresses(tun);
  // a route stays when its device loses the carrier; its source is none of the usable addresses then
  const [out4, out6] = ways.map((way) => (way && hasSource(addresses, way) ? way : undefined));
  return { addresses, out4, out6 };
}

function hasSource(addresses: readonly HostAddress[], { source }: WayOut): boolean {
  return source !== undefined && addresses.some(({ address }) => compareBytes(address, source) === 0);
}

/** One name for all that counts: two views with the same name are the same network. */
export function viewName({ addresses, out4, out6 }: NetworkView): string {
  const hosts = addresses.map(({ device, address, length }) => `${device} ${formatAddress(address)}/${length}`);
  return [...hosts.sort(), wayName(out4), wayName(out6)].join('\n');
}

/**
 * One name for the network that datagrams leave by; without a way out for the addresses. An address more, as of a bridge
 * for containers, does not make another network.
 */
export function networkName(view: NetworkView): string {
  return view.out4 || view.out6 ? `${wayName(view.out4)}, ${wayName(view.out6)}` : viewName(view);
}

/** Own addresses, those first that datagrams leave from by themselves: where there are too many, the last ones are not told. */
export function bestFirst({ addresses, out4, out6 }: NetworkView): HostAddress[] {
  const rank = ({ device, address }: HostAddress): number => {
    const way = address.length === 4 ? out4 : out6;
    if (way?.source && compareBytes(way.source, address) === 0) return 0;
    return way?.device === device ? 1 : 2;
  };
  return addresses.toSorted((a, b) => rank(a) - rank(b));
}

/** Where a mapping of this port may be asked for: at the gateway of the way out by IPv4. */
export function mapperPlace({ out4 }: NetworkView, port: number): MapperPlace | undefined {
  if (!out4?.gateway || !out4.source) return undefined;
  return { router: out4.gateway, client: out4.source, port };
}

/**
 * Where a GEN may listen: the gateways of the ways out, at the port that every node has unless it is told another. None that
 * is known by a link-local address, as routers of IPv6 are: it means nothing without the name of a link.
 */
export function gatewaysOf({ out4, out6 }: NetworkView): PathAddress[] {
  const place = { interfaces: [], overlay: [], outer: [] };
  return [out4, out6]
    .flatMap((way) => (way?.gateway ? [formatPath(way.gateway.length === 4 ? 4 : 6, way.gateway, NODE_PORT)] : []))
    .filter((path) => outerFault(path, place) === undefined);
}

/** What `ip -j route get` printed for one destination. */
export function parseWayOut(rows: readonly Readonly<Record<string, unknown>>[], tun: string): WayOut | undefined {
  for (const { dev, gateway, prefsrc } of rows)
    if (typeof dev === 'string' && dev !== tun && dev !== 'lo')
      return { device: dev, gateway: addressIn(gateway), source: addressIn(prefsrc) };
  return undefined;
}

async function wayOut(family: 4 | 6, tun: string): Promise<WayOut | undefined> {
  try {
    return parseWayOut(await ipJson([`-${family}`, 'route', 'get', OUTSIDE[family]]), tun);
  } catch {
    return undefined; // no route
  }
}

function addressIn(value: unknown): AddressBytes | undefined {
  return typeof value === 'string' ? (parseAddress(value) ?? undefined) : undefined;
}

function wayName(way: WayOut | undefined): string {
  if (!way) return 'none';
  const [gateway, source] = [way.gateway, way.source].map((bytes) => (bytes ? formatAddress(bytes) : '-'));
  return `${way.device} ${gateway} ${source}`;
}
