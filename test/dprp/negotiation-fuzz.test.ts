import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { millis, saIndex } from '../../src/base/brands.ts';
import {
  agreedKeys,
  type Datagram,
  flow,
  GROUP_A,
  kindOf,
  pair,
  type TestNode,
  type World,
} from './negotiation-world.ts';

/** Somewhere in a negotiation, with datagrams of all kinds around. */
function midway(steps: number) {
  const joined = pair();
  const { a, b, world, cid } = joined;
  world.start(a, b, cid);
  for (let i = 0; i < steps && world.wire.length > 0; i++) world.deliver();
  return joined;
}

function gains(node: TestNode): number {
  return [...node.of('install-receive'), ...node.of('install-send'), ...node.of('entry'), ...node.of('advance')].length;
}

/** Bytes that look like DPRP up to a point. */
function hostile(world: World): fc.Arbitrary<Uint8Array> {
  const seeds = world.log.map(({ bytes }) => bytes);
  const index = fc.constantFrom(...seeds.flatMap((bytes) => [bytes.slice(4, 8), bytes.slice(8, 12)]));
  const size = fc.constantFrom(12, 56, 64, 68, 76, 284, 316, 368, 376, 448, 460, 492, 796, 810, 1_104, 1_232);
  const shaped = fc
    .tuple(fc.integer({ min: 0, max: 9 }), index, index, size, fc.uint8Array({ minLength: 64, maxLength: 64 }))
    .map(([kind, sender, receiver, length, filling]) => {
      const bytes = Uint8Array.from({ length }, (_, i) => filling[i % 64]);
      bytes.set([kind, 1, 0, 0, ...sender, ...receiver]);
      return bytes;
    });
  const mutated = fc
    .tuple(fc.constantFrom(...seeds), fc.array(fc.tuple(fc.nat(1_300), fc.nat(255)), { minLength: 1, maxLength: 4 }))
    .map(([seed, changes]) => {
      const bytes = seed.slice();
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      return bytes;
    });
  const cut = fc.tuple(fc.constantFrom(...seeds), fc.nat(1_300)).map(([seed, length]) => seed.slice(0, length));
  return fc.oneof(fc.uint8Array({ maxLength: 1_300 }), shaped, mutated, cut);
}

describe('hostile bytes', () => {
  it.each([0, 1, 2, 3, 4])('W2: never throw and never win anything, %i messages into a negotiation', (steps) => {
    const { a, b, world } = midway(steps);
    const log = world.log.length;
    const original = new Set(world.log.map(({ bytes }) => bytes.join()));
    const before = gains(a) + gains(b);
    fc.assert(
      fc.property(hostile(world), fc.boolean(), (bytes, toAlice) => {
        if (original.has(bytes.join())) return;
        const node = toAlice ? a : b;
        const effects = node.negotiations.handleDatagram(bytes, world.nodes[toAlice ? 1 : 0].path, world.now);
        node.apply(effects.filter(({ kind }) => kind !== 'send'));
      }),
      { numRuns: 400 },
    );
    expect(gains(a) + gains(b)).toBe(before);
    expect(world.log).toHaveLength(log);
    world.run();
    world.pass(5_000);
    expect(agreedKeys(a, b).startSends).toEqual(agreedKeys(a, b).endReceives);
    expect(agreedKeys(a, b).startSends).toBeDefined();
  });

  it('no order of inputs throws, and every index that was taken is given back or installed', () => {
    type Step = (nodes: readonly TestNode[], world: World) => void;
    const by = (weight: number, act: (node: TestNode, other: TestNode, world: World) => void) => ({
      weight,
      arbitrary: fc.nat(1).map(
        (at): Step =>
          (nodes, world) =>
            act(nodes[at], nodes[1 - at], world),
      ),
    });
    const wire = (weight: number, act: (world: World, datagram: Datagram) => void) => ({
      weight,
      arbitrary: fc.nat(8).map(
        (at): Step =>
          (_nodes, world) => {
            const [datagram] = world.wire.splice(at % Math.max(1, world.wire.length), 1);
            if (datagram) act(world, datagram);
          },
      ),
    });
    const step: fc.Arbitrary<Step> = fc.oneof(
      by(3, (node, other, world) => {
        const [from, to] = [node, other].map(({ member }) => member.vips[0][15]);
        world.start(node, other, flow(`100.64.0.${from}`, `100.64.0.${to}`, world.log.length));
      }),
      by(1, (node, _other, world) => {
        const index = node.of('install-receive').at(-1)?.sa.local ?? saIndex(0);
        world.apply(node, node.negotiations.confirmedByData(index, world.now));
      }),
      by(1, (node, _other, world) => world.apply(node, node.negotiations.versionsChanged(world.now))),
      by(1, (node, other, world) => world.apply(node, node.negotiations.removeMember(GROUP_A, other.id, world.now))),
      by(1, (node, _other, world) => world.apply(node, node.negotiations.dropAll('dropped', world.now))),
      wire(10, (world, datagram) => world.deliver(datagram)),
      wire(1, () => undefined),
      wire(1, (world, datagram) => {
        world.deliver(datagram);
        world.deliver(datagram);
      }),
      {
        weight: 2,
        arbitrary: fc.nat(6_000).map(
          (time): Step =>
            (_nodes, world) =>
              world.pass(time, () => false),
        ),
      },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { a, b, world } = pair();
        const nodes = [a, b];
        for (const act of steps) act(nodes, world);
        world.run();
        world.pass(60_000);
        for (const node of nodes) {
          expect(node.negotiations.open).toEqual({ answered: 0, started: 0 });
          const receiving = node.of('install-receive').map(({ sa }) => sa.local);
          expect(new Set(receiving).size).toBe(receiving.length); // K1: no index is installed twice
          expect(1_000_000 - node.freeIndices).toBe(receiving.length);
          expect(node.freed.filter((index) => receiving.includes(index))).toEqual([]);
          for (const { localIndex } of node.of('install-send')) expect(receiving).toContain(localIndex);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('time may stand still or jump', () => {
    const { a, b, world, cid } = pair();
    world.start(a, b, cid);
    for (const now of [0, 1e12, 5, Number.MAX_SAFE_INTEGER]) {
      a.apply(a.negotiations.tick(millis(now)));
      b.apply(b.negotiations.tick(millis(now)));
    }
    expect(a.of('failed')).toHaveLength(1);
    expect(kindOf(world.wire[0])).toBe(1);
  });
});
