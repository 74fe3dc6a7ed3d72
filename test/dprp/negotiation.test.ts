import { describe, expect, it } from 'vitest';
import { agreedKeys, kindOf, pair } from './negotiation-world.ts';

describe('the four messages', () => {
  it('give both ends the same keys, one entry each, and nothing on the wire afterwards', () => {
    const { a, b, world, cid } = pair();
    world.start(a, b, cid);
    world.run();
    expect(world.log.map((d) => [d.from.name, kindOf(d), d.bytes.length])).toEqual([
      ['alice', 1, 284],
      ['bob', 2, 448],
      ['alice', 3, 460],
      ['bob', 4, 76],
    ]);
    const keys = agreedKeys(a, b);
    expect(keys.startSends).toEqual(keys.endReceives);
    expect(keys.startReceives).toEqual(keys.endSends);
    expect(keys.startSends).not.toEqual(keys.startReceives);
    expect(a.counters()).toEqual([]);
    expect(b.counters()).toEqual([]);
  });
});
