import { describe, expect, it } from 'vitest';
import { parseAddress } from '../../../src/base/ip-address.ts';
import { reasonName } from '../../../src/node/reasons.ts';
import { describeEntry, entriesFrom } from '../../../src/pit/listing.ts';
import { udpPacket } from '../packets.ts';
import type { SimNode, World } from '../world.ts';
import { Below } from './below.ts';

/** A plain terminal behind the inner of two GENs. */
const TERMINAL = '10.2.7.9';
const NOGROUP = 7;
type Groups = readonly string[];

interface Held {
  readonly x: Groups;
  readonly ho: Groups;
  readonly hi: Groups;
  readonly mode?: 'op' | 'cl';
}

/** `x` outside; the GEN `hi` below the GEN `ho`, each in these groups. */
function nested(seed: string, { x: xGroups, ho: hoGroups, hi: hiGroups, mode = 'op' }: Held) {
  const net = new Below(seed);
  for (const group of ['in', 'out']) net.world.authority.group(group);
  const x = net.ges('x', '192.0.2.9:47247', undefined, xGroups);
  const ho = net.gen('ho', '192.0.2.2:47247', undefined, '10.2.0.0/16', 'cl', hoGroups);
  const hi = net.gen('hi', '10.2.0.2:47247', ho, '10.2.7.0/24', mode, hiGroups);
  net.isSeenAt(hi, ho);
  net.settle([hi, ho]);
  return { net, world: net.world, x, ho, hi };
}

function ip(text: string): Uint8Array {
  const address = parseAddress(text);
  if (!address) throw new Error(text);
  return address;
}

const toTerminal = (from: SimNode, port = 5000, to = TERMINAL) =>
  udpPacket(from.address(4), ip(to), [port, 7], Uint8Array.from([1, 2, 3, 4]));
const idOf = (node: SimNode) => node.keys.self().id;
const peersOf = (node: SimNode) => [...node.engine.node.sas.sas()].map(({ peer }) => peer);
const relayed = (node: SimNode) =>
  node.engine.elements.relay.relays.entries().map(({ startNode, endNode }) => [startNode, endNode]);
const reasons = ({ engine: { node } }: SimNode, world: World) =>
  [...entriesFrom(node.pit)].map((entry) => reasonName(describeEntry(node.pit, node.owners, entry, world.now).reason));

