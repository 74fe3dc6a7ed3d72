import { describe, expect, it } from 'vitest';
import { millis } from '../../../src/base/brands.ts';
import { toHex } from '../../../src/base/bytes.ts';
import { numbered, numbersOf } from '../packets.ts';
import type { SimNode } from '../world.ts';
import { Below } from './below.ts';

/** `a` below GEN `g`, `b` outside of all. */
function oneGen(seed = 'one gen') {
  const net = new Below(seed);
  const b = net.ges('b', '192.0.2.9:47247', undefined);
  const g = net.gen('g', '192.0.2.1:47247', undefined, '10.1.0.0/16');
  const a = net.ges('a', '10.1.0.5:47247', g);
  net.isSeenAt(a, g);
  return { net, world: net.world, a, b, g };
}

/** `a` below `gi` below `go`; `c` below `hi` below `ho`. */
function nested() {
  const net = new Below('nested');
  const b = net.ges('b', '192.0.2.9:47247', undefined);
  const go = net.gen('go', '192.0.2.1:47247', undefined, '10.1.0.0/16');
  const gi = net.gen('gi', '10.1.0.2:47247', go, '10.1.7.0/24');
  const a = net.ges('a', '10.1.7.5:47247', gi);
  const ho = net.gen('ho', '192.0.2.2:47247', undefined, '10.2.0.0/16');
  const hi = net.gen('hi', '10.2.0.2:47247', ho, '10.2.7.0/24');
  const c = net.ges('c', '10.2.7.5:47247', hi);
  net.isSeenAt(a, go);
  net.isSeenAt(c, ho);
  net.settle([gi, go], [a, gi], [hi, ho], [c, hi]);
  return { net, world: net.world, a, b, c, gi, go, hi, ho };
}

const idOf = (node: SimNode) => node.keys.self().id;
const entriesOf = (node: SimNode) => node.engine.elements.relay.relays.entries();

describe('a GES below a GEN', () => {
  it('C5: finds it by asking its default gateway, and believes it after both have proved themselves', () => {
    const { net, a, g } = oneGen();
    net.settle([a, g]);
    expect(a.engine.elements.above).toMatchObject({ node: idOf(g), gen: g.path });
    expect(g.engine.elements.below()).toEqual([{ node: idOf(a), path: a.path }]);
  });

  it('C5: is at home where the GEN proves itself, doubts it after a sleep, and hears the proof again by itself', () => {
    const { net, world, a, g, b } = oneGen('home');
    const router = () => a.engine.node.home.router;
    expect(router()).toBeUndefined();
    net.settle([a, g]);
    expect(router()).toMatchObject({ node: idOf(g), address: { family: 4, length: 32 } });
    a.engine.handleClockJump(world.now);
    expect(router()).toBeUndefined();
    world.run(6_000, 20);
    expect(router()?.node).toBe(idOf(g));
    // another gateway, which is nobody's element
    a.engine.elements.seek([b.path], world.now);
    world.launch(a, a.carryOut());
    world.run(6_000, 20);
    expect(router()).toBeUndefined();
  });

  it('and that GEN speak with each other directly, from either end', () => {
    for (const starts of ['a', 'g'] as const) {
      const net = new Below(`neighbours ${starts}`);
      net.ges('b', '192.0.2.9:47247', undefined);
      const g = net.gen('g', '192.0.2.1:47247', undefined, '10.1.0.0/16', 'op', ['office']);
      const a = net.ges('a', '10.1.0.5:47247', g);
      net.isSeenAt(a, g);
      net.settle([a, g]);
      const [from, to] = starts === 'a' ? [a, g] : [g, a];
      net.world.send(from, numbered(from, to, 1));
      net.world.run(1_000);
      net.world.send(to, numbered(to, from, 2));
      net.world.run(500);
      expect([numbersOf(to), numbersOf(from)], starts).toEqual([[1], [2]]);
      expect(net.world.seen.filter(({ bytes }) => bytes[0] === 0x20)).toEqual([]);
    }
  });

  it('speaks through it by exactly DDE, RGI, MPIT and CDN, and the GEN relays what it cannot read', () => {
    const { net, world, a, b, g } = oneGen();
    net.settle([a, g]);
    world.send(a, numbered(a, b, 1), numbered(a, b, 2));
    world.run(500);
    expect(numbersOf(b)).toEqual([1, 2]);
    expect(net.kinds(g, b).filter((kind) => kind !== 0x10)).toEqual([1, 3]);
    expect(net.kinds(b, g).filter((kind) => kind !== 0x10)).toEqual([2, 4]);
    expect(net.kinds(a, b)).toEqual([]);
    expect(entriesOf(g)).toMatchObject([{ action: 'relay', startNode: idOf(a), endNode: idOf(b), start: a.path }]);
    expect([...g.engine.node.sas.sas()]).toEqual([]);
    const packet = toHex(numbered(a, b, 1).subarray(20));
    expect(world.seen.filter(({ bytes }) => toHex(bytes).includes(packet))).toEqual([]);
    world.send(b, numbered(b, a, 3));
    world.run(500);
    expect(numbersOf(a)).toEqual([3]);
    expect(a.counter('element-unknown') + g.counter('element-no-entry')).toBe(0);
  });

  it('is reached from outside at the GEN, which hands it what is for its address', () => {
    const { net, world, a, b, g } = oneGen();
    net.settle([a, g]);
    world.send(b, numbered(b, a, 1));
    world.run(500);
    expect(numbersOf(a)).toEqual([1]);
    expect(entriesOf(g)).toMatchObject([{ startNode: idOf(b), endNode: idOf(a), end: a.path }]);
    world.send(a, numbered(a, b, 2));
    world.run(500);
    expect(numbersOf(b)).toEqual([2]);
    expect(net.kinds(b, a)).toEqual([]);
  });

  it('keeps its flows over rekeys, and the GEN forgets entries whose keys have ended', () => {
    const { net, world, a, b, g } = oneGen();
    net.settle([a, g]);
    for (let second = 0; second < 400; second++) {
      world.send(a, numbered(a, b, second));
      world.run(1_000, 100);
    }
    expect(numbersOf(b)).toEqual(Array.from({ length: 400 }, (_, at) => at));
    expect(entriesOf(g).length).toBeLessThanOrEqual(4);
    world.run(300_000, 500);
    expect(entriesOf(g).length).toBeLessThanOrEqual(2);
  });

  it('finds the GEN again after that was restarted', () => {
    const { net, world, a, b, g } = oneGen();
    net.settle([a, g]);
    world.send(a, numbered(a, b, 1));
    world.run(500);
    world.restart(g);
    world.run(30_000, 50);
    world.send(a, numbered(a, b, 2));
    world.run(3_000, 10);
    expect(numbersOf(b)).toEqual([1, 2]);
  });

  it.each([
    [25, 10],
    [70, 20],
    [600, 20],
  ])('finds the GEN again soon after both were cut off from each other for %i s: within %i s', (cut, within) => {
    const { net, world, a, g } = oneGen(`cut off ${cut}`);
    net.settle([a, g]);
    const { wire } = world;
    const between = (path: string) => path === a.path || path === g.path;
    world.wire = (flying) => (between(flying.from) && between(flying.to) ? [] : wire(flying));
    world.run(1_000 * cut, 50);
    expect(a.engine.elements.above).toBeUndefined();
    world.wire = wire;
    world.run(1_000 * within, 50);
    expect(a.engine.elements.above?.node).toBe(idOf(g));
  });
});

