import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Root of the checkout; this file lies three folders below it in `src` as well as in `dist`. */
export const PROJECT = fileURLToPath(new URL('../../..', import.meta.url));

/** Absolute path of the Node that the lock file pins, or of the one that runs this where that one is not installed. */
export function pinnedNode(): string {
  const pinned = `${PROJECT}node_modules/node-linux-${process.arch}/bin/node`;
  return existsSync(pinned) ? pinned : process.execPath;
}
