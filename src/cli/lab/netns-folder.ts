import { accessSync, constants, mkdirSync, readFileSync } from 'node:fs';
import { GscipError } from '../../base/errors.ts';
import { runNow } from './run-now.ts';

const FOLDER = '/run/netns';

/**
 * Makes sure that named namespaces can be made here. Inside a user namespace with a private mount namespace
 * (`unshare -Urnm`) /run belongs to somebody else, so a fresh one is mounted over it, seen by this process and its children only.
 */
export function prepareNetnsFolder(): void {
  if (process.getuid?.() !== 0) {
    throw new GscipError('no-root', 'network namespaces need root', 'use sudo, or run it inside: unshare -Urnm');
  }
  if (writable()) return;
  if (inUserNamespace()) runNow('mount', ['-t', 'tmpfs', 'tmpfs', '/run']);
  if (!writable())
    throw new GscipError('no-netns', `${FOLDER} cannot be written`, 'run it as root, or inside: unshare -Urnm');
}

function writable(): boolean {
  try {
    mkdirSync(FOLDER, { recursive: true });
    accessSync(FOLDER, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** The first user namespace maps all 2^32 ids onto themselves; every other one maps fewer. */
function inUserNamespace(): boolean {
  return !/^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'utf8'));
}
