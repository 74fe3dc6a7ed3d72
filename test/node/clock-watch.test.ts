import { describe, expect, it } from 'vitest';
import { bootMillis, type ClockJump, type ClockSample, ClockWatch } from '../../src/node/clock-watch.ts';

const START: ClockSample = { monotonic: 1_000, boot: 5_000, wall: 1_767_225_600_000 };

/** The start, moved on by so many milliseconds on each clock. */
function moved(monotonic: number, boot: number, wall: number): ClockSample {
  return { monotonic: START.monotonic + monotonic, boot: START.boot + boot, wall: START.wall + wall };
}

describe('the clocks', () => {
  const rows: readonly (readonly [string, ClockSample, ClockJump | undefined])[] = [
    ['all go on', moved(500, 500, 500), undefined],
    ['readings are rough', moved(500, 510, 480), undefined],
    ['the loop was held up', moved(60_000, 60_000, 60_000), undefined],
    ['the machine slept', moved(500, 3_600_500, 3_600_500), 'slept'],
    ['it slept shortly', moved(500, 2_100, 2_100), 'slept'],
    ['time synchronisation steps a little', moved(500, 500, 20_500), undefined],
    ['and backwards', moved(500, 500, -20_500), undefined],
    ['the wall clock leaps', moved(500, 500, 40_500), 'stepped'],
    ['the wall clock leaps back', moved(500, 500, -40_000), 'stepped'],
    ['an image of the machine is restored', moved(0, 0, 86_400_000), 'stepped'],
  ];
  it.each(rows)('K4: when %s', (_, sample, jump) => {
    expect(new ClockWatch(START).handleSample(sample)).toBe(jump);
  });

  it('tell a jump once, and small steps never, however many there are', () => {
    const watch = new ClockWatch(START);
    expect(watch.handleSample(moved(500, 100_500, 100_500))).toBe('slept');
    expect(watch.handleSample(moved(1_000, 101_000, 101_000))).toBeUndefined();
    for (let n = 1; n < 100; n++)
      expect(watch.handleSample(moved(1_000 + n, 101_000 + n, 101_000 + n * 20_000))).toBeUndefined();
  });

  it('give the time since the machine started', () => {
    const first = bootMillis();
    expect(first).toBeGreaterThan(0);
    expect(bootMillis()).toBeGreaterThanOrEqual(first);
  });
});
