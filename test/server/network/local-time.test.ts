import { describe, expect, it } from 'vitest';
import { unixSeconds } from '../../../src/base/brands.ts';
import { nextTimeOfDay, timeOfDay, timeZone } from '../../../src/server/network/local-time.ts';

function seconds(text: string) {
  return unixSeconds(Date.parse(text) / 1000);
}

describe('the next time of day', () => {
  it.each([
    ['is today when it is still to come', 'UTC', '03:00', '2026-01-05T02:59:59Z', '2026-01-05T03:00:00Z'],
    ['is tomorrow when it is now', 'UTC', '03:00', '2026-01-05T03:00:00Z', '2026-01-06T03:00:00Z'],
    ['goes over the end of a year', 'UTC', '00:00', '2026-12-31T12:00:00Z', '2027-01-01T00:00:00Z'],
    ['knows leap days', 'UTC', '03:00', '2028-02-28T04:00:00Z', '2028-02-29T03:00:00Z'],
    ['is that of the zone', 'Europe/Berlin', '03:00', '2026-01-05T00:00:00Z', '2026-01-05T02:00:00Z'],
    ['follows daylight saving', 'Europe/Berlin', '03:00', '2026-07-05T00:00:00Z', '2026-07-05T01:00:00Z'],
    [
      'is an hour later where clocks jump over it',
      'Europe/Berlin',
      '02:30',
      '2026-03-28T12:00:00Z',
      '2026-03-29T01:30:00Z',
    ],
    [
      'is the first of two where clocks show it twice',
      'Europe/Berlin',
      '02:30',
      '2026-10-24T12:00:00Z',
      '2026-10-25T00:30:00Z',
    ],
    ['comes once where clocks show it twice', 'Europe/Berlin', '02:30', '2026-10-25T00:30:00Z', '2026-10-26T01:30:00Z'],
    ['is right where offsets have quarters', 'Asia/Kathmandu', '03:00', '2026-01-05T00:00:00Z', '2026-01-05T21:15:00Z'],
    ['is right a day ahead of UTC', 'Pacific/Auckland', '03:00', '2026-01-05T13:00:00Z', '2026-01-05T14:00:00Z'],
    ['is right behind UTC', 'America/Los_Angeles', '23:30', '2026-01-06T07:00:00Z', '2026-01-06T07:30:00Z'],
  ])('%s', (_, zone, text, after, expected) => {
    const next = nextTimeOfDay(zone, text, seconds(after));
    expect(new Date(next * 1000).toISOString()).toBe(expected.replace('Z', '.000Z'));
  });

  it('is one per day through a whole year with daylight saving', () => {
    for (const zone of ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'UTC']) {
      let [moment, count] = [seconds('2026-01-01T12:00:00Z'), 0];
      while (moment < seconds('2027-01-01T12:00:00Z')) {
        const next = nextTimeOfDay(zone, '02:15', moment);
        expect(next - moment).toBeLessThanOrEqual(25 * 3600);
        [moment, count] = [next, count + 1];
      }
      expect(count).toBe(366);
    }
  });
});

it.each(['24:00', '3:00', '03:60', 'x', '03:00:00', ' 03:00'])('%j is no time of day', (text) => {
  expect(() => timeOfDay(text)).toThrow(/is not a time of day/);
});

it('a time zone is one that the machine knows', () => {
  expect(timeZone('Europe/Berlin')).toBe('Europe/Berlin');
  expect(() => timeZone('Europe/Nowhere')).toThrow(/no time zone/);
});
