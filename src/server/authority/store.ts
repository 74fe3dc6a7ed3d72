import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { GscipError } from '../../base/errors.ts';
import { withFolderLock } from './folder-lock.ts';
import { writePrivately } from './private-file.ts';
import type { AuthorityState } from './state.ts';
import { decodeState, encodeState } from './state-codec.ts';

const STATE_FILE = 'authority.cbor';

/** What a change leaves behind, and what it found out for the one who asked. */
export interface Change<T> {
  readonly state: AuthorityState;
  readonly result: T;
}

/** Makes the folder of a new authority. An authority that is there already is never touched. */
export function createAuthority(folder: string, make: () => AuthorityState): AuthorityState {
  if (existsSync(join(folder, STATE_FILE)))
    throw new GscipError(
      'authority-exists',
      `${folder} holds an authority already`,
      'Choose another folder; nothing was changed.',
    );
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new GscipError('folder-in-use', `${folder} is not empty`, 'Choose a folder of its own for the authority.');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  return withFolderLock(folder, () => {
    const state = make();
    writePrivately(join(folder, STATE_FILE), encodeState(state));
    return state;
  });
}

/** Reads an authority. */
export function readAuthority(folder: string): AuthorityState {
  const path = join(folder, STATE_FILE);
  const state = decodeState(readState(folder, path));
  if (state === 'schema')
    throw new GscipError('authority-newer', `${path} was written by a newer GSCIP`, 'Use that version of GSCIP.');
  if (state === 'damaged')
    throw new GscipError('authority-damaged', `${path} is damaged`, 'Restore the folder from a backup.');
  return state;
}

/** Changes an authority under its lock: the new state is on disk before the result is returned, or nothing has changed. */
export function changeAuthority<T>(folder: string, change: (state: AuthorityState) => Change<T>): T {
  readAuthority(folder);
  return withFolderLock(folder, () => {
    const { state, result } = change(readAuthority(folder));
    writePrivately(join(folder, STATE_FILE), encodeState(state));
    return result;
  });
}

function readState(folder: string, path: string): Uint8Array {
  refuseOpenFolder(folder);
  try {
    return readFileSync(path);
  } catch (cause) {
    if (!existsSync(path))
      throw new GscipError(
        'no-authority',
        `${folder} holds no authority`,
        `Make one with: gscip authority init ${folder} --network NAME`,
        cause,
      );
    throw new GscipError(
      'no-permission',
      `${path} cannot be read`,
      'Run the command as the owner of the folder.',
      cause,
    );
  }
}

/** The keys of a whole network lie here: a folder that others may enter is refused like an SSH key would be. */
function refuseOpenFolder(folder: string): void {
  if (!existsSync(folder)) return;
  if ((statSync(folder).mode & 0o077) !== 0)
    throw new GscipError('folder-open', `other users may enter ${folder}`, `Close it with: chmod 700 ${folder}`);
}
