import type { NodeId } from '../../base/brands.ts';
import { toHex } from '../../base/bytes.ts';
import { isIpv4 } from '../../crypto/address-prefix.ts';
import type { Prefix } from '../../tun/prefix.ts';
import { hostLabel, networkDomain } from './label.ts';
import { reverseZones } from './reverse-name.ts';

/** What a name is made from. */
export interface NamedMember {
  readonly id: NodeId;
  readonly name: string;
  /** overlay addresses as text */
  readonly addresses: readonly string[];
  /** the same, 16 bytes each */
  readonly vips: readonly Uint8Array[];
}

/** A member without a host name, and why. */
export interface Unnamed {
  readonly name: string;
  readonly why: 'no-label' | 'reserved' | 'twice';
}

/** One member's host name and its addresses of 4 or 16 bytes, IPv4 first. */
export interface HostName {
  readonly label: string;
  readonly addresses: readonly Uint8Array[];
}

/** The names of one network as this node knows its members: what is asked of it, and what is written for the machine. */
export class NameTable {
  /** "home.gscip" */
  readonly domain: string;
  readonly pool: readonly Prefix[];
  readonly hosts: readonly HostName[];
  readonly unnamed: readonly Unnamed[];
  /** reverse zones of the network's ranges: what is asked below them is for this node to answer */
  readonly zones: readonly string[];
  readonly #byLabel: ReadonlyMap<string, HostName>;
  readonly #byAddress: ReadonlyMap<string, HostName>;

  /** `members`: this node first, which keeps its name whatever others claim. */
  constructor(network: string, pool: readonly Prefix[], members: readonly NamedMember[]) {
    this.domain = networkDomain(network);
    this.pool = pool;
    const { hosts, unnamed } = nameAll(members);
    this.hosts = hosts;
    this.unnamed = unnamed;
    this.zones = pool.flatMap(reverseZones);
    this.#byLabel = new Map(hosts.map((host) => [host.label, host]));
    this.#byAddress = new Map(hosts.flatMap((host) => host.addresses.map((each) => [toHex(each), host])));
  }

  /** Without the domain. */
  find(label: string): HostName | undefined {
    return this.#byLabel.get(label);
  }

  /** The whole name of an address of 16 bytes. */
  nameAt(address: Uint8Array): string | undefined {
    const host = this.#byAddress.get(toHex(shortened(address)));
    return host && this.fullName(host);
  }

  fullName({ label }: HostName): string {
    return `${label}.${this.domain}`;
  }
}

/** A name that two others have would lead to one of them by chance, so it leads nowhere. */
function nameAll(members: readonly NamedMember[]): { hosts: HostName[]; unnamed: Unnamed[] } {
  const unnamed: Unnamed[] = [];
  const byLabel = new Map<string, NamedMember[]>();
  for (const member of members) {
    const found = hostLabel(member.name);
    if (typeof found === 'string') unnamed.push({ name: member.name, why: found });
    else byLabel.set(found.label, [...(byLabel.get(found.label) ?? []), member]);
  }
  const self = members[0]?.id;
  const hosts: HostName[] = [];
  for (const [label, claims] of byLabel) {
    const owner = claims.length === 1 ? claims[0] : claims.find(({ id }) => id === self);
    for (const claim of claims) if (claim !== owner) unnamed.push({ name: claim.name, why: 'twice' });
    if (owner) hosts.push({ label, addresses: owner.vips.map(shortened).sort((a, b) => a.length - b.length) });
  }
  return { hosts, unnamed };
}

function shortened(vip: Uint8Array): Uint8Array {
  return isIpv4(vip) ? vip.subarray(12) : vip;
}
