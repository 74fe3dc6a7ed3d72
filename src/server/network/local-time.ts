import { type UnixSeconds, unixSeconds } from '../../base/brands.ts';
import { GscipError } from '../../base/errors.ts';

const DAY = 86_400;
const TIME_OF_DAY = /^([01]\d|2[0-3]):([0-5]\d)$/;

/** Reads "HH:MM", or '' and "never" for none, which is ''; anything else is a usage error. */
export function timeOfDay(text: string): string {
  if (text === 'never') return '';
  if (text === '' || TIME_OF_DAY.test(text)) return text;
  throw new GscipError('usage', `"${text}" is not a time of day`, 'Write it like 03:00, or "never".');
}

/** The name of a time zone that this machine knows. */
export function timeZone(text: string): string {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone;
  } catch {
    throw new GscipError('usage', `there is no time zone "${text}"`, 'Use a name like Europe/Berlin, or UTC.');
  }
}

/**
 * The next moment after `after` at which clocks in the zone show this time of day. Where they are put forward over it,
 * as much later; where they show it twice, the first time.
 */
export function nextTimeOfDay(zone: string, text: string, after: UnixSeconds): UnixSeconds {
  const [, hours = '0', minutes = '0'] = TIME_OF_DAY.exec(text) ?? [];
  const seconds = Number(hours) * 3600 + Number(minutes) * 60;
  const today = Math.floor((after + offsetAt(zone, after)) / DAY);
  for (let day = today - 1; ; day++) {
    const moment = momentOf(zone, day * DAY + seconds);
    if (moment > after) return unixSeconds(moment);
  }
}

/** The moment at which clocks in the zone show this date and time, given as seconds as if it were UTC. */
function momentOf(zone: string, shown: number): number {
  const [before, behind] = [offsetAt(zone, shown - DAY), offsetAt(zone, shown + DAY)];
  const moments = [shown - before, shown - behind].sort((a, b) => a - b);
  return moments.find((moment) => moment + offsetAt(zone, moment) === shown) ?? shown - before;
}

/** How far the zone's clocks are ahead of UTC, in seconds. */
function offsetAt(zone: string, moment: number): number {
  const format = formats.get(zone) ?? formatOf(zone);
  formats.set(zone, format);
  const parts = new Map(format.formatToParts(moment * 1000).map(({ type, value }) => [type, Number(value)]));
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0;
  const days = daysSinceEpoch(part('year'), part('month'), part('day'));
  return days * DAY + part('hour') * 3600 + part('minute') * 60 + part('second') - moment;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
  const two = '2-digit';
  return new Intl.DateTimeFormat('en-GB', {
    ...{ timeZone: zone, calendar: 'gregory', numberingSystem: 'latn', hourCycle: 'h23' },
    ...{ year: 'numeric', month: two, day: two, hour: two, minute: two, second: two },
  });
}

/** Days from 1970-01-01 to a date of the Gregorian calendar. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year; // years begin in March, so that a leap day is the last
  const era = Math.floor(y / 400);
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const yearOfEra = y - era * 400;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}
