import { describe, expect, it, vi } from 'vitest';
import { millis } from '../../src/base/brands.ts';
import { utf8 } from '../../src/base/bytes.ts';
import { DATAGRAM } from '../../src/base/datagram-kinds.ts';
import { parseAddress } from '../../src/base/ip-address.ts';
import { reasonName } from '../../src/node/reasons.ts';
import { numbered, numbersOf, udpPacket } from './packets.ts';
import { pair, type SimNode, trio, World } from './world.ts';

const SECRET = 'a text that must not be seen outside';

function address(text: string): Uint8Array {
  const bytes = parseAddress(text);
  if (bytes === null) throw new RangeError(text);
  return bytes;
}

/** UDP from a node to any address, with a payload that a test can look for on the wire. */
function secretTo(from: SimNode, to: string, port = 5_000): Uint8Array {
  const destination = address(to);
  return udpPacket(from.address(destination.length === 4 ? 4 : 6), destination, [port, 7], utf8(SECRET));
}

function isSeen(world: World): boolean {
  return world.seen.some(({ bytes }) => Buffer.from(bytes).includes(SECRET));
}

/** The reasons of all entries of a node that discard. */
function reasonsOf({ engine }: SimNode): string[] {
  const { entries } = engine.node.pit;
  const found: string[] = [];
  for (let entry = entries.inUseFrom(0); entry >= 0; entry = entries.inUseFrom(entry + 1))
    if (entries.action(entry) === 3) found.push(reasonName(entries.reason(entry)));
  return found;
}

/** A world of nodes by name, each in its groups. */
function network(groups: Readonly<Record<string, readonly string[]>>, routes: Readonly<Record<string, string[]>> = {}) {
  const world = new World('groups');
  for (const group of new Set(Object.values(groups).flat())) world.authority.group(group);
  for (const [name, of] of Object.entries(groups)) world.authority.add(name, of, routes[name] ?? []);
  const nodes = Object.keys(groups).map((name, at) => world.node(name, `10.0.0.${at + 1}:47247`));
  return { world, nodes };
}

describe('three nodes', () => {
  it('talk each with each, every pair by keys of its own', () => {
    const { world, a, b, c } = trio();
    let n = 0;
    for (const from of [a, b, c])
      for (const to of [a, b, c]) {
        if (from === to) continue;
        world.send(from, numbered(from, to, n++, 5_000), numbered(from, to, n++, 5_001, 6));
        world.run(50);
      }
    for (const node of [a, b, c]) {
      expect(numbersOf(node)).toHaveLength(4);
      expect(new Set([...node.engine.node.sas.sas()].map(({ peer }) => peer)).size).toBe(2);
    }
  });
});

describe('nodes that share several groups', () => {
  it('talk under the one with the lowest number, whoever begins', () => {
    const { world, nodes } = network({ a: ['x', 'y', 'z'], b: ['z', 'x', 'y'] });
    const [a, b] = nodes;
    const [lowest] = a.keys
      .groups()
      .map(({ id }) => id)
      .sort();
    world.send(a, numbered(a, b, 1));
    world.run(50);
    world.send(b, numbered(b, a, 2));
    world.run(50);
    for (const node of nodes) expect([...node.engine.node.sas.sas()].map(({ group }) => group)).toEqual([lowest]);
    expect([numbersOf(b), numbersOf(a)]).toEqual([[1], [2]]);
  });

  it('talk under the one that they share when each has others', () => {
    const { world, nodes } = network({ a: ['one', 'both'], b: ['both', 'two'], c: ['one', 'two'] });
    const [a, b, c] = nodes;
    for (const [from, to, group] of [
      [a, b, 'both'],
      [b, c, 'two'],
      [c, a, 'one'],
    ] as const) {
      world.send(from, numbered(from, to, 1));
      world.run(50);
      const used = [...from.engine.node.sas.sas()].find(({ peer }) => peer === to.keys.self().id)?.group;
      expect(used && from.keys.groupName(used)).toBe(group);
      expect(numbersOf(to)).toContain(1);
    }
  });
});

