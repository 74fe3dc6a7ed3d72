import { closeSync, linkSync, openSync, readFileSync, renameSync, rmSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { GscipError } from '../../base/errors.ts';

/** Runs `work` while no other process may change the folder; a lock whose process has died is taken over. */
export function withFolderLock<T>(folder: string, work: () => T): T {
  const path = join(folder, 'lock');
  const own = `${path}.${process.pid}`;
  writeNew(own);
  try {
    take(own, path);
  } finally {
    unlinkSync(own);
  }
  try {
    return work();
  } finally {
    rmSync(path, { force: true });
  }
}

/** A link appears at once with its whole text, so that nobody reads a lock that is half written. */
function take(own: string, path: string): void {
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      linkSync(own, path);
      return;
    } catch (cause) {
      if (errorCode(cause) !== 'EEXIST') throw cause;
    }
    const owner = readOwner(path);
    if (owner === undefined) continue;
    if (isAlive(owner)) throw busy(path, owner);
    discard(path, owner, `${own}.dead`);
  }
  throw busy(path, undefined);
}

/** Takes a dead process's lock away; when another process was quicker and it is that one's, puts it back. */
function discard(path: string, owner: number, aside: string): void {
  try {
    renameSync(path, aside);
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return;
    throw cause;
  }
  const taken = readOwner(aside);
  if (taken !== owner) linkSync(aside, path);
  unlinkSync(aside);
}

function busy(path: string, owner: number | undefined): GscipError {
  const who = owner === undefined ? 'another process' : `process ${owner}`;
  return new GscipError(
    'authority-busy',
    `${who} is changing this authority`,
    `Try again when it has ended. If it is no gscip, delete ${path}.`,
  );
}

function writeNew(path: string): void {
  const file = openSync(path, 'w', 0o600);
  writeSync(file, `${process.pid}\n`);
  closeSync(file);
}

function readOwner(path: string): number | undefined {
  try {
    return Number.parseInt(readFileSync(path, 'utf8'), 10) || undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return errorCode(cause) === 'EPERM';
  }
}

function errorCode(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : '';
}
