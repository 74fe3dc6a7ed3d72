import { formatAddress } from '../../base/ip-address.ts';
import { parsePath } from '../../base/path-address.ts';
import { formatPrefix, overlaps, type Prefix, parsePrefix } from '../../tun/prefix.ts';
import type { UsedRange } from '../../tun/route-choice.ts';
import type { KeySource } from '../key-source.ts';
import type { Reach } from '../reach/reach.ts';
import type { ServerDial } from '../server-dial.ts';

/*
 * What the inside of a closed GEN may reach outside (protocol.md 8.4): server, coordinators and relays, by address, protocol and
 * port, so that a member that is new there can enrol, and one that is known can register. The kernel forwards it, under the
 * address of the GEN.
 */

/** One address, protocol and port. */
export interface Service {
  readonly family: 4 | 6;
  readonly address: string;
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
}

/** Whose packets these are: of the networks behind the node, by the interfaces that lead to them. */
interface Inside {
  readonly own: readonly Prefix[];
  readonly inside: readonly string[];
}

/** New flows each second, of all of the inside together, and how many at once. */
const RATE = 'limit rate 50/second burst 200 packets';
/** Not the port of the node's own socket, whose mappings must not be taken. */
const PORTS = '49152-65535';

/** What the server that this node knows by its keys names; none without a server. */
export function servicesOf(source: KeySource, dial: ServerDial, reach: Reach): Service[] {
  if (source.kind === 'file') return [];
  const { servers, coordinators } = source.linked.places();
  const { relays, vantages } = reach.facts();
  const tcp = [...servers, ...coordinators.flatMap(({ tunnels }) => tunnels)].flatMap((place) => dial.addresses(place));
  const udp = [
    ...coordinators.flatMap(({ endpoints }) => endpoints),
    ...relays.map(({ address }) => address),
    ...vantages,
  ];
  const all = [
    ...tcp.map((place) => ({ ...place, protocol: 'tcp' }) as const),
    ...udp.map((path) => {
      const { family, address, port } = parsePath(path);
      return { family, address: formatAddress(address), port, protocol: 'udp' } as const;
    }),
  ];
  // in one order, so that the same places make the same rules
  const named = new Map(all.map((each) => [elementOf(each), each]));
  return [...named.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each);
}

/** Rules of a chain that forwards nothing else: from the inside out, and the answers. */
export function wayOutRules({ own, inside }: Inside, services: readonly Service[]): string[] {
  if (inside.length === 0) return [];
  const devices = inside.map((device) => `"${device}"`).join(', ');
  return eachKind(own, services, ({ ip, protocol, behind, places, hosts }) => {
    const out = `iifname { ${devices} } ${ip} saddr ${behind} ${ip} daddr . ${protocol} dport ${places}`;
    return [
      `${out} ct state established accept`,
      `${out} ct state new ${RATE} accept`,
      `${ip} daddr ${behind} ${ip} saddr . ${protocol} sport ${places} ct state established accept`,
      // ICMP errors about such a flow
      `ct state related ct original ${ip} saddr ${behind} ct original ${ip} daddr ${hosts} meta l4proto { icmp, icmpv6 } accept`,
    ];
  });
}

/** Rules of a chain that translates sources: what goes there leaves under the node's own address. */
export function wayOutSources(tun: string, own: readonly Prefix[], services: readonly Service[]): string[] {
  return eachKind(own, services, ({ ip, protocol, behind, places }) => [
    `oifname != "${tun}" ${ip} saddr ${behind} ${ip} daddr . ${protocol} dport ${places} masquerade to :${PORTS}`,
  ]);
}

/** Interfaces that lead to these: of the networks that they are in, and of everything else. */
export function waysTo(
  services: readonly Service[],
  used: readonly UsedRange[],
  outside: readonly string[],
): readonly string[] {
  const hosts = services.map(({ family, address }) => parsePrefix(`${address}/${family === 4 ? 32 : 128}`));
  const near = used.filter(({ prefix, connected }) => connected && hosts.some((host) => overlaps(prefix, host)));
  return [...new Set([...outside, ...near.map(({ by }) => by)])];
}

interface Kind {
  readonly ip: 'ip' | 'ip6';
  readonly protocol: Service['protocol'];
  /** as sets of nftables: networks, and addresses with ports */
  readonly behind: string;
  readonly places: string;
  readonly hosts: string;
}

function eachKind(own: readonly Prefix[], services: readonly Service[], rules: (kind: Kind) => string[]): string[] {
  const kinds = ([4, 6] as const).flatMap((version) => [
    { version, protocol: 'tcp' } as const,
    { version, protocol: 'udp' } as const,
  ]);
  return kinds.flatMap(({ version, protocol }) => {
    const ranges = own.filter(({ family }) => family === version).map(formatPrefix);
    const each = services.filter((one) => one.family === version && one.protocol === protocol);
    if (ranges.length === 0 || each.length === 0) return [];
    const set = (elements: readonly string[]) => `{ ${[...new Set(elements)].join(', ')} }`;
    const places = set(each.map(({ address, port }) => `${address} . ${port}`));
    const hosts = set(each.map(({ address }) => address));
    return rules({ ip: version === 4 ? 'ip' : 'ip6', protocol, behind: set(ranges), places, hosts });
  });
}

function elementOf({ address, protocol, port }: Service): string {
  return `${address} . ${protocol} . ${port}`;
}
