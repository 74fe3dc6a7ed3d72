import { describe, expect, it } from 'vitest';
import type { Millis } from '../../../src/base/brands.ts';
import { millis } from '../../../src/base/brands.ts';
import { terminalsSeen } from '../../../src/node/gateway/terminals.ts';
import { finishChecksum, sumWords } from '../../../src/pccom/checksum.ts';
import { address, icmp } from '../../base/ip-packets.ts';
import { forge, ipv4, text } from '../inner-kit.ts';
import { udpPacket } from '../packets.ts';
import { type SimNode, World } from '../world.ts';

/** Four networks: two more than a certificate has room for. */
const NETWORKS = ['10.9.0.0/24', 'fd09::/64', '10.9.1.0/24', '10.9.2.0/24'];

/** A member, and a GEN whose kernel hands over and takes what its terminals send and get. */
function site() {
  const world = new World('terminals');
  world.authority.group('office');
  world.authority.add('gate', ['office'], NETWORKS);
  world.authority.add('far', ['office'], ['10.8.0.0/16']);
  world.authority.add('m', ['office']);
  const [gate, far, m] = ['gate', 'far', 'm'].map((name, at) => world.node(name, `10.0.0.${at + 1}:47247`));
  if (!gate || !far || !m) throw new Error('three nodes');
  return { world, gate, far, m };
}

const udp = (from: string, to: string, port = 5_000) =>
  udpPacket(address(from), address(to), [port, 7], new Uint8Array(16));

const now = (world: World): Millis => millis(world.now);

describe('terminals behind a GEN', () => {
  it('reach members and terminals of another GEN with their own addresses, from the first packet on', () => {
    const { world, gate, far, m } = site();
    const ways: [SimNode, SimNode, string, string][] = [
      [gate, m, '10.9.0.5', text(m)],
      [gate, far, '10.9.0.5', '10.8.1.1'],
      [far, gate, '10.8.1.1', '10.9.0.6'],
      [m, gate, text(m), '10.9.0.5'],
      [m, gate, text(m, 6), 'fd09::5'],
    ];
    for (const [from, to, source, destination] of ways) {
      const packet = udp(source, destination);
      world.send(from, packet);
      world.run(50);
      expect(to.received.pop(), `${source} to ${destination}`).toEqual(packet);
    }
    const seen = terminalsSeen(gate.engine.node, now(world)).map(({ address: text, flows }) => `${text} ${flows}`);
    expect(seen.sort()).toEqual(['10.9.0.5 3', '10.9.0.6 1', 'fd09::5 1']);
    expect(terminalsSeen(m.engine.node, now(world))).toEqual([]);
  });

  it('A4: are those of all networks that the lists of members give it, also where the certificate has no room', () => {
    const { world, gate, m } = site();
    for (const terminal of ['10.9.0.5', '10.9.1.5', '10.9.2.5']) {
      world.send(m, udp(text(m), terminal));
      world.run(50);
      expect(gate.received.pop(), terminal).toBeDefined();
      world.send(gate, udp(terminal, text(m), 6_000));
      world.run(50);
      expect(m.received.pop(), terminal).toBeDefined();
    }
    world.send(gate, udp('10.9.3.5', text(m)));
    expect(gate.counter('foreign-source')).toBe(1);
  });

  it.each([
    ["a neighbour's network", '10.8.0.5'],
    ['a network of nobody', '192.0.2.1'],
  ])('P2: send nothing from %s', (_, source) => {
    const { world, gate, m } = site();
    world.send(gate, udp('10.9.0.5', text(m)));
    world.run(50);
    const before = world.seen.length;
    world.send(gate, udp(source, text(m)));
    world.run(50);
    expect(gate.counter('foreign-source')).toBe(1);
    expect(world.seen.slice(before).filter(({ from }) => from === gate.path)).toEqual([]);
  });

  it('A4: get nothing that a member sends past the networks behind their GEN', () => {
    const { world, gate, m } = site();
    world.send(m, udp(text(m), '10.9.0.5'));
    world.run(50);
    gate.received.length = 0;
    forge(world, m, gate, udp(text(m), '10.9.7.1'), udp('10.8.1.1', '10.9.0.5'));
    expect(gate.received).toEqual([]);
  });

  it('P3: hear of their packets from a router further inside, which has the address of the GEN then', () => {
    const { world, gate, m } = site();
    const sent = udp(text(m), '10.9.0.5');
    world.send(m, sent);
    world.run(50);
    // TTL exceeded, by a router whose address nobody outside knows
    const error = ipv4(icmp(11, 0, sent), { protocol: 1, source: '192.168.77.2', destination: text(m) });
    world.send(gate, error);
    world.run(50);
    const [heard] = m.received;
    if (!heard) throw new Error('nothing was heard');
    expect([...heard.subarray(12, 16)].join('.')).toBe(text(gate));
    expect(finishChecksum(sumWords(new DataView(heard.buffer, heard.byteOffset), 0, 20))).toBe(0);
    expect(heard.subarray(20)).toEqual(error.subarray(20));
    expect(gate.counter('icmp-source-replaced')).toBe(1);
    // one of the GEN's own terminals speaks for itself
    world.send(gate, ipv4(icmp(3, 0, sent), { protocol: 1, source: '10.9.0.5', destination: text(m) }));
    world.run(50);
    expect([...(m.received[1] ?? []).subarray(12, 16)].join('.')).toBe('10.9.0.5');
  });
});
