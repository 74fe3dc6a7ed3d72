import { expect, it } from 'vitest';
import { editDistance, nearestName } from '../../src/base/nearest-name.ts';

it.each([
  ['', '', 0],
  ['abc', 'abc', 0],
  ['abc', 'abd', 1],
  ['abc', 'ab', 1],
  ['', 'abc', 3],
  ['kitten', 'sitting', 3],
])('%j is away from %j by %i', (a, b, distance) => {
  expect([editDistance(a, b), editDistance(b, a)]).toEqual([distance, distance]);
});

it.each([
  ['hme', ['lab', 'home'], 'home'],
  ['web', ['webserver-1', 'wb', 'x'], 'wb'],
  ['x', [], undefined],
])('the name nearest to %j in %j is %j', (text, known, nearest) => {
  expect(nearestName(text, known)).toBe(nearest);
});
