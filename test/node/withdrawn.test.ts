import { describe, expect, it } from 'vitest';
import { parseAddress } from '../../src/base/ip-address.ts';
import { reasonName } from '../../src/node/reasons.ts';
import { describeEntry, entriesFrom } from '../../src/pit/listing.ts';
import { udpPacket } from './packets.ts';
import { type SimNode, World } from './world.ts';

function ip(text: string): Uint8Array {
  const address = parseAddress(text);
  if (!address) throw new Error(text);
  return address;
}

/** Packets between two addresses, told apart by the port that they come from. */
const packet = (from: string, to: string, port = 5000) =>
  udpPacket(ip(from), ip(to), [port, 7], Uint8Array.from([1, 2, 3, 4]));
const text = (address: Uint8Array) => [...address.subarray(12)].join('.');
/** The flows in a node's PIT, and what becomes of them. */
const flows = ({ engine: { node } }: SimNode, world: World) =>
  [...entriesFrom(node.pit)]
    .map((entry) => describeEntry(node.pit, node.owners, entry, world.now))
    .map(({ cid, action, reason }) => `${text(cid.source)} ${text(cid.destination)} ${action} ${reasonName(reason)}`)
    .sort();

/** `m`, a member; `g`, a GEN with two networks; `h`, another one. */
function network() {
  const world = new World('routes given later');
  world.authority.group('office');
  world.authority.add('m', ['office']);
  world.authority.add('g', ['office'], ['10.1.0.0/24', '10.2.0.0/24']);
  world.authority.add('h', ['office'], ['10.3.0.0/24']);
  const [m, g, h] = ['m', 'g', 'h'].map((name, at) => world.node(name, `192.0.2.${at + 1}:47247`));
  const mine = m.keys.self().addresses.find((address) => !address.includes(':')) ?? '';
  const reload = () => {
    for (const node of [m, g, h]) world.launch(node, node.reload(world));
    world.run(1_000);
  };
  return { world, m, g, h, mine, reload };
}

describe('networks that a GEN is given later', () => {
  it('are served without a restart, also for a flow that was refused before', () => {
    const { world, m, g, mine, reload } = network();
    world.send(m, packet(mine, '10.9.0.5'));
    world.run(200);
    expect(flows(m, world)).toEqual([`${mine} 10.9.0.5 discard no-member-there`]);
    world.authority.reroute('g', ['10.1.0.0/24', '10.9.0.0/24']);
    reload();
    expect(flows(m, world)).toEqual([]);
    world.send(m, packet(mine, '10.9.0.5'));
    world.run(500);
    expect(g.received.length).toBe(1);
    world.send(g, packet('10.9.0.5', mine, 6000));
    world.run(500);
    expect(m.received.length).toBe(1);
  });

  it('A2: leave nothing behind in any PIT once they are taken away, while other flows go on', () => {
    const { world, m, g, mine, reload } = network();
    for (const to of ['10.1.0.5', '10.2.0.5']) world.send(m, packet(mine, to));
    world.send(g, packet('10.2.0.6', mine, 6000));
    world.run(500);
    expect([flows(m, world).length, flows(g, world).length]).toEqual([3, 3]);
    world.authority.reroute('g', ['10.1.0.0/24']);
    reload();
    for (const node of [m, g]) {
      expect(flows(node, world).filter((flow) => flow.includes('10.2.'))).toEqual([]);
      expect(flows(node, world)).toHaveLength(1);
      expect(node.counter('flows-withdrawn')).toBe(2);
    }
    const before = [g.received.length, m.received.length];
    world.send(m, packet(mine, '10.2.0.5'));
    world.send(g, packet('10.2.0.6', mine, 6000));
    world.run(500);
    expect([g.received.length, m.received.length]).toEqual(before);
    expect([flows(m, world).at(-1), g.counter('foreign-source')]).toEqual([
      `${mine} 10.2.0.5 discard no-member-there`,
      1,
    ]);
    world.send(m, packet(mine, '10.1.0.5'));
    world.run(500);
    expect(g.received.length).toBe(before[0] + 1);
  });

  it('A2: are not taken up again by a member that has not heard of it', () => {
    const { world, m, g, mine } = network();
    world.send(m, packet(mine, '10.2.0.5'));
    world.run(500);
    world.authority.reroute('g', ['10.1.0.0/24']);
    world.launch(g, g.reload(world));
    world.run(1_000);
    const before = g.received.length;
    for (const port of [5000, 5001]) world.send(m, packet(mine, '10.2.0.5', port));
    world.run(3_000, 20);
    expect(g.received.length).toBe(before);
    expect(flows(g, world)).toEqual([]);
  });

  it('move to another GEN with the flows that begin anew', () => {
    const { world, m, g, h, mine, reload } = network();
    world.send(m, packet(mine, '10.2.0.5'));
    world.run(500);
    expect(g.received.length).toBe(1);
    world.authority.reroute('g', ['10.1.0.0/24']);
    world.authority.reroute('h', ['10.3.0.0/24', '10.2.0.0/24']);
    reload();
    world.send(m, packet(mine, '10.2.0.5'));
    world.run(500);
    expect([g.received.length, h.received.length]).toEqual([1, 1]);
  });
});
