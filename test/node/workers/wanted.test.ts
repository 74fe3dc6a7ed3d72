import { describe, expect, it } from 'vitest';
import { parseWorkers, workersFor } from '../../../src/node/workers/wanted.ts';

describe('how many threads move packets', () => {
  it.each([
    [1, 1],
    [2, 1],
    [3, 2],
    [4, 2],
    [6, 3],
    [8, 4],
    [64, 4],
  ])('a machine of %i cores has %i by itself', (cores, workers) => expect(workersFor(cores)).toBe(workers));

  it('is taken as written', () => {
    expect(['1', '8', 'split'].map(parseWorkers)).toEqual([1, 8, 'split']);
  });

  it.each(['0', '9', '2.5', '-1', 'many', '', ' 2'])('"%s" is refused', (text) =>
    expect(() => parseWorkers(text)).toThrow(/write|no number/));
});