describe('several GENs on the path', () => {
  it.each([
    ['two, one below the other', 'a', 'b', 2],
    ['four, two at each end', 'a', 'c', 4],
    ['two, from outside', 'b', 'a', 2],
  ] as const)('%s: each has its entry, and packets go both ways', (_, from, to, hops) => {
    const world = nested();
    const [start, end] = [world[from], world[to]];
    world.world.send(start, numbered(start, end, 1));
    world.world.run(3_000, 10);
    expect(numbersOf(end)).toEqual([1]);
    world.world.send(end, numbered(end, start, 2));
    world.world.run(500);
    expect(numbersOf(start)).toEqual([2]);
    const gens = [world.gi, world.go, world.hi, world.ho].filter((gen) => entriesOf(gen).length > 0);
    expect(gens.length).toBe(hops);
    for (const gen of gens) {
      expect(entriesOf(gen)).toMatchObject([{ action: 'relay', startNode: idOf(start), endNode: idOf(end) }]);
      // what was sent at once after CDN found its entry, also where a certificate had to be fetched for it
      expect(gen.counter('element-no-entry')).toBe(0);
    }
  });

  it('hold CDN back until they know who confirmed, so that no packet comes before its entry', () => {
    const { world, a, b, gi, go } = nested();
    const { wire } = world;
    // questions for certificates and their answers are slow
    world.wire = (datagram) => {
      const isSlow = datagram.bytes[0] === 0x30 && datagram.bytes[2] >= 5;
      const arrives = millis(datagram.arrives + 60);
      return isSlow ? [{ ...datagram, arrives }] : wire(datagram);
    };
    world.send(a, numbered(a, b, 1));
    world.run(1_500);
    expect(numbersOf(b)).toEqual([1]);
    expect([gi, go].map((gen) => gen.counter('element-no-entry'))).toEqual([0, 0]);
    expect([gi, go].map((gen) => entriesOf(gen).length)).toEqual([1, 1]);
  });
});
