import { array, assert, integer, property, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { millis, type UnixSeconds, unixSeconds } from '../../src/base/brands.ts';
import { LeaseClock, worthKeeping } from '../../src/crypto/lease-clock.ts';
import { NOW } from './fixtures.ts';

const at = (seconds: number): UnixSeconds => unixSeconds(NOW + seconds);

describe('the lease clock', () => {
  it('R5: never runs backwards, whatever the computer’s clock and the server say', () => {
    const readings = array(record({ rtc: integer({ min: -1e6, max: 1e6 }), server: integer({ min: -1e6, max: 1e6 }) }));
    assert(
      property(readings, integer({ min: 0, max: 1000 }), (rows, persisted) => {
        const clock = new LeaseClock({ lease: at(persisted) });
        let highest = at(persisted);
        rows.forEach(({ rtc, server }, i) => {
          if (server % 3 === 0) clock.handleServerTime(at(server), millis(1000 * i));
          const read = clock.lease(at(rtc), millis(1000 * i));
          expect(read).toBeGreaterThanOrEqual(highest);
          expect(read).toBeGreaterThanOrEqual(at(rtc));
          highest = read;
        });
        expect(clock.highest).toBe(highest);
      }),
    );
  });

  it('R5: takes the greatest of the computer’s clock, the persisted time and the server’s time with what has passed', () => {
    const rows = [
      [5, 0, undefined, 5],
      [5, 9, undefined, 9],
      [5, 9, 20, 30],
      [50, 9, 20, 50],
    ] as const;
    for (const [rtc, persisted, server, expected] of rows) {
      const clock = new LeaseClock({ lease: at(persisted) });
      if (server !== undefined) clock.handleServerTime(at(server), millis(1_000));
      expect(clock.lease(at(rtc), millis(11_000))).toBe(at(expected));
    }
  });

  it('for activate_at follows the server where it is known, also back', () => {
    const clock = new LeaseClock({ lease: at(0) });
    expect(clock.corrected(at(100), millis(0))).toBe(at(100));
    clock.handleServerTime(at(7), millis(0));
    expect(clock.corrected(at(100), millis(3_000))).toBe(at(10));
  });

  it('R5: goes on from what was persisted where the computer’s clock is behind what the server once told', () => {
    const clock = new LeaseClock({ lease: at(900), told: at(500), at: millis(10_000) });
    for (const [rtc, boottime, lease, corrected] of [
      [-6e8, 10_000, 900, 900],
      [499, 20_000, 910, 910],
      // behind what was persisted, perhaps since that was ahead
      [501, 30_000, 910, 501],
      [2_000, 40_000, 2_000, 2_000],
    ] as const) {
      expect(clock.corrected(at(rtc), millis(boottime))).toBe(at(corrected));
      expect(clock.lease(at(rtc), millis(boottime))).toBe(at(lease));
    }
    clock.handleServerTime(at(600), millis(40_000));
    expect(clock.corrected(at(-6e8), millis(41_000))).toBe(at(601));
  });

  it('can be asked what it would say of a clock that may be wrong', () => {
    const clock = new LeaseClock({ lease: at(5) });
    expect(clock.reading(at(9_000), millis(0))).toBe(at(9_000));
    expect(clock.lease(at(7), millis(0))).toBe(at(7));
  });
});

describe('what is kept of the lease clock', () => {
  const group = (...ends: readonly UnixSeconds[]) => ({ versions: ends.map((notAfter) => ({ notAfter })) });
  const never = unixSeconds(0xffff_ffff);
  it.each([
    ['all of it where no lease ends', at(9_000), [group(never)], at(9_000)],
    ['all of it where no key is held', at(9_000), [], at(9_000)],
    ['all of it before the end of the last lease', at(50), [group(at(10), at(60)), group(at(70))], at(50)],
    ['R5: what ends every lease, and no more', at(9_000), [group(at(60), never), group(at(70), at(10))], at(70)],
  ])('is %s', (_what, highest, groups, kept) => {
    expect(worthKeeping(highest, groups)).toBe(kept);
  });
});
