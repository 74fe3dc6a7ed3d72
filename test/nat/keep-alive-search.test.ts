import { describe, expect, it } from 'vitest';
import { millis } from '../../src/base/brands.ts';
import { KeepAliveSearch } from '../../src/nat/keep-alive-search.ts';

/** Runs a search behind a router whose mappings live for `life` ms; returns it with the questions asked. */
function searched(life: number, duration = 3_600_000) {
  const search = new KeepAliveSearch(millis(0));
  const asked: number[] = [];
  let answerAt = Number.POSITIVE_INFINITY;
  for (let now = 0; now < duration; now += 500) {
    if (now >= answerAt) {
      answerAt = Number.POSITIVE_INFINITY;
      search.handleAnswer(millis(now));
    }
    const delay = search.tick(millis(now));
    if (delay === undefined) continue;
    asked.push(delay);
    if (delay * 1_000 <= life) answerAt = now + delay * 1_000;
  }
  return { search, asked };
}

describe('the search for the interval of keep-alives', () => {
  it.each([
    ['two minutes', 121_000, 102_000],
    ['one minute', 61_000, 51_000],
    ['thirty seconds', 31_000, 25_000],
    ['less than the floor', 10_000, 25_000],
    ['for ever', 1e9, 255_000],
  ])('of mappings that live %s', (_name, life, interval) => {
    expect(searched(life).search.interval).toBe(interval);
  });

  it('asks few questions: one per step, two for the one that fails', () => {
    expect(searched(121_000).asked).toEqual([25, 40, 60, 90, 120, 180, 180]);
  });

  it('begins again on another network, and steps down when a mapping was lost', () => {
    const { search } = searched(121_000);
    search.handleMappingLost(millis(3_600_000));
    expect(search.interval).toBe(76_500);
    search.handleNetworkChange(millis(3_600_000));
    expect(search.interval).toBe(25_000);
    expect(search.tick(millis(3_600_000))).toBe(25);
  });
});
