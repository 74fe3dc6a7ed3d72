import { spawnSync } from 'node:child_process';
import { GscipError } from '../../base/errors.ts';

/** Runs a short command to its end and returns what it printed; a failure names the command and what it said. */
export function runNow(command: string, args: readonly string[], input = ''): string {
  const done = spawnSync(command, args, { encoding: 'utf8', input, timeout: 120_000, maxBuffer: 1 << 24 });
  if (done.error === undefined && done.status === 0) return done.stdout;
  const line = [command, ...args].join(' ');
  if (done.error !== undefined) {
    throw new GscipError(
      'lab-command',
      `${line}: ${done.error.message}`,
      `install what provides ${command}`,
      done.error,
    );
  }
  throw new GscipError('lab-command', `${line}: ${done.stderr.trim() || `ended with ${done.status ?? done.signal}`}`);
}

/** Runs a short command whose failure does not matter; true when it succeeded. */
export function tryNow(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore', timeout: 20_000 }).status === 0;
}
