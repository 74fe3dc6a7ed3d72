import type { Lab, LinkEnd } from '../../../src/cli/lab/lab.ts';
import type { Namespace } from '../../../src/cli/lab/namespace.ts';
import { blockUdp, NAT_BEHAVIOURS, type NatBehaviour, natBox } from '../../../src/cli/lab/nat-box.ts';
import { SlowLink, type WireQuality } from './slow-link.ts';

/** Where a node may stand; the names are those of the table in protocol.md 6.7. */
export const PLACES = [
  'open',
  'full cone',
  'address-restricted',
  'port-restricted',
  'symmetric',
  'double NAT',
  'symmetric carrier',
  'UDP blocked',
  'IPv6 only',
] as const;
export type Place = (typeof PLACES)[number];

/** One machine somewhere on the lab's Internet. */
export interface Site {
  readonly place: string;
  readonly host: Namespace;
  /** the host's own address */
  readonly address: string;
  /** what the Internet sees it as; its own without a NAT */
  readonly outer: string;
  /** the NAT that it stands behind; of two the inner one */
  readonly router: Namespace | undefined;
  /** where it is joined to the Internet, when that is a slow wire: end `a` is the Internet's */
  readonly wire: SlowLink | undefined;
}

/** The two addresses of the server, and the one of its IPv6. */
export const SERVER = { first: '198.51.100.1', second: '198.51.100.2', six: '2001:db8:ffff::1' } as const;

/**
 * An Internet of one router, with a dual-stack server, and sites that are added one by one:
 *
 *   server 198.51.100.1, .2 ---- internet ---- [wan 203.0.N.1] nat [lan 192.168.N.1] ---- host 192.168.N.10
 *                                   ├────────── open host 203.0.N.1
 *                                   ├────────── IPv6 host 2001:db8:N::1
 *                                   └────────── [wan 203.0.N.1] carrier [lan 100.100.N.1] ---- [wan 100.100.N.2] home nat ---- host
 */
export class NatWorld {
  readonly lab: Lab;
  readonly internet: Namespace;
  readonly server: Namespace;
  /** between the Internet (a) and the server (b), when it was asked for */
  readonly serverWire: SlowLink | undefined;

  private constructor(lab: Lab, internet: Namespace, server: Namespace, wire: SlowLink | undefined) {
    this.lab = lab;
    this.internet = internet;
    this.server = server;
    this.serverWire = wire;
  }

  static async lay(lab: Lab, quality?: WireQuality): Promise<NatWorld> {
    const internet = lab.router('internet');
    const server = lab.namespace('server');
    const near = { namespace: internet, device: 'servers', addresses: ['198.51.100.254/24', '2001:db8:ffff::fe/64'] };
    const addresses = [`${SERVER.first}/24`, `${SERVER.second}/24`, `${SERVER.six}/64`];
    const wire = await join(lab, near, { namespace: server, device: 'eth0', addresses }, quality);
    server.route('default', '198.51.100.254');
    server.route('default', '2001:db8:ffff::fe');
    return new NatWorld(lab, internet, server, wire);
  }

  /** A host in a place of its own; `number` from 1 to 250 but not 113, which is reserved, names its addresses. */
  async site(place: Place, number: number, quality?: WireQuality): Promise<Site> {
    if (place === 'open') return this.#open(number, quality);
    if (place === 'IPv6 only') return this.#six(number, quality);
    if (place === 'UDP blocked') {
      const site = await this.behind(NAT_BEHAVIOURS['port-restricted'], number, quality);
      if (site.router) blockUdp(site.router);
      return { ...site, place };
    }
    if (place === 'double NAT' || place === 'symmetric carrier') return this.#carried(place, number, quality);
    return { ...(await this.behind(NAT_BEHAVIOURS[place], number, quality)), place };
  }

