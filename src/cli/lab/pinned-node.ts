import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Root of the checkout; this file lies three folders below it in `src` as well as in `dist`. */
export const PROJECT = fileURLToPath(new URL('../../..', import.meta.url));

/** Absolute path of the Node that the lock file pins, or of the one that runs this where that one is not installed. */
export function pinnedNode(): string {
  const pinned = `${PROJECT}node_modules/node-linux-${process.arch}/bin/node`;
  return existsSync(pinned) ? pinned : process.execPath;
}

/**
 * What Node is given for whatever lives long, as the launcher and the units of the service do: much of what nodes and servers
 * make is short-lived, and a young generation that may grow to 32 MiB is not given back.
 */
export const NODE_FLAGS = ['--max-semi-space-size=4'] as const;

/** How GSCIP is started without the launcher, which looks first whether all is built; `flags` are more for Node. */
export function gscipProgram(...flags: readonly string[]): string[] {
  return [pinnedNode(), ...NODE_FLAGS, ...flags, `${PROJECT}dist/cli/main.js`];
}