describe('a terminal that two GENs are over', () => {
  it('M19: is spoken for by the inner one where that has a common group; the outer one relays', () => {
    const { net, world, x, ho, hi } = nested('inner', { x: ['in'], ho: ['out'], hi: ['in'], mode: 'cl' });
    world.send(x, toTerminal(x));
    world.run(1_000);
    expect([hi.received.length, ho.received.length]).toEqual([1, 0]);
    expect([peersOf(x), peersOf(ho)]).toEqual([[idOf(hi)], []]);
    expect(relayed(ho)).toEqual([[idOf(x), idOf(hi)]]);
    expect(net.kinds(x, ho).filter((kind) => kind !== 0x10)).toEqual([1, 3]);
    expect(net.kinds(ho, x).filter((kind) => kind !== 0x10)).toEqual([2, 4]);
  });

  it('M19: also where the outer one shares a group with the other end, too: the longest way is encrypted', () => {
    const { world, x, ho, hi } = nested('both', { x: ['in', 'out'], ho: ['out'], hi: ['in'] });
    world.send(x, toTerminal(x));
    world.run(1_000);
    expect([hi.received.length, ho.received.length, peersOf(x)]).toEqual([1, 0, [idOf(hi)]]);
  });

  it('M17: is spoken for by nobody where the inner one has no common group and is closed', () => {
    const { net, world, x, ho, hi } = nested('shut', { x: ['out'], ho: ['out'], hi: ['in'], mode: 'cl' });
    world.send(x, toTerminal(x));
    world.run(1_000);
    expect([ho.received.length, hi.received.length]).toEqual([0, 0]);
    expect([peersOf(x), peersOf(ho), relayed(ho)]).toEqual([[], [], []]);
    expect(net.kinds(ho, x)).toEqual([NOGROUP]);
    expect(reasons(x, world)).toEqual(['no-common-group']);
  });

  it('M18: is spoken for by the outer one where the inner one says that it has no common group', () => {
    const { net, world, x, ho, hi } = nested('outer', { x: ['out'], ho: ['out'], hi: ['in'] });
    world.send(x, toTerminal(x));
    world.run(1_000);
    expect([ho.received.length, hi.received.length]).toEqual([1, 0]);
    expect([peersOf(x), relayed(ho)]).toEqual([[idOf(ho)], []]);
    expect(net.kinds(hi, ho)).toContain(NOGROUP);
    expect(net.kinds(x, ho).filter((kind) => kind !== 0x10)).toEqual([1, 3]);
    expect(net.kinds(ho, x).filter((kind) => kind !== 0x10)).toEqual([2, 4]);
    expect(ho.counter('element-own-turn')).toBe(1);
  });

  it('M18: is answered for at once when the same end asks again soon, and asked for anew later', () => {
    const { net, world, x, ho, hi } = nested('again', { x: ['out'], ho: ['out'], hi: ['in'] });
    const asked = () => net.kinds(ho, hi).filter((kind) => kind === 1).length;
    for (const [port, wait] of [
      [5000, 1_000],
      [5001, 30_000],
      [5002, 1_000],
    ] as const) {
      x.engine.flush(true, world.now);
      world.send(x, toTerminal(x, port));
      world.run(wait, 20);
    }
    expect([ho.received.length, asked()]).toEqual([3, 2]);
  });

  it('C3: is left to itself where the outer one has no group with the other end either, and that end is told why', () => {
    const net = new Below('no group at all');
    const { authority } = net.world;
    for (const group of ['in', 'out', 'far']) authority.group(group);
    const x = net.ges('x', '192.0.2.9:47247', undefined, ['far']);
    // another GEN of x's group claims the terminal, but is where `ho` is
    const z = net.gen('z', '192.0.2.3:47247', undefined, '10.2.7.0/25', 'op', ['far']);
    const ho = net.gen('ho', '192.0.2.2:47247', undefined, '10.2.0.0/16', 'op', ['out']);
    const hi = net.gen('hi', '10.2.0.2:47247', ho, '10.2.7.0/24', 'op', ['in']);
    net.isSeenAt(z, ho);
    net.settle([hi, ho]);
    net.world.send(x, toTerminal(x));
    net.world.run(1_000);
    expect([ho.received.length, hi.received.length, ho.counter('element-own-turn')]).toEqual([0, 0, 0]);
    expect(net.kinds(hi, ho)).toContain(NOGROUP);
    expect(net.kinds(ho, x)).toEqual([NOGROUP]);
    expect(reasons(x, net.world)).toEqual(['no-common-group']);
  });

  it('C2: is not taken over because the inner one is silent, for however long', () => {
    const { net, world, x, ho, hi } = nested('silent', { x: ['in', 'out'], ho: ['out'], hi: ['in'] });
    const { wire } = world;
    world.wire = (datagram) => (datagram.from === hi.path && datagram.bytes[0] === 0x20 ? [] : wire(datagram));
    world.send(x, toTerminal(x));
    world.run(20_000, 20);
    expect([ho.received.length, hi.received.length, net.kinds(ho, x)]).toEqual([0, 0, []]);
    expect(reasons(x, world)).toEqual(['timeout']);
  });

  it('C2: is not taken over by a NOGROUP that nobody of the network made', () => {
    const { world, x, ho, hi } = nested('forged', { x: ['in', 'out'], ho: ['out'], hi: ['in'] });
    const { wire } = world;
    // whoever is on the LAN sees frames and channels, and changes what NOGROUP has inside
    world.wire = (datagram) => {
      const { bytes, from } = datagram;
      if (from !== hi.path || bytes[0] !== 0x20 || bytes[8] !== 2) return wire(datagram);
      const forged = new Uint8Array(8 + 56).fill(9);
      forged.set(bytes.subarray(0, 8));
      forged.set([NOGROUP, 1, 0, 0, 0, 0, 0, 0], 8);
      forged.set(bytes.subarray(8 + 8, 8 + 12), 16);
      return [{ ...datagram, bytes: forged }];
    };
    world.send(x, toTerminal(x));
    world.run(20_000, 20);
    expect([ho.received.length, ho.counter('element-own-turn')]).toEqual([0, 0]);
    expect(x.counter('nogroup-auth')).toBeGreaterThan(0);
  });

  it('M19: reaches others by the inner one, through the outer one', () => {
    const { world, x, ho, hi } = nested('outward', { x: ['in'], ho: ['out'], hi: ['in'], mode: 'cl' });
    world.send(hi, udpPacket(ip(TERMINAL), x.address(4), [5000, 7], Uint8Array.from([1])));
    world.run(1_000);
    expect([x.received.length, peersOf(hi), relayed(ho)]).toEqual([1, [idOf(x)], [[idOf(hi), idOf(x)]]]);
  });

  it('M18, C3: reaches others by the outer one, if that is given its address', () => {
    const { world, x, ho } = nested('outward outer', { x: ['out'], ho: ['out'], hi: ['in'] });
    // what an open inner GEN has no group for goes on by its ordinary routes, and is a packet from inside at the outer one
    for (const from of [TERMINAL, '10.3.0.1'])
      world.send(ho, udpPacket(ip(from), x.address(4), [5000, 7], Uint8Array.from([1])));
    world.run(1_000);
    expect([x.received.length, ho.counter('foreign-source')]).toEqual([1, 1]);
  });

  it('leaves the inner GEN itself to be reached by its own address', () => {
    const { world, x, hi } = nested('own', { x: ['in'], ho: ['out'], hi: ['in'] });
    const vip = hi.keys.self().addresses.find((address) => !address.includes(':')) ?? '';
    world.send(x, toTerminal(x, 5000, vip));
    world.run(1_000);
    expect(hi.received.length).toBe(1);
  });
});
