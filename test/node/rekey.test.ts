import { describe, expect, it } from 'vitest';
import { type PacketPrimitives, SA_STATS } from '../../src/base/primitives.ts';
import { VOLUME_HARD, VOLUME_SOFT } from '../../src/pccom/limits.ts';
import { numbered, numbersOf } from './packets.ts';
import { lossCounters, NO_LOSS, talk, upTo } from './traffic.ts';
import { pair, type SimNode, type World } from './world.ts';

/** Own indices of the SAs that a node ever held, with the role in which it made them. */
function watchSas(node: SimNode, seen: Map<number, string>): void {
  for (const { local, role } of node.engine.node.sas.sas()) seen.set(local, role);
}

/** Traffic over the one SA that `a` opens; returns the next number. */
function begun(world: World, a: SimNode, b: SimNode): number {
  world.send(a, numbered(a, b, 0));
  world.run(100);
  return talk(world, a, b, 1_000, 100, 1);
}

describe('an SA that grows old', () => {
  for (const [who, opens] of [
    ['the end that opened it', 'a'],
    ['the other end', 'b'],
  ] as const)
    it(`is followed by another for twenty minutes without a loss, first made by ${who}`, () => {
      const { world, a, b } = pair();
      world.send(opens === 'a' ? a : b, opens === 'a' ? numbered(a, b, 0, 900) : numbered(b, a, 0, 900));
      world.run(100);
      const [atA, atB] = [new Map<number, string>(), new Map<number, string>()];
      let n = 1;
      for (let minute = 0; minute < 20; minute++) {
        n = talk(world, a, b, 60_000, 250, n);
        watchSas(a, atA);
        watchSas(b, atB);
        expect([...a.engine.node.sas.sas()].length).toBeLessThanOrEqual(3);
      }
      world.run(100);
      expect(numbersOf(b)).toEqual(upTo(n).slice(opens === 'a' ? 0 : 1));
      expect(numbersOf(a)).toEqual(upTo(n).slice(opens === 'a' ? 1 : 0));
      expect(lossCounters(a, b)).toEqual(NO_LOSS);
      expect(atA.size).toBeGreaterThanOrEqual(10);
      expect(atB.size).toBe(atA.size);
    });

  it('is renewed by the responder at 150 s when the initiator does not', () => {
    const { world, a, b } = pair();
    let n = begun(world, a, b);
    const [first] = a.engine.node.sas.sas();
    // no DDE of the initiator arrives any more
    world.wire = ({ from, bytes }) => (from === a.path && bytes[0] === 1 ? [] : undefined);
    n = talk(world, a, b, 144_000, 500, n);
    expect([...b.engine.node.sas.sas()]).toHaveLength(1);
    n = talk(world, a, b, 100_000, 500, n);
    expect(a.engine.node.sas.byIndex(first.local)).toBeUndefined();
    expect([...b.engine.node.sas.sas()].map(({ role }) => role)).toEqual(['initiator']);
    world.run(100);
    expect(numbersOf(b)).toEqual(upTo(n));
    expect(numbersOf(a)).toEqual(upTo(n).slice(1));
  });

  it('is not renewed when nothing travels, and ends at its cap; the next packet makes another', () => {
    const { world, a, b } = pair();
    world.send(a, numbered(a, b, 1));
    world.run(300_000, 500);
    for (const node of [a, b]) expect([...node.engine.node.sas.sas()]).toEqual([]);
    world.send(a, numbered(a, b, 2));
    world.run(100);
    expect(numbersOf(b)).toEqual([1, 2]);
  });

  it('S4: stops sending at 175 s and closes at 185 and 200 s when no other can be made', () => {
    const { world, a, b } = pair();
    const begin = world.now;
    begun(world, a, b);
    world.wire = ({ bytes }) => (bytes[0] === 0x10 ? undefined : []);
    talk(world, a, b, 176_000 - (world.now - begin), 500, 100);
    for (const node of [a, b]) expect(node.engine.node.sas.sender(1)).toBeUndefined();
    const dataBefore = world.seen.filter(({ bytes }) => bytes[0] === 0x10).length;
    talk(world, a, b, 8_000, 500, 5_000);
    expect(world.seen.filter(({ bytes }) => bytes[0] === 0x10)).toHaveLength(dataBefore);
    expect([[...a.engine.node.sas.sas()].length, [...b.engine.node.sas.sas()].length]).toEqual([1, 1]);
    world.run(2_000);
    expect([[...a.engine.node.sas.sas()].length, [...b.engine.node.sas.sas()].length]).toEqual([1, 0]);
    world.run(15_000, 100);
    expect([...a.engine.node.sas.sas()]).toEqual([]);
  });
});

/** Primitives that say of every SA how much it carried, as the test pleases. */
function withVolume(volume: { sent: number }) {
  return (inner: PacketPrimitives): PacketPrimitives =>
    new Proxy(inner, {
      get(target, name) {
        if (name === 'saStats')
          return (index: Parameters<PacketPrimitives['saStats']>[0], out: Float64Array) => {
            if (!target.saStats(index, out)) return false;
            if (out[SA_STATS.txPackets] > 5) out[SA_STATS.txVolume] = volume.sent;
            return true;
          };
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
}

describe('an SA that carried much', () => {
  for (const [what, sent] of [
    ['soft', VOLUME_SOFT],
    ['hard', VOLUME_HARD],
  ] as const)
    it(`is followed by another within seconds of the ${what} limit of volume, without a loss`, () => {
      const volume = { sent: 0 };
      const { world, a, b } = pair({ wrap: withVolume(volume) });
      let n = talk(world, a, b, 2_000, 20, 0);
      const first = a.engine.node.sas.sender(1)?.local;
      volume.sent = sent;
      n = talk(world, a, b, 1_100, 20, n);
      volume.sent = 0;
      n = talk(world, a, b, 5_000, 20, n);
      world.run(100);
      expect(a.engine.node.sas.sender(1)?.local).not.toBe(first);
      expect(numbersOf(b)).toEqual(upTo(n));
      expect(numbersOf(a)).toEqual(upTo(n));
      expect(lossCounters(a, b)).toEqual(NO_LOSS);
      expect(a.counter('volume-exhausted') > 0).toBe(what === 'hard');
    });

  it('K6: is closed after too many failed opens', () => {
    const fails = { count: 0 };
    const wrap = (inner: PacketPrimitives): PacketPrimitives =>
      new Proxy(inner, {
        get(target, name) {
          if (name === 'saStats')
            return (index: Parameters<PacketPrimitives['saStats']>[0], out: Float64Array) => {
              if (!target.saStats(index, out)) return false;
              out[SA_STATS.failedOpens] = fails.count;
              return true;
            };
          const value: unknown = Reflect.get(target, name, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
    const { world, a, b } = pair({ wrap });
    talk(world, a, b, 1_000, 50, 0);
    fails.count = 2 ** 36;
    world.run(1_100);
    for (const node of [a, b]) expect([...node.engine.node.sas.sas()]).toEqual([]);
  });
});
