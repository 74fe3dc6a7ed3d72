import { GscipError } from '../../base/errors.ts';
import { parseDuration } from '../duration.ts';

const DAY = /^\d{4}-\d{2}-\d{2}$/;
const LENGTH = /^\d+[a-z]+$/;
const TIME = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2})?$/;

/**
 * When something ends, in seconds since 1970: after a time (8h, 3d), at the end of a day (2026-12-24), or at a minute (2026-12-24T18:00);
 * days and minutes are this machine's.
 */
export function parseEnd(text: string, now = Date.now() / 1000): number {
  if (DAY.test(text)) return secondsOf(text, `${text}T23:59:59`);
  if (TIME.test(text)) return secondsOf(text, text.replace(' ', 'T'));
  if (!LENGTH.test(text)) throw unreadable(text);
  return Math.floor(now) + parseDuration(text);
}

/** The same, or null for "never". */
export function parseEndOrNever(text: string): number | null {
  return text === 'never' ? null : parseEnd(text);
}

function secondsOf(text: string, stated: string): number {
  const at = new Date(stated);
  // a day that does not exist is another one for Date
  if (Number.isNaN(at.getTime()) || at.getDate() !== Number(stated.slice(8, 10))) throw unreadable(text);
  return Math.floor(at.getTime() / 1000);
}

function unreadable(text: string): GscipError {
  return new GscipError('usage', `"${text}" is no end`, 'Write it like 8h, 3d, 2026-12-24 or 2026-12-24T18:00.');
}
