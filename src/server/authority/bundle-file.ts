import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { GscipError } from '../../base/errors.ts';
import { writePrivately } from './private-file.ts';

/** Refuses a path at which a bundle could not or should not be written, before anything is changed. */
export function checkBundlePath(path: string, isOld: (file: Uint8Array) => boolean, force: boolean): void {
  const folder = dirname(path);
  if (!existsSync(folder))
    throw new GscipError('no-folder', `the folder ${folder} does not exist`, `Make it with: mkdir ${folder}`);
  try {
    accessSync(folder, constants.W_OK);
  } catch (cause) {
    throw new GscipError(
      'no-permission',
      `nothing can be written in ${folder}`,
      'Choose another folder for --out.',
      cause,
    );
  }
  if (!existsSync(path) || force) return;
  if (!statSync(path).isFile() || !isOld(readFileSync(path)))
    throw new GscipError(
      'file-exists',
      `${path} exists and is no bundle of this node`,
      'Choose another --out, or --force to replace the file.',
    );
}

/** Writes the bundle with mode 0600, replacing an old one at once. */
export function writeBundle(path: string, file: Uint8Array): void {
  writePrivately(path, file);
}
