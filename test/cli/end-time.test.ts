import { describe, expect, it } from 'vitest';
import { parseEnd, parseEndOrNever } from '../../src/cli/admin/end-time.ts';

/** Seconds of a moment of this machine's time zone. */
const local = (text: string) => new Date(text).getTime() / 1000;

describe('the end of something', () => {
  it.each([
    ['8h', 1_000_000 + 8 * 3_600],
    ['3d', 1_000_000 + 3 * 86_400],
    ['2026-12-24', local('2026-12-24T23:59:59')],
    ['2026-12-24T18:00', local('2026-12-24T18:00:00')],
    ['2026-12-24 18:00:30', local('2026-12-24T18:00:30')],
  ])('may be written as %s', (text, seconds) => {
    expect(parseEnd(text, 1_000_000.9)).toBe(seconds);
  });

  it.each(['', 'tomorrow', '2026-02-30', '2026-13-01', '2026-12-24T25:00', '8', '-1h'])('is not "%s"', (text) => {
    expect(() => parseEnd(text)).toThrow(expect.objectContaining({ code: 'usage' }));
  });

  it('may be never, where something ends by itself already', () => {
    expect(parseEndOrNever('never')).toBeNull();
  });
});
