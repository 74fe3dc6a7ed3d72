import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SCENES, WarmUp } from '../../src/node/warm-up.ts';

class Stage {
  played = 0;
  closed = 0;
  batches = 0;

  play(): boolean {
    this.played += 1;
    return true;
  }

  close(): void {
    this.closed += 1;
  }
}

describe('the warm-up', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('plays its scenes, closes the rehearsal once, and ends', () => {
    const stage = new Stage();
    const warmUp = new WarmUp(stage, () => stage.batches);
    vi.runAllTimers();
    warmUp.stop();
    expect(stage).toMatchObject({ played: SCENES, closed: 1 });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('waits while packets come', () => {
    const stage = new Stage();
    const warmUp = new WarmUp(stage, () => ++stage.batches);
    vi.advanceTimersByTime(10_000);
    expect(stage.played).toBe(0);
    warmUp.stop();
  });

  it('stops at once, in the middle', () => {
    const stage = new Stage();
    const warmUp = new WarmUp(stage, () => stage.batches);
    vi.advanceTimersByTime(500);
    const { played } = stage;
    expect(played).toBeGreaterThan(10);
    warmUp.stop();
    vi.runAllTimers();
    expect(stage).toMatchObject({ played, closed: 1 });
  });
});
