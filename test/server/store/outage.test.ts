import { execFileSync } from 'node:child_process';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import Sqlite from 'better-sqlite3';
import { sql } from 'kysely';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { databaseError } from '../../../src/server/store/database-errors.ts';
import { MIGRATIONS } from '../../../src/server/store/migrations.ts';
import { PostgresDatabase } from '../../../src/server/store/postgres-database.ts';
import { SqliteDatabase } from '../../../src/server/store/sqlite-database.ts';
import type { Store } from '../../../src/server/store/store.ts';
import { addUser, ROOT, testFolder } from './ground.ts';
import { storeTools } from './store-tools.ts';

const { stores, postgres } = storeTools();
afterEach(() => void vi.useRealTimers());

/** Runs a command until the database answers again. */
async function eventually(store: Store, name: string): Promise<void> {
  for (;;)
    try {
      return await store.run(ROOT, 'user.add', addUser(name));
    } catch (cause) {
      expect(cause).toMatchObject({ code: 'database-unreachable' });
    }
}

describe('a store whose PostgreSQL goes away', () => {
  it('refuses commands with a remedy, says so in trouble, and goes on when it is back', async () => {
    const database = postgres().newDatabase();
    const store = await stores.open(database);
    await store.run(ROOT, 'user.add', addUser('before'));
    postgres().stop();
    try {
      await expect(store.run(ROOT, 'user.add', addUser('lost'))).rejects.toMatchObject({
        code: 'database-unreachable',
        remedy: expect.stringContaining('--database'),
      });
      expect(store.trouble()?.code).toBe('database-unreachable');
      expect(store.state.tables.users.has('lost')).toBe(false);
    } finally {
      postgres().start();
    }
    await eventually(store, 'after');
    expect(store.trouble()).toBeUndefined();
    expect([...store.state.tables.users.keys()]).toEqual(['before', 'after']);
    expect(await store.verifyAudit()).toMatchObject({ ok: true, entries: 2 });
  });

  it('runs the next command at once when only its connections broke', async () => {
    const store = await stores.open(postgres().newDatabase());
    await store.run(ROOT, 'user.add', addUser('before'));
    postgres().stop();
    postgres().start();
    await store.run(ROOT, 'user.add', addUser('after'));
    expect(store.state.revision).toBe(2);
  });

  it('listens again, and hears what it missed and what comes', async () => {
    // nobody looks by itself
    vi.useFakeTimers({ toFake: ['setInterval'] });
    const database = postgres().newDatabase();
    const [one, two] = [await stores.open(database), await stores.open(database)];
    postgres().stop();
    postgres().start();
    const heard = (name: string) =>
      new Promise<void>((resolve) => {
        const end = two.onChanges((changes) => {
          if (!changes.some(({ key }) => key === name)) return;
          end();
          resolve();
        });
      });
    for (const name of ['anna', 'berta', 'cora']) {
      const hearing = heard(name);
      await eventually(one, name);
      await hearing;
    }
    expect([...two.state.tables.users.keys()]).toEqual(['anna', 'berta', 'cora']);
  });

  it('says what is wrong when it cannot begin', async () => {
    const [database] = [postgres().newDatabase()];
    await expect(stores.open(`${database}absent`)).rejects.toMatchObject({ code: 'database-denied' });
    await expect(stores.open('postgres://gscip@%2Fno%2Fsuch%2Ffolder/x')).rejects.toMatchObject({
      code: 'database-unreachable',
    });
    await expect(stores.open('mysql://gscip:geheim@host/x')).rejects.toMatchObject({
      code: 'bad-database',
      message: 'mysql://gscip@host/x is no database',
    });
  });
});

