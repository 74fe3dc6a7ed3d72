import { chmodSync, closeSync, existsSync, fsyncSync, linkSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Sqlite from 'better-sqlite3';
import { Kysely, SqliteDialect, sql } from 'kysely';
import { GscipError } from '../../base/errors.ts';
import type { Database } from './database.ts';
import { databaseError } from './database-errors.ts';
import { MIGRATIONS, type Migrations, planMigration, runMigrations } from './migrations.ts';
import type { Schema, Sql } from './schema.ts';

/** How long a writer waits for another program, and how often it tries: waiting inside SQLite would hold up the whole process. */
const BUSY_WAIT_MS = 5_000;
const BUSY_RETRY_MS = 10;

/** A network in a file. */
export class SqliteDatabase implements Database {
  readonly engine = 'sqlite';
  readonly #path: string;
  readonly #migrations: Migrations;
  readonly #busyWait: number;
  readonly #sql: Sql;

  constructor(path: string, migrations: Migrations = MIGRATIONS, busyWait = BUSY_WAIT_MS) {
    this.#path = path;
    this.#busyWait = busyWait;
    this.#migrations = migrations;
    this.#sql = new Kysely<Schema>({ dialect: new SqliteDialect({ database: async () => openFile(path) }) });
  }

  async exists(): Promise<boolean> {
    return existsSync(this.#path) && statSync(this.#path).size > 0;
  }

  migrate(): Promise<void> {
    return guarded(() =>
      this.#sql.connection().execute(async (connection) => {
        const { existing, pending } = await planMigration(connection, this.#migrations);
        if (pending.length === 0) return;
        if (existing) await this.#keepCopy(connection, pending[0]);
        await transaction(connection, 'begin exclusive', this.#busyWait, (db) => runMigrations(db, this.#migrations));
      }),
    );
  }

  write<T>(work: (db: Sql) => Promise<T>): Promise<T> {
    return guarded(() =>
      this.#sql.connection().execute((connection) => transaction(connection, 'begin immediate', this.#busyWait, work)),
    );
  }

  /** On a connection of its own: a long read, such as a backup, keeps no command waiting. */
  read<T>(work: (db: Sql) => Promise<T>): Promise<T> {
    return guarded(async () => {
      const reader = new Kysely<Schema>({
        dialect: new SqliteDialect({ database: async () => new Sqlite(this.#path, { readonly: true }) }),
      });
      try {
        return await reader
          .connection()
          .execute((connection) => transaction(connection, 'begin', this.#busyWait, work));
      } finally {
        await reader.destroy();
      }
    });
  }

  replace<T>(_evenIfRunning: boolean, fill: (db: Sql) => Promise<T>): Promise<T> {
    return guarded(async () => {
      const partial = `${this.#path}.partial`;
      removeDatabase(partial);
      const made = new Kysely<Schema>({ dialect: new SqliteDialect({ database: async () => openFile(partial) }) });
      try {
        const result = await made.connection().execute(async (connection) => {
          const filled = await transaction(connection, 'begin exclusive', 0, fill);
          // one whole file, which can be renamed
          await sql`pragma journal_mode = delete`.execute(connection);
          return filled;
        });
        await made.destroy();
        putInPlace(partial, this.#path);
        return result;
      } catch (cause) {
        await made.destroy();
        removeDatabase(partial);
        throw cause;
      }
    });
  }

  async announce(): Promise<void> {}

  async listen(): Promise<void> {}

  close(): Promise<void> {
    return this.#sql.destroy();
  }

  async #keepCopy(connection: Sql, before: string): Promise<void> {
    const copy = `${this.#path}.before-${before}`; // on the disk, by its name, before the first change
    const partial = `${copy}.partial`;
    removeDatabase(partial);
    try {
      await sql`vacuum into ${partial}`.execute(connection);
      chmodSync(partial, 0o600);
      sync(partial);
    } catch (cause) {
      removeDatabase(partial); // a full disk gets its room back
      throw cause;
    }
    renameSync(partial, copy);
    sync(dirname(copy));
  }
}

/** Opens or makes a file that nobody else may read; every commit is on the disk before it is told. */
function openFile(path: string): Sqlite.Database {
  closeSync(openSync(path, 'a', 0o600));
  const file = new Sqlite(path, { timeout: 0 });
  file.pragma('journal_mode = WAL');
  file.pragma('synchronous = FULL');
  return file;
}

/** Renames a finished database over the one in use, which is kept; nobody may have that open. */
function putInPlace(made: string, path: string): void {
  if (existsSync(path)) {
    const release = claim(path);
    try {
      rmSync(`${path}.before-restore`, { force: true });
      linkSync(path, `${path}.before-restore`);
      renameSync(made, path);
    } finally {
      release();
    }
  } else renameSync(made, path);
  sync(dirname(path));
}

/** Folds the log of a database into its file and keeps others out, until the result is called. A damaged one is taken as it is. */
function claim(path: string): () => void {
  const file = new Sqlite(path, { timeout: 0 });
  try {
    file.pragma('journal_mode = DELETE');
    file.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    if (isBusy(cause)) {
      file.close();
      throw new GscipError(
        'network-running',
        `a server has ${path} open; nothing was changed`,
        'Stop it first; then restore again.',
        cause,
      );
    }
    for (const end of ['-wal', '-shm'])
      if (existsSync(path + end)) renameSync(path + end, `${path}.before-restore${end}`);
  }
  return () => file.close();
}

function removeDatabase(path: string): void {
  for (const end of ['', '-wal', '-shm', '-journal']) rmSync(path + end, { force: true });
}

function sync(path: string): void {
  const handle = openSync(path, 'r');
  fsyncSync(handle);
  closeSync(handle);
}

async function transaction<T>(
  connection: Sql,
  begin: string,
  busyWait: number,
  work: (db: Sql) => Promise<T>,
): Promise<T> {
  await beginPatiently(connection, begin, busyWait);
  try {
    const result = await work(connection);
    await sql`commit`.execute(connection);
    return result;
  } catch (cause) {
    // SQLite has ended the transaction itself after some errors
    await sql`rollback`.execute(connection).catch(() => undefined);
    throw cause;
  }
}

async function beginPatiently(connection: Sql, begin: string, busyWait: number): Promise<void> {
  for (let waited = 0; ; waited += BUSY_RETRY_MS)
    try {
      await sql.raw(begin).execute(connection);
      return;
    } catch (cause) {
      if (waited >= busyWait || !isBusy(cause)) throw cause;
      await delay(BUSY_RETRY_MS);
    }
}

function isBusy(cause: unknown): boolean {
  return cause instanceof Sqlite.SqliteError && cause.code.startsWith('SQLITE_BUSY');
}

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw databaseError(cause);
  }
}
