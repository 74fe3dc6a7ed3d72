import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TickTimer } from '../../src/node/tick-timer.ts';

describe('the timer of ticks', () => {
  let at: number[];
  let timer: TickTimer;

  beforeEach(() => {
    vi.useFakeTimers();
    at = [];
    timer = new TickTimer(
      () => at.push(performance.now()),
      () => performance.now(),
    );
  });
  afterEach(() => void vi.useRealTimers());

  it('is not put off by whoever asks again', () => {
    const begin = performance.now();
    for (let ms = 0; ms < 30; ms++) {
      if (at.length === 0) timer.within(10);
      vi.advanceTimersByTime(1);
    }
    expect(at).toEqual([begin + 10]);
  });

  it('comes sooner when somebody asks for it', () => {
    const begin = performance.now();
    timer.within(500);
    timer.within(20);
    vi.advanceTimersByTime(1_000);
    expect(at).toEqual([begin + 20]);
  });

  it('never ticks again once it was stopped', () => {
    timer.within(10);
    timer.stop();
    timer.within(10);
    vi.advanceTimersByTime(1_000);
    expect(at).toEqual([]);
  });
});