  /** A host behind one NAT. */
  async behind(behaviour: NatBehaviour, number: number, quality?: WireQuality): Promise<Site> {
    const router = this.lab.router(`nat${number}`);
    const wire = await this.#edge(router, 'wan', number, quality);
    natBox(router, outerOf(number), behaviour);
    return { place: 'NAT', ...this.#home(router, number, number), outer: outerOf(number), router, wire };
  }

  /** Hosts on one LAN behind one NAT; two LANs of the same number have the same addresses. */
  neighbours(behaviour: NatBehaviour, number: number, hosts: number, net = number): readonly Site[] {
    const router = this.lab.router(`nat${number}`);
    this.#edgeNow(router, 'wan', number);
    natBox(router, outerOf(number), behaviour);
    const machines = Array.from({ length: hosts }, (_, at) => this.lab.namespace(`host${number}-${at}`));
    const ends = machines.map((namespace, at) => ({
      namespace,
      device: 'eth0',
      addresses: [`192.168.${net}.${10 + at}/24`],
    }));
    const lan = { namespace: router, device: 'lan', addresses: [`192.168.${net}.1/24`] };
    this.lab.bridge(`lan${number}`, [lan, ...ends]);
    return machines.map((host, at) => {
      host.route('default', `192.168.${net}.1`);
      const address = `192.168.${net}.${10 + at}`;
      return { place: 'LAN', host, address, outer: outerOf(number), router, wire: undefined };
    });
  }

  /** Homes with a NAT each behind one NAT of a carrier. */
  homes(carrier: NatBehaviour, home: NatBehaviour, number: number, homes: number): readonly Site[] {
    const outer = this.lab.router(`carrier${number}`);
    this.#edgeNow(outer, 'wan', number);
    natBox(outer, outerOf(number), carrier);
    const routers = Array.from({ length: homes }, (_, at) => this.lab.router(`home${number}-${at}`));
    const ends = routers.map((namespace, at) => ({
      namespace,
      device: 'wan',
      addresses: [`100.100.${number}.${2 + at}/24`],
    }));
    const lan = { namespace: outer, device: 'lan', addresses: [`100.100.${number}.1/24`] };
    this.lab.bridge(`access${number}`, [lan, ...ends]);
    return routers.map((router, at) => {
      router.route('default', `100.100.${number}.1`);
      natBox(router, `100.100.${number}.${2 + at}`, home);
      const side = this.#home(router, number + at, `${number}-${at}`);
      return { place: 'home', ...side, outer: outerOf(number), router, wire: undefined };
    });
  }

  async #open(number: number, quality: WireQuality | undefined): Promise<Site> {
    const host = this.lab.namespace(`host${number}`);
    const wire = await this.#edge(host, 'eth0', number, quality);
    return { place: 'open', host, address: outerOf(number), outer: outerOf(number), router: undefined, wire };
  }

  async #six(number: number, quality: WireQuality | undefined): Promise<Site> {
    const host = this.lab.namespace(`host${number}`);
    const address = `2001:db8:${number}::1`;
    const near = { namespace: this.internet, device: `site${number}`, addresses: [`2001:db8:${number}::fe/64`] };
    const far = { namespace: host, device: 'eth0', addresses: [`${address}/64`] };
    const wire = await join(this.lab, near, far, quality);
    host.route('default', `2001:db8:${number}::fe`);
    return { place: 'IPv6 only', host, address, outer: address, router: undefined, wire };
  }

  /** Behind two NATs: what the outer one filters and maps is what the Internet meets. */
  async #carried(place: 'double NAT' | 'symmetric carrier', number: number, quality?: WireQuality): Promise<Site> {
    const carrier = this.lab.router(`carrier${number}`);
    const router = this.lab.router(`nat${number}`);
    const wire = await this.#edge(carrier, 'wan', number, quality);
    const access = [`100.100.${number}.1`, `100.100.${number}.2`] as const;
    this.lab.link(
      { namespace: carrier, device: 'lan', addresses: [`${access[0]}/24`] },
      { namespace: router, device: 'wan', addresses: [`${access[1]}/24`] },
    );
    router.route('default', access[0]);
    const [outer, inner] = place === 'double NAT' ? DOUBLE : SYMMETRIC_CARRIER;
    natBox(carrier, outerOf(number), NAT_BEHAVIOURS[outer]);
    natBox(router, access[1], NAT_BEHAVIOURS[inner]);
    return { place, ...this.#home(router, number, number), outer: outerOf(number), router, wire };
  }

  #home(router: Namespace, net: number, label: number | string): Pick<Site, 'host' | 'address'> {
    const host = this.lab.namespace(`host${label}`);
    const address = `192.168.${net}.10`;
    this.lab.link(
      { namespace: router, device: 'lan', addresses: [`192.168.${net}.1/24`] },
      { namespace: host, device: 'eth0', addresses: [`${address}/24`] },
    );
    host.route('default', `192.168.${net}.1`);
    return { host, address };
  }

  async #edge(edge: Namespace, device: string, number: number, quality?: WireQuality): Promise<SlowLink | undefined> {
    if (quality === undefined) return this.#edgeNow(edge, device, number);
    const wire = await join(this.lab, this.#near(number), far(edge, device, number), quality);
    edge.route('default', `203.0.${number}.254`);
    return wire;
  }

  #edgeNow(edge: Namespace, device: string, number: number): undefined {
    this.lab.link(this.#near(number), far(edge, device, number));
    edge.route('default', `203.0.${number}.254`);
  }

  #near(number: number): LinkEnd {
    return { namespace: this.internet, device: `site${number}`, addresses: [`203.0.${number}.254/24`] };
  }
}

/** Of the carrier, then at home. */
const DOUBLE = ['port-restricted', 'port-restricted'] as const;
const SYMMETRIC_CARRIER = ['symmetric', 'full cone'] as const;

function far(namespace: Namespace, device: string, number: number): LinkEnd {
  return { namespace, device, addresses: [`${outerOf(number)}/24`] };
}

function outerOf(number: number): string {
  return `203.0.${number}.1`;
}

async function join(lab: Lab, a: LinkEnd, b: LinkEnd, quality?: WireQuality): Promise<SlowLink | undefined> {
  if (quality === undefined) {
    lab.link(a, b);
    return undefined;
  }
  const wire = await SlowLink.lay(lab, a, b);
  await wire.set(quality);
  return wire;
}
