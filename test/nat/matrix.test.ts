import { describe, expect, it } from 'vitest';
import { Nat, type NatOptions, type Realm, SimNetwork } from './sim-network.ts';
import { SimNode } from './sim-node.ts';
import { SERVERS, SimCoordinator, SimRelay } from './sim-servers.ts';

/** Where a node may stand; each call makes it on one side (1 or 2) of the table. */
const PLACES: Readonly<Record<string, (network: SimNetwork, side: number) => readonly [Realm, string]>> = {
  open: ({ internet }, side) => [internet, `203.0.113.${side}`],
  'full cone': behind({ mapping: 'endpoint', filtering: 'endpoint' }),
  'address-restricted': behind({ mapping: 'endpoint', filtering: 'address' }),
  'port-restricted': behind({ mapping: 'endpoint', filtering: 'port' }),
  symmetric: behind({ mapping: 'port', filtering: 'port' }),
  'double NAT': (network, side) => {
    const carrier = new Nat(network.internet, `203.0.113.${side}`, { mapping: 'endpoint', filtering: 'port' });
    const home = new Nat(carrier.inside, `100.100.0.${side}`, { mapping: 'endpoint', filtering: 'port' });
    return [home.inside, `192.168.${side}.10`];
  },
  'symmetric carrier': (network, side) => {
    const carrier = new Nat(network.internet, `203.0.113.${side}`, { mapping: 'port', filtering: 'port' });
    const home = new Nat(carrier.inside, `100.100.0.${side}`, { mapping: 'endpoint', filtering: 'endpoint' });
    return [home.inside, `192.168.${side}.10`];
  },
  'UDP blocked': behind({ mapping: 'endpoint', filtering: 'port', only: SERVERS }),
  'IPv6 only': ({ internet }, side) => [internet, `2001:db8:2::${side}`],
};

/** D direct, r relay. Rows and columns in the order of PLACES; who asks is the row. */
const EXPECTED: Readonly<Record<string, string>> = {
  open: 'DDDDDDDrr',
  'full cone': 'DDDDDDDrr',
  'address-restricted': 'DDDDDDDrr',
  'port-restricted': 'DDDDrDrrr',
  symmetric: 'DDDrrrrrr',
  'double NAT': 'DDDDrDrrr',
  'symmetric carrier': 'DDDrrrrrr',
  'UDP blocked': 'rrrrrrrrr',
  'IPv6 only': 'rrrrrrrrD',
};

function behind(options: NatOptions) {
  return (network: SimNetwork, side: number): readonly [Realm, string] => [
    new Nat(network.internet, `203.0.113.${side}`, options).inside,
    `192.168.${side}.10`,
  ];
}

interface Outcome {
  readonly route: 'direct' | 'relay' | 'none';
  /** milliseconds from the first wish to the first application datagram, and to the move to a direct path */
  readonly first: number;
  readonly direct: number | undefined;
  readonly reason: string;
  readonly probes: number;
}

function meet(rowPlace: string, columnPlace: string, seed: number, loss: number): Outcome {
  const network = new SimNetwork(seed, { delay: 20, jitter: loss > 0 ? 10 : 0, loss: 0 });
  const coordinator = new SimCoordinator(network);
  new SimRelay(network, coordinator);
  const nodes = [rowPlace, columnPlace].map((place, at) => {
    const [realm, address] = PLACES[place](network, at + 1);
    const node = new SimNode(network, `${at + 1}`.repeat(4), realm, address);
    node.udpBlocked = place === 'UDP blocked';
    node.join();
    return node;
  });
  const [row, column] = nodes;
  network.run(1_000);
  network.quality = { ...network.quality, loss };
  const start = network.now;
  row.want(column.id);
  let number = 0;
  const talk = () => {
    row.sendApplication(column.id, ++number);
    column.sendApplication(row.id, number);
    network.at(network.now + 50, talk);
  };
  talk();
  network.run(start + 10_000);
  const now = row.routeTo(column.id)?.kind;
  const back = column.routeTo(row.id)?.kind;
  const direct = row.moves.find(({ kind }) => kind === 'direct');
  const isProbe = (bytes: Uint8Array) => bytes[0] === 0x38;
  return {
    route: now !== undefined && now === back ? now : 'none',
    first: (column.received[0]?.at ?? Number.POSITIVE_INFINITY) - start,
    direct: direct && direct.at - start,
    reason: row.agents.agent(column.id).report(network.now).reason,
    probes: network.sent.filter(({ packet }) => isProbe(packet.bytes) && packet.from === row.path).length,
  };
}

describe('the table of NATs', () => {
  const names = Object.keys(PLACES);

  it('has traffic in every cell, direct wherever a direct path can exist', () => {
    const lines = [['', ...names].join(' | ')];
    const found: Record<string, string> = {};
    for (const row of names) {
      const outcomes = names.map((column) => meet(row, column, 1, 0));
      found[row] = outcomes.map(({ route }) => ({ direct: 'D', relay: 'r', none: '-' })[route]).join('');
      lines.push(
        [
          row,
          ...outcomes.map(({ route, direct }) => (direct === undefined ? route : `${route} ${Math.round(direct)} ms`)),
        ].join(' | '),
      );
    }
    console.info(lines.join('\n'));
    expect(found).toEqual(EXPECTED);
  });
});
