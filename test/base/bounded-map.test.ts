import { expect, it } from 'vitest';
import { BoundedMap } from '../../src/base/bounded-map.ts';

it('a bounded map lets the entry go that was put in first, and no more than it must', () => {
  const map = new BoundedMap<string, number>(2);
  map.set('a', 1);
  map.set('b', 2);
  map.set('a', 3); // now the younger one
  map.set('c', 4);
  expect([map.get('a'), map.get('b'), map.get('c')]).toEqual([3, undefined, 4]);
});