describe('a store in a file', () => {
  it('is made so that nobody else may read it', async () => {
    const path = `${testFolder()}/server.db`;
    await stores.open(path);
    for (const end of ['', '-wal', '-shm']) expect(statSync(path + end).mode & 0o777).toBe(0o600);
  });

  it('waits for another program, and refuses when that does not let go', async () => {
    const path = `${testFolder()}/server.db`;
    const database = new SqliteDatabase(path, MIGRATIONS, 50);
    await database.migrate();
    const other = new Sqlite(path);
    other.exec('BEGIN IMMEDIATE');
    await expect(database.write(async () => undefined)).rejects.toMatchObject({ code: 'database-locked' });
    const waiting = database.write(async () => 'done');
    other.exec('COMMIT');
    other.close();
    expect(await waiting).toBe('done');
    await database.close();
  });

  it('says what is wrong when it cannot begin', async () => {
    const folder = testFolder();
    mkdirSync(`${folder}/server.db`);
    await expect(stores.open(`${folder}/server.db`)).rejects.toMatchObject({ code: 'database-unreachable' });
    await expect(stores.open(`${folder}/absent/server.db`)).rejects.toMatchObject({ code: 'database-unreachable' });
    writeFileSync(`${folder}/noise`, 'no database '.repeat(1000));
    await expect(stores.open(`${folder}/noise`)).rejects.toMatchObject({ code: 'database-damaged' });
  });

  it('refuses commands on a full or read-only disk, keeps what it had, and goes on when there is room', () => {
    const script = new URL('./full-disk.sh', import.meta.url).pathname;
    const out = execFileSync('sh', [script, process.execPath, testFolder()], { encoding: 'utf8', timeout: 30_000 });
    const told: readonly string[] = out.trim().split('\n');
    expect(told).toEqual([
      'full database-full',
      'backup backup-failed, 0 files',
      'kept as acknowledged',
      'audit ok',
      'room ok',
      'read-only database-read-only',
      'kept as acknowledged',
      'no room for the copy: database-full, ballast server.db',
      'kept as acknowledged',
      'migrated, copy server.db.before-0002-later',
    ]);
  });
});

describe('a commit', () => {
  it('is on the disk when it is told: SQLite', async () => {
    const database = new SqliteDatabase(`${testFolder()}/server.db`);
    const read = (name: string) => database.write((db) => sql.raw<object>(`pragma ${name}`).execute(db));
    const full = 2;
    expect((await read('synchronous')).rows).toEqual([{ synchronous: full }]);
    expect((await read('journal_mode')).rows).toEqual([{ journal_mode: 'wal' }]);
    await database.close();
  });

  it('is on the disk when it is told, also where a database is set otherwise: PostgreSQL', async () => {
    const url = postgres().newDatabase();
    const setting = async () => {
      const database = new PostgresDatabase(url);
      const { rows } = await database.write(async (db) => {
        const found = await sql<{ name: string; value: string }>`
          select current_database() as name, current_setting('synchronous_commit') as value`.execute(db);
        await sql`alter database ${sql.id(found.rows[0].name)} set synchronous_commit = off`.execute(db);
        return found;
      });
      await database.close();
      return rows[0].value;
    };
    expect([await setting(), await setting()]).toEqual(['on', 'on']);
  });
});

describe('errors of databases', () => {
  const error = (code: string, message = 'x') => Object.assign(new Error(message), { code });
  it.each([
    [error('SQLITE_FULL'), 'database-full'],
    [error('53100'), 'database-full'],
    [error('ENOSPC'), 'database-full'],
    [error('SQLITE_BUSY_SNAPSHOT'), 'database-locked'],
    [error('55P03'), 'database-locked'],
    [error('SQLITE_READONLY_DBMOVED'), 'database-read-only'],
    [error('25006'), 'database-read-only'],
    [error('SQLITE_CORRUPT_VTAB'), 'database-damaged'],
    [error('28P01'), 'database-denied'],
    [error('3D000'), 'database-denied'],
    [error('ECONNREFUSED'), 'database-unreachable'],
    [error('57P01'), 'database-unreachable'],
    [error('', 'Connection terminated unexpectedly'), 'database-unreachable'],
    [error('', 'timeout exceeded when trying to connect'), 'database-unreachable'],
    [error('42601'), 'database-failed'],
    ['thrown text', 'database-failed'],
  ])('%s is %s', (cause, code) => {
    expect(databaseError(cause).code).toBe(code);
  });
});
