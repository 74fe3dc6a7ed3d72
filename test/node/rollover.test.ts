import { describe, expect, it } from 'vitest';
import { numbered, numbersOf } from './packets.ts';
import { pair, type SimNode, type World } from './world.ts';

/** Numbered packets in both directions, one each every `every` milliseconds. */
function talk(world: World, a: SimNode, b: SimNode, duration: number, every: number, first: number): number {
  let number = first;
  const end = world.now + duration;
  while (world.now < end) {
    world.send(a, numbered(a, b, number));
    world.send(b, numbered(b, a, number));
    number += 1;
    world.run(every);
  }
  return number;
}

const versionsOf = (node: SimNode) => node.engine.node.sas.sender(1)?.version;

describe('a group key that rolls under traffic', () => {
  for (const gap of [0, 20, 300, 900, 5_000, 200_000])
    it(`moves a live pair to the new version without losing a packet, one side ${gap} ms before the other`, () => {
      const { world, a, b } = pair();
      let n = talk(world, a, b, 1_000, 10, 0);
      const before = versionsOf(a);
      world.authority.roll('office');
      world.launch(a, a.reload(world));
      n = talk(world, a, b, gap, gap > 10_000 ? 100 : 10, n);
      world.launch(b, b.reload(world));
      n = talk(world, a, b, 5_000, 10, n);
      world.run(100);
      expect(numbersOf(b)).toEqual(Array.from({ length: n }, (_, i) => i));
      expect(numbersOf(a)).toEqual(Array.from({ length: n }, (_, i) => i));
      expect(versionsOf(a)).toBe((before ?? 0) + 1);
      expect(versionsOf(b)).toBe((before ?? 0) + 1);
    });
});
