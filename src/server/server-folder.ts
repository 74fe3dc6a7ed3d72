import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { fromHex, toHex } from '../base/bytes.ts';
import { GscipError } from '../base/errors.ts';
import { writePrivately } from './authority/private-file.ts';

const KEY_SIZE = 32;
const KEY_TEXT = /^[0-9a-f]{64}\n?$/;

/** The state folder of one running server: nobody else may enter it, and no second server uses it. */
export class ServerFolder {
  readonly path: string;
  /** where the database is unless the server was told another */
  readonly database: string;
  readonly adminSocket: string;
  readonly #lock: Database.Database;

  /** Makes the folder if need be, and holds it until `close`, or until the process ends in whatever way. */
  constructor(path: string) {
    this.path = path;
    this.database = join(path, 'server.db');
    this.adminSocket = join(path, 'admin.sock');
    makePrivate(path);
    this.#lock = lock(path);
  }

  close(): void {
    this.#lock.close();
  }

  /** The key file that is there: a restore never makes one, since it would open nothing. */
  heldKey(file: string | undefined): Uint8Array {
    const path = file ?? join(this.path, 'server.key');
    if (existsSync(path)) return readKey(path);
    throw new GscipError(
      'no-server-key',
      `there is no key file ${path}`,
      'Put the key file (server.key) there that was kept with the backup, or name it with --key-file.',
    );
  }

  /**
   * The key that seals what is secret in the database. A new network gets a new one; a database without its key is
   * never given another. `forget` takes a key away again that sealed nothing.
   */
  sealKey(file: string | undefined, random: (length: number) => Uint8Array): { key: Uint8Array; forget: () => void } {
    const path = file ?? join(this.path, 'server.key');
    if (existsSync(path)) return { key: readKey(path), forget: () => undefined };
    if (existsSync(this.database))
      throw new GscipError(
        'no-server-key',
        `there is a database in ${this.path}, but not the key ${path} that opens it`,
        'Put the key file back from your backup: without it the network is lost.',
      );
    const key = random(KEY_SIZE);
    writePrivately(path, Buffer.from(`${toHex(key)}\n`));
    return { key, forget: () => rmSync(path, { force: true }) };
  }
}

function makePrivate(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new GscipError('no-state', `${path} cannot be made`, 'Check --state and who may write there.', cause);
  }
  if ((statSync(path).mode & 0o077) !== 0)
    throw new GscipError('folder-open', `other users may enter ${path}`, `Close it with: chmod 700 ${path}`);
}

/** SQLite's lock on a file of its own: the kernel takes it back when the process dies, so that none is ever left over. */
function lock(path: string): Database.Database {
  let held: Database.Database | undefined;
  try {
    held = new Database(join(path, 'lock'), { timeout: 0 });
    held.exec('BEGIN EXCLUSIVE');
    return held;
  } catch (cause) {
    held?.close();
    if (cause instanceof Database.SqliteError && cause.code.startsWith('SQLITE_BUSY'))
      throw new GscipError(
        'server-running',
        `another server uses ${path}`,
        'Stop it, or give this one its own --state; several servers of one network need PostgreSQL (--database).',
      );
    throw new GscipError('no-state', `${path} cannot be written`, 'Check --state and who may write there.', cause);
  }
}

/** The network's signing keys hang on this file: one that others may read is refused like an SSH key would be. */
function readKey(path: string): Uint8Array {
  if ((statSync(path).mode & 0o077) !== 0)
    throw new GscipError('server-key-open', `other users may read ${path}`, `Close it with: chmod 600 ${path}`);
  const text = readFileSync(path, 'latin1');
  if (!KEY_TEXT.test(text))
    throw new GscipError('bad-server-key', `${path} holds no key of a server`, 'Put it back from your backup.');
  return fromHex(text.trim());
}