describe('a packet that may go nowhere', () => {
  it('is discarded when no group that this node is in has its destination', () => {
    const { world, nodes } = network({ a: ['one'], b: ['two'] });
    const [a, b] = nodes;
    world.send(a, secretTo(a, b.keys.self().addresses[0] ?? ''));
    world.run(1_000);
    expect(reasonsOf(a)).toEqual(['no-member-there']);
    expect(world.seen).toEqual([]);
  });

  it('is discarded with the reason no-common-group when the peer has left the group', () => {
    const { world, nodes } = network({ a: ['one'], b: ['one', 'two'] });
    const [a, b] = nodes;
    const bundle = world.authority.bundle('b');
    const groups = bundle.groups.filter(({ roster }) => roster.name === 'two');
    for (const change of b.keys.reload({ ...bundle, groups }, world.now)) b.engine.handleKeyChange(change, world.now);
    const to = b.address(4).join('.');
    world.send(a, secretTo(a, to));
    world.run(20_000, 50);
    expect(reasonsOf(a)).toEqual([]);
    expect(a.counter('discarded-no-common-group')).toBe(1);
    world.send(a, secretTo(a, to, 5_001));
    world.run(1_000, 50);
    expect(b.received).toEqual([]);
    expect(isSeen(world)).toBe(false);
  });

  it('is discarded for want of a common key no longer than until there is one', () => {
    const { world, nodes } = network({ a: ['one'], b: ['one', 'two'] });
    const [a, b] = nodes;
    const { groups, ...rest } = world.authority.bundle('b');
    const less = { ...rest, groups: groups.filter(({ roster }) => roster.name === 'two') };
    for (const change of b.keys.reload(less, world.now)) b.engine.handleKeyChange(change, world.now);
    world.send(a, numbered(a, b, 1));
    world.run(1_000, 50);
    expect(a.counter('discarded-no-common-group')).toBe(1);
    world.authority.roll('one');
    for (const node of [a, b]) node.reload(world);
    world.run(1_000, 50);
    world.send(a, numbered(a, b, 2));
    world.run(1_000, 50);
    expect(numbersOf(b)).toEqual([2]);
  });

  it.each([
    ['arrives before', 0],
    ['arrives after', 2_100],
  ])('reaches a newcomer, who has the coming version only, as soon as that is in force: its NOGROUP %s', (_, late) => {
    const { world, a, b } = pair();
    const begin = world.now;
    world.authority.roll('office', 2);
    a.reload(world);
    const { groups, ...rest } = world.authority.bundle('b');
    const newest = groups.map((group) => ({ ...group, versions: group.versions.slice(-1) }));
    const bundle = vi.spyOn(world.authority, 'bundle').mockReturnValueOnce({ ...rest, groups: newest });
    const joined = world.restart(b);
    bundle.mockRestore();
    world.wire = (datagram) =>
      datagram.bytes[0] === DATAGRAM.nogroup && world.now < begin + late
        ? [{ ...datagram, arrives: millis(begin + late) }]
        : undefined;
    world.send(a, numbered(a, joined, 1));
    world.run(2_500, 50);
    world.send(a, numbered(a, joined, 2));
    world.run(500, 50);
    expect(numbersOf(joined)).toContain(2);
  });

  it.each(['100.64.9.9', '198.51.100.7', '2001:db8::7'])('is discarded when nobody is at %s', (to) => {
    const { world, a } = pair();
    world.send(a, secretTo(a, to));
    world.run(100);
    expect(reasonsOf(a)).toEqual(['no-member-there']);
    expect(a.counter('discarded-no-member-there')).toBe(1);
    expect(world.seen).toEqual([]);
  });

  it('is discarded when no path to the peer is known, until one is', () => {
    const { world, a, b } = pair();
    const known = a.engine.node.paths.peer(b.keys.self().id);
    known.hints = [];
    world.send(a, numbered(a, b, 1));
    expect(reasonsOf(a)).toEqual(['no-path']);
    expect(world.seen).toEqual([]);
    world.send(b, numbered(b, a, 2));
    world.run(50);
    world.send(a, numbered(a, b, 3));
    world.run(50);
    expect(numbersOf(b)).toEqual([3]);
  });

  it('begins again with its next packet when the server tells a path', () => {
    const { world, a, b } = pair();
    a.engine.node.paths.peer(b.keys.self().id).hints = [];
    world.send(a, numbered(a, b, 1));
    world.send(a, numbered(a, b, 2));
    expect(reasonsOf(a)).toEqual(['no-path']);
    a.engine.handleEndpoints(b.keys.self().id, [b.path]);
    world.send(a, numbered(a, b, 3));
    world.run(50);
    expect(numbersOf(b)).toEqual([3]);
  });

  it.each([
    ['of another member', (_: SimNode, b: SimNode) => b.address(4)],
    ['of nobody', () => address('100.64.77.77')],
    ['outside the overlay', () => address('192.0.2.9')],
  ])('is dropped with a source %s, and makes no entry', (_, source) => {
    const { world, a, b } = pair();
    world.send(a, udpPacket(source(a, b), b.address(4), [1, 2], utf8(SECRET)));
    world.run(100);
    expect(a.counter('foreign-source')).toBe(1);
    expect(a.engine.node.pit.entries.live).toBe(0);
    expect(world.seen).toEqual([]);
  });
});

