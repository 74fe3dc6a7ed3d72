import { seconds } from '../units.ts';

/** "3 min ago", or "never" for 0. `at` in seconds since 1970. */
export function ago(at: number, now = Date.now() / 1000): string {
  return at === 0 ? 'never' : `${seconds(Math.max(0, now - at))} ago`;
}

/** "in 3 h", or "3 h ago" when it has passed. */
export function when(at: number, now = Date.now() / 1000): string {
  return at > now ? `in ${seconds(at - now)}` : ago(at, now);
}

/** "2026-03-01 03:00:00", in the time zone of this machine. */
export function stamp(at: number): string {
  const date = new Date(at * 1000);
  const two = (count: number): string => String(count).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')}`;
}
