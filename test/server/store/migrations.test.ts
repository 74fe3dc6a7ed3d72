import { existsSync, statSync } from 'node:fs';
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import type { Database } from '../../../src/server/store/database.ts';
import { MIGRATIONS, type Migrations } from '../../../src/server/store/migrations.ts';
import { PostgresDatabase } from '../../../src/server/store/postgres-database.ts';
import { SqliteDatabase } from '../../../src/server/store/sqlite-database.ts';
import { addUser, ROOT, testFolder } from './ground.ts';
import { storeTools } from './store-tools.ts';

const { stores, postgres } = storeTools();

/** A later release: a column more, and the users gone from the rows. */
const LATER: Migrations = {
  ...MIGRATIONS,
  '0002-later': {
    up: async (db) => {
      await db.schema.alterTable('gscip_audit').addColumn('place', 'text').execute();
      await sql`delete from gscip_rows where kind = 'users'`.execute(db);
    },
  },
};
/** One that fails half-way. */
const FAILING: Migrations = {
  ...MIGRATIONS,
  '0002-failing': {
    up: async (db) => {
      await sql`delete from gscip_rows`.execute(db);
      await sql`select no_such_function()`.execute(db);
    },
  },
};

type Open = (database: string, migrations: Migrations) => Database;

async function migrated(database: Database): Promise<void> {
  try {
    await database.migrate();
  } finally {
    await database.close();
  }
}

async function count(database: Database, table: string): Promise<number> {
  try {
    const { rows } = await database.read((db) =>
      sql<{ n: number }>`select count(*) as n from ${sql.table(table)}`.execute(db),
    );
    return Number(rows[0].n);
  } finally {
    await database.close();
  }
}

const ROWS: readonly (readonly [string, () => string, Open, string])[] = [
  [
    'SQLite',
    () => `${testFolder()}/server.db`,
    (path, migrations) => new SqliteDatabase(path, migrations),
    'server.db.before-0002-later',
  ],
  [
    'PostgreSQL',
    () => postgres().newDatabase(),
    (url, migrations) => new PostgresDatabase(url, migrations),
    'gscip_before_0002-later',
  ],
];

describe.each(ROWS)('the tables in %s', (engine, newDatabase, open, copy) => {
  async function withUser(): Promise<string> {
    const database = newDatabase();
    await (await stores.open(database)).run(ROOT, 'user.add', addUser('anna'));
    await stores.closeAll();
    return database;
  }

  it('are kept beside themselves before they are migrated', async () => {
    const database = await withUser();
    await migrated(open(database, LATER));
    expect(await count(open(database, LATER), 'gscip_rows')).toBe(0);
    if (engine === 'SQLite') {
      const path = database.replace('server.db', copy);
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect((await stores.open(path)).state.tables.users.has('anna')).toBe(true);
    } else expect(await count(open(database, LATER), `${copy}.gscip_rows`)).toBe(1);
  });

  it('of a newer release are refused, with the way back', async () => {
    const database = await withUser();
    await migrated(open(database, LATER));
    await expect(stores.open(database)).rejects.toMatchObject({
      code: 'database-newer',
      message: expect.stringContaining('at 0002-later, this release knows them up to 0001-rows'),
      remedy: expect.stringContaining('before-0002-later'),
    });
  });

  it('stay as they were when a migration fails', async () => {
    const database = await withUser();
    await expect(migrated(open(database, FAILING))).rejects.toMatchObject({ code: 'database-failed' });
    expect((await stores.open(database)).state.tables.users.has('anna')).toBe(true);
    await stores.closeAll();
    await migrated(open(database, LATER));
  });

  it('are made once, though two processes begin at the same time', async () => {
    const database = newDatabase();
    const both = await Promise.all([stores.open(database), stores.open(database)]);
    for (const store of both) await store.run(ROOT, 'look', () => undefined);
    expect(await both[0].verifyAudit()).toMatchObject({ ok: true, entries: 2 });
  });

  it('are copied only when there is something to migrate', async () => {
    const database = await withUser();
    await migrated(open(database, MIGRATIONS));
    if (engine === 'SQLite') expect(existsSync(`${database}.before-0001-rows`)).toBe(false);
  });
});
