import { describe, expect, it } from 'vitest';
import { DATAGRAM } from '../../src/base/datagram-kinds.ts';
import { numbered, numbersOf, swapPorts } from './packets.ts';
import { pair } from './world.ts';

const kindsOf = (seen: readonly { readonly bytes: Uint8Array }[]) => seen.map(({ bytes }) => bytes[0]);

describe('two nodes joined in memory', () => {
  for (const family of [4, 6] as const)
    it(`keep the first IPv${family} packet and deliver it once, after exactly four messages`, () => {
      const { world, a, b } = pair();
      world.send(a, numbered(a, b, 1, 5000, family));
      world.run(100);
      expect(numbersOf(b)).toEqual([1]);
      expect(kindsOf(world.seen)).toEqual([
        DATAGRAM.dde,
        DATAGRAM.rgi,
        DATAGRAM.mpit,
        DATAGRAM.cdn,
        DATAGRAM.data,
        // the end GE answers the first datagram once
        DATAGRAM.data,
      ]);
    });

  it('carry answers under the entry that the first packet made', () => {
    const { world, a, b } = pair();
    world.send(a, numbered(a, b, 1));
    world.run(100);
    const before = world.seen.length;
    world.send(b, ...[2, 3].map((n) => swapPorts(numbered(b, a, n))));
    world.run(100);
    expect(numbersOf(a)).toEqual([2, 3]);
    expect(kindsOf(world.seen.slice(before))).toEqual([DATAGRAM.data, DATAGRAM.data]);
  });

  it('open further flows inside the SA, the packet riding with MPIT', () => {
    const { world, a, b } = pair();
    world.send(a, numbered(a, b, 1));
    world.run(100);
    const before = world.seen.length;
    for (let n = 2; n < 12; n++) world.send(a, numbered(a, b, n, 6000 + n));
    world.run(100);
    expect(numbersOf(b).sort((x, y) => x - y)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(kindsOf(world.seen.slice(before)).every((kind) => kind === DATAGRAM.data)).toBe(true);
  });

  it('lose none of a thousand first packets', () => {
    const { world, a, b } = pair();
    for (let n = 0; n < 1000; n++) {
      world.send(a, numbered(a, b, n, 1000 + n));
      world.run(2);
    }
    world.run(200);
    expect(numbersOf(b)).toEqual(Array.from({ length: 1000 }, (_, n) => n));
  });
});
