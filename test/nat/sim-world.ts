import { type LinkQuality, Nat, type NatOptions, type Realm, SimNetwork } from './sim-network.ts';
import { SimNode } from './sim-node.ts';
import { SERVERS, SimCoordinator, SimRelay } from './sim-servers.ts';

export type Place = (network: SimNetwork, side: number) => readonly [Realm, string];

/** Where a node may stand; each call makes it on one side (1 or 2) of the table. */
export const PLACES: Readonly<Record<string, Place>> = {
  open: ({ internet }, side) => [internet, `203.0.${112 + side}.1`],
  'full cone': behind({ mapping: 'endpoint', filtering: 'endpoint' }),
  'address-restricted': behind({ mapping: 'endpoint', filtering: 'address' }),
  'port-restricted': behind({ mapping: 'endpoint', filtering: 'port' }),
  symmetric: behind({ mapping: 'port', filtering: 'port' }),
  'double NAT': (network, side) => {
    const carrier = new Nat(network.internet, `203.0.${112 + side}.1`, { mapping: 'endpoint', filtering: 'port' });
    const home = new Nat(carrier.inside, `100.100.0.${side}`, { mapping: 'endpoint', filtering: 'port' });
    return [home.inside, `192.168.${side}.10`];
  },
  'symmetric carrier': (network, side) => {
    const carrier = new Nat(network.internet, `203.0.${112 + side}.1`, { mapping: 'port', filtering: 'port' });
    const home = new Nat(carrier.inside, `100.100.0.${side}`, { mapping: 'endpoint', filtering: 'endpoint' });
    return [home.inside, `192.168.${side}.10`];
  },
  'UDP blocked': behind({ mapping: 'endpoint', filtering: 'port', only: SERVERS }),
  'IPv6 only': ({ internet }, side) => [internet, `2001:db8:2::${side}`],
};

/** Two nodes, a coordinator and a relay, joined and registered. */
export interface SimWorld {
  readonly network: SimNetwork;
  readonly coordinator: SimCoordinator;
  readonly relay: SimRelay;
  readonly a: SimNode;
  readonly b: SimNode;
}

const REGISTERED = 1_500;
const TALK_EACH = 50;

export const GOOD_LINK: LinkQuality = { delay: 20, jitter: 0, loss: 0 };

export function makeWorld(first: Place, second: Place, seed = 1, quality: LinkQuality = GOOD_LINK): SimWorld {
  const network = new SimNetwork(seed, { ...quality, loss: 0 });
  const coordinator = new SimCoordinator(network);
  const relay = new SimRelay(network, coordinator);
  const [a, b] = [first, second].map((place, at) => {
    const [realm, address] = place(network, at + 1);
    const node = new SimNode(network, `${at + 1}`.repeat(4), realm, address);
    node.udpBlocked = place === PLACES['UDP blocked'];
    node.join();
    return node;
  });
  network.run(REGISTERED);
  network.quality = quality;
  return { network, coordinator, relay, a, b };
}

/** Both ends send an application datagram each 50 ms for so long; the first wish for an SA is now. */
export function talk({ network, a, b }: SimWorld, duration: number): void {
  const until = network.now + duration;
  let number = 0;
  a.want(b.id);
  const each = () => {
    if (network.now >= until) return;
    number++;
    a.sendApplication(b.id, number);
    b.sendApplication(a.id, number);
    network.at(network.now + TALK_EACH, each);
  };
  each();
  network.run(until);
}

/** By what both ends send now. */
export function routes({ a, b }: SimWorld): readonly (string | undefined)[] {
  return [a.routeTo(b.id)?.kind, b.routeTo(a.id)?.kind];
}

/** The longest time in which b got nothing from a, from `since` on. */
export function longestGap({ b, network }: SimWorld, since: number): number {
  const times = [since, ...b.received.map(({ at }) => at).filter((at) => at >= since), network.now];
  return times.slice(1).reduce((longest, at, before) => Math.max(longest, at - (times[before] ?? at)), 0);
}

export function behind(options: NatOptions): Place {
  return (network, side) => [new Nat(network.internet, `203.0.${112 + side}.1`, options).inside, `192.168.${side}.10`];
}
