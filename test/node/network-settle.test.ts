import { describe, expect, it } from 'vitest';
import { millis } from '../../src/base/brands.ts';
import { NetworkSettle } from '../../src/node/network-settle.ts';

/** When it looks, with an event at each of these times and the clock going on in steps of a millisecond. */
function looks(events: readonly number[], until: number): number[] {
  const settle = new NetworkSettle(millis(0));
  const found: number[] = [];
  for (let now = 0; now <= until; now++) {
    if (events.includes(now)) settle.handleEvent(millis(now));
    if (settle.take(millis(now))) found.push(now);
  }
  return found;
}

const every = (step: number, until: number) => Array.from({ length: until / step }, (_, at) => at * step);

describe('looking at the network again', () => {
  it('waits until the events of one change are over', () => expect(looks([5, 10, 24, 43], 200)).toEqual([63]));

  it('does not wait for ever', () => expect(looks(every(10, 200), 150)).toEqual([100]));

  it('does nothing without an event', () => expect(looks([], 1_000)).toEqual([]));

  it('is bounded while an interface flaps, and misses no end of it', () => {
    const found = looks(every(50, 20_000), 30_000);
    expect(found.length).toBeGreaterThan(10);
    expect(found.length).toBeLessThanOrEqual(10 + 42);
    expect(found.at(-1)).toBeGreaterThanOrEqual(19_950 + 20);
  });

  it('tells when it is due', () => {
    const settle = new NetworkSettle(millis(0));
    expect(settle.nextDeadline()).toBeUndefined();
    settle.handleEvent(millis(5));
    expect(settle.nextDeadline()).toBe(25);
  });
});
