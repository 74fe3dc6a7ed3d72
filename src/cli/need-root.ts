import { GscipError } from '../base/errors.ts';

/** Throws for whoever is not root; `why` says what is for root alone. */
export function needRoot(why: string, remedy = 'run the command with sudo'): void {
  if (process.geteuid?.() !== 0) throw new GscipError('no-root', why, remedy);
}
