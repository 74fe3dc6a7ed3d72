import { GscipError } from '../../base/errors.ts';

/** Threads that move packets, each in both directions; or one for each direction. */
export type Workers = number | 'split';

/** As many lanes as an SA may have (protocol.md 5.4). */
const MOST = 8;
/** Chosen without being asked for; more were never measured. */
const MOST_BY_ITSELF = 4;

/** As written by a user: 1 to 8, or "split". */
export function parseWorkers(text: string): Workers {
  if (text === 'split') return text;
  const number = /^\d$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= MOST) return number;
  throw new GscipError('bad-config', `workers = "${text}" is no number of threads`, `write 1 to ${MOST}, or split`);
}

/** For a machine with so many cores: on two, one loop; on more, half of them, the others are for the programs that send. */
export function workersFor(cores: number): number {
  return cores <= 2 ? 1 : Math.min(MOST_BY_ITSELF, Math.max(2, cores >> 1));
}
