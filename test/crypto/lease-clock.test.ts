import { array, assert, integer, property, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { millis, type UnixSeconds, unixSeconds } from '../../src/base/brands.ts';
import { LeaseClock } from '../../src/crypto/lease-clock.ts';
import { NOW } from './fixtures.ts';

const at = (seconds: number): UnixSeconds => unixSeconds(NOW + seconds);

describe('the lease clock', () => {
  it('R5: never runs backwards, whatever the computer’s clock and the server say', () => {
    const readings = array(record({ rtc: integer({ min: -1e6, max: 1e6 }), server: integer({ min: -1e6, max: 1e6 }) }));
    assert(
      property(readings, integer({ min: 0, max: 1000 }), (rows, persisted) => {
        const clock = new LeaseClock(at(persisted));
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
      const clock = new LeaseClock(at(persisted));
      if (server !== undefined) clock.handleServerTime(at(server), millis(1_000));
      expect(clock.lease(at(rtc), millis(11_000))).toBe(at(expected));
    }
  });

  it('for activate_at follows the server where it is known, also back', () => {
    const clock = new LeaseClock(at(0));
    expect(clock.corrected(at(100), millis(0))).toBe(at(100));
    clock.handleServerTime(at(7), millis(0));
    expect(clock.corrected(at(100), millis(3_000))).toBe(at(10));
  });
});
