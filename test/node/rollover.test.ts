import { describe, expect, it } from 'vitest';
import { numbered, numbersOf } from './packets.ts';
import { lossCounters, NO_LOSS, sendingVersion, talk, upTo, VersionTally } from './traffic.ts';
import { pair, type SimNode, type World } from './world.ts';

const reload = (world: World, node: SimNode) => world.launch(node, node.reload(world));

describe('a group key that rolls under traffic', () => {
  for (const gap of [0, 20, 300, 900, 5_000, 200_000])
    it(`moves a live pair to the new version without losing a packet, one side ${gap} ms before the other`, () => {
      const { world, a, b } = pair();
      let n = talk(world, a, b, 1_000, 10, 0);
      const before = sendingVersion(a) ?? 0;
      world.authority.roll('office');
      reload(world, a);
      n = talk(world, a, b, gap, gap > 10_000 ? 100 : 10, n);
      reload(world, b);
      n = talk(world, a, b, 5_000, 10, n);
      world.run(100);
      expect(numbersOf(b)).toEqual(upTo(n));
      expect(numbersOf(a)).toEqual(upTo(n));
      expect(sendingVersion(a)).toBe(before + 1);
      expect(sendingVersion(b)).toBe(before + 1);
    });

  it('loses nothing over twenty rolls, each side reading its bundle at another time; every version carries packets', () => {
    const { world, a, b } = pair();
    const tallies = [a, b].map((node) => new VersionTally(node));
    let n = talk(world, a, b, 500, 20, 0);
    const before = lossCounters(a, b);
    const first = sendingVersion(a) ?? 0;
    for (let roll = 0; roll < 20; roll++) {
      world.authority.roll('office');
      const [early, late] = roll % 2 === 0 ? [a, b] : [b, a];
      reload(world, early);
      n = talk(world, a, b, 37 * roll, 20, n);
      reload(world, late);
      for (let part = 0; part < 4; part++) {
        n = talk(world, a, b, 1_700, 20, n);
        for (const tally of tallies) tally.sample();
      }
      expect([sendingVersion(a), sendingVersion(b)]).toEqual([first + roll + 1, first + roll + 1]);
    }
    world.run(100);
    expect(numbersOf(b)).toEqual(upTo(n));
    expect(numbersOf(a)).toEqual(upTo(n));
    expect(lossCounters(a, b)).toEqual(before);
    expect(before).toEqual(NO_LOSS);
    for (const tally of tallies)
      for (let version = first; version <= first + 20; version++) expect(tally.packets(version)).toBeGreaterThan(0);
  });

  it('moves on when the versions come in one bundle, several at once', () => {
    const { world, a, b } = pair();
    let n = talk(world, a, b, 500, 10, 0);
    const first = sendingVersion(a) ?? 0;
    for (let roll = 0; roll < 3; roll++) world.authority.roll('office');
    for (const node of [a, b]) reload(world, node);
    n = talk(world, a, b, 3_000, 10, n);
    world.run(100);
    expect(numbersOf(b)).toEqual(upTo(n));
    expect(numbersOf(a)).toEqual(upTo(n));
    expect([sendingVersion(a), sendingVersion(b)]).toEqual([first + 3, first + 3]);
  });

  for (const gap of [0, 5, 200, 700])
    it(`goes straight to the newest when a second roll comes ${gap} ms after one that migrates`, () => {
      const { world, a, b } = pair();
      const tally = new VersionTally(b);
      let n = talk(world, a, b, 500, 5, 0);
      const first = sendingVersion(a) ?? 0;
      for (let roll = 0; roll < 2; roll++) {
        world.authority.roll('office');
        for (const node of [a, b]) reload(world, node);
        n = talk(world, a, b, gap, 5, n);
      }
      n = talk(world, a, b, 2_000, 5, n);
      world.run(100);
      tally.sample();
      expect(numbersOf(b)).toEqual(upTo(n));
      expect(numbersOf(a)).toEqual(upTo(n));
      expect([sendingVersion(a), sendingVersion(b)]).toEqual([first + 2, first + 2]);
      // the migration that was superseded before it began was never carried out
      if (gap < 10) expect(tally.packets(first + 1)).toBe(0);
      expect(lossCounters(a, b)).toEqual(NO_LOSS);
    });

  it('lets a version wait for its time at both ends', () => {
    const { world, a, b } = pair();
    let n = talk(world, a, b, 500, 20, 0);
    const first = sendingVersion(a) ?? 0;
    world.authority.roll('office', 30);
    for (const node of [a, b]) reload(world, node);
    n = talk(world, a, b, 25_000, 50, n);
    expect([sendingVersion(a), sendingVersion(b)]).toEqual([first, first]);
    n = talk(world, a, b, 10_000, 20, n);
    world.run(100);
    expect([sendingVersion(a), sendingVersion(b)]).toEqual([first + 1, first + 1]);
    expect(numbersOf(b)).toEqual(upTo(n));
    expect(numbersOf(a)).toEqual(upTo(n));
  });

  it('loses nothing of many flows that live at once', () => {
    const { world, a, b } = pair();
    const sent: number[] = [];
    const burst = () => {
      for (let flow = 0; flow < 50; flow++) {
        sent.push(sent.length);
        world.send(a, numbered(a, b, sent.length - 1, 2_000 + flow));
      }
      world.run(20);
    };
    for (let round = 0; round < 10; round++) burst();
    for (let roll = 0; roll < 3; roll++) {
      world.authority.roll('office');
      reload(world, roll === 1 ? b : a);
      for (let round = 0; round < 20; round++) burst();
      reload(world, roll === 1 ? a : b);
      for (let round = 0; round < 80; round++) burst();
    }
    world.run(100);
    expect(numbersOf(b)).toHaveLength(sent.length);
    expect(new Set(numbersOf(b))).toEqual(new Set(sent));
    expect(b.counter('no-entry')).toBe(0);
  });
});