describe('a peer that does not answer', () => {
  function unanswered() {
    const { world, a, b } = pair();
    world.wire = ({ to }) => (to === b.path ? [] : undefined);
    world.send(a, numbered(a, b, 1));
    world.run(16_000, 50);
    expect(reasonsOf(a)).toEqual(['timeout']);
    return { world, a, b };
  }

  it('is left alone for 10 s, by every flow', () => {
    const { world, a, b } = unanswered();
    const before = world.seen.length;
    for (let second = 0; second < 8; second++) {
      world.send(a, numbered(a, b, 2 + second, 6_000 + second), numbered(a, b, 2 + second));
      world.run(1_000, 50);
    }
    expect(world.seen).toHaveLength(before);
    expect(a.counter('discarded-timeout')).toBe(16);
    world.wire = () => undefined;
    world.run(2_000, 50);
    world.send(a, numbered(a, b, 20, 6_000), numbered(a, b, 21));
    world.run(50);
    expect(numbersOf(b)).toEqual([20, 21]);
  });

  it('is spoken to at once when it has spoken, by the flow that failed and by others', () => {
    const { world, a, b } = unanswered();
    world.wire = () => undefined;
    world.send(b, numbered(b, a, 7));
    world.run(20);
    world.send(a, numbered(a, b, 2), numbered(a, b, 3, 6_000));
    world.run(20);
    expect(numbersOf(b)).toEqual([2, 3]);
    expect(reasonsOf(a)).toEqual([]);
  });
});

describe('a GEN', () => {
  const behind = (node: SimNode, to: string, n: number) => {
    const payload = new Uint8Array(16);
    new DataView(payload.buffer).setUint32(0, n);
    return udpPacket(node.address(4), address(to), [5_000, 7], payload);
  };

  it('takes packets for the network behind it, and answers from there', () => {
    const { world, nodes } = network({ a: ['one'], gate: ['one'] }, { gate: ['10.9.0.0/16'] });
    const [a, gate] = nodes;
    world.send(a, behind(a, '10.9.3.4', 1));
    world.run(50);
    expect(numbersOf(gate)).toEqual([1]);
    const payload = new Uint8Array(16);
    payload[3] = 2;
    world.send(gate, udpPacket(address('10.9.3.4'), a.address(4), [7, 5_000], payload));
    world.run(50);
    expect(numbersOf(a)).toEqual([2]);
  });

  it('is spoken to at once when it has spoken, also about what is behind it', () => {
    const { world, nodes } = network({ a: ['one'], gate: ['one'] }, { gate: ['10.9.0.0/16'] });
    const [a, gate] = nodes;
    world.wire = ({ to }) => (to === gate.path ? [] : undefined);
    world.send(a, behind(a, '10.9.3.4', 1));
    world.run(16_000, 50);
    world.wire = () => undefined;
    world.send(gate, numbered(gate, a, 7));
    world.run(20);
    world.send(a, behind(a, '10.9.3.4', 2));
    world.run(20);
    expect(numbersOf(gate)).toEqual([2]);
  });

  it('A4: gets nothing for networks that are not behind it', () => {
    const { world, nodes } = network({ a: ['one'], gate: ['one'] }, { gate: ['10.9.0.0/16'] });
    const [a, gate] = nodes;
    world.send(a, behind(a, '10.8.3.4', 1));
    world.run(50);
    expect(gate.received).toEqual([]);
    expect(reasonsOf(a)).toEqual(['no-member-there']);
    // nor does it send what comes from a network that is not behind it
    world.send(gate, udpPacket(address('10.8.3.4'), a.address(4), [7, 5_000], new Uint8Array(16)));
    world.run(50);
    expect(gate.counter('foreign-source')).toBe(1);
    expect(a.received).toEqual([]);
  });
});
