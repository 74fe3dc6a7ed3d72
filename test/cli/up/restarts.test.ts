import { describe, expect, it } from 'vitest';
import { Restarts } from '../../../src/cli/up/restarts.ts';

describe('the time until a process is started again', () => {
  it('doubles while it keeps dying, up to a minute', () => {
    const restarts = new Restarts();
    const delays = Array.from({ length: 9 }, (_, at) => {
      restarts.started(at * 1_000);
      return restarts.ended(at * 1_000 + 500);
    });
    expect(delays).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60].map((seconds) => seconds * 1_000));
  });

  it('is short again for one that has run for a minute', () => {
    const restarts = new Restarts();
    restarts.started(0);
    restarts.ended(100);
    restarts.started(1_000);
    expect(restarts.ended(60_999)).toBe(2_000);
    restarts.started(100_000);
    expect(restarts.ended(160_000)).toBe(1_000);
  });
});
