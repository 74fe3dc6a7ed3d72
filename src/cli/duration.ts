import { GscipError } from '../base/errors.ts';

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, min: 60, h: 3_600, d: 86_400 };
const LONGEST = 30 * 86_400;

/** Seconds of a time written like 60s, 5m, 2h or 1d; at most 30 days. */
export function parseDuration(text: string): number {
  const [, digits = '', unit = ''] = /^(\d{1,9})(s|m|min|h|d)$/.exec(text) ?? [];
  const length = Number(digits) * (UNITS[unit] ?? Number.NaN);
  if (digits !== '' && length <= LONGEST) return length;
  throw new GscipError('usage', `"${text}" is not a time of at most 30 days`, 'Write it like 60s, 5m, 2h or 1d.');
}
