import { describe, expect, it } from 'vitest';
import { Backoff } from '../../src/base/backoff.ts';
import { millis } from '../../src/base/brands.ts';

const NONE = () => new Uint8Array(4);
const ALL = () => new Uint8Array(4).fill(0xff);
const BOUNDS = { first: 100, most: 1_500, least: 0 };

/** How long is waited after each of some failures. */
const waits = (backoff: Backoff, failures: number) =>
  Array.from({ length: failures }, () => Math.round(backoff.next(millis(5_000)) - 5_000));

describe('the wait before another try', () => {
  it.each([
    ['nothing at least', 0, NONE, [0, 0, 0, 0, 0, 0]],
    ['doubled at most, up to a bound', 0, ALL, [100, 200, 400, 800, 1_500, 1_500]],
    ['never below its part', 0.5, NONE, [50, 100, 200, 400, 750, 750]],
    ['never above the bound with a part', 0.5, ALL, [100, 200, 400, 800, 1_500, 1_500]],
  ] as const)('is %s', (_, least, random, wanted) => {
    expect(waits(new Backoff({ ...BOUNDS, least }, random), 6)).toEqual(wanted);
  });

  it('begins anew after a success, and is bounded after any number of failures', () => {
    const backoff = new Backoff(BOUNDS, ALL);
    expect(waits(backoff, 2_000).at(-1)).toBe(1_500);
    backoff.reset();
    expect(waits(backoff, 1)).toEqual([100]);
  });

  it('is drawn from what was given, wherever that lies in memory', () => {
    const pool = new Uint8Array(8).fill(0xff, 4);
    expect(waits(new Backoff(BOUNDS, () => pool.subarray(4)), 1)).toEqual([100]);
  });
});
