import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { GscipError } from '../../base/errors.ts';

/** Replaces a file at once and with mode 0600: a reader, or a crash, sees the old or the new text, never a part. */
export function writePrivately(path: string, bytes: Uint8Array): void {
  const partial = join(dirname(path), `.gscip-${randomBytes(8).toString('hex')}`);
  const file = openSync(partial, 'wx', 0o600);
  try {
    writeFileSync(file, bytes);
    fsyncSync(file);
    closeSync(file);
    renameSync(partial, path);
  } catch (cause) {
    rmSync(partial, { force: true });
    throw new GscipError(
      'write-failed',
      `${path} cannot be written`,
      'Check the free space and the permissions.',
      cause,
    );
  }
}
