import { CompiledQuery, Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import { GscipError } from '../../base/errors.ts';
import type { Database } from './database.ts';
import { databaseError, isConnectionLost, outcomeUnknown } from './database-errors.ts';
import { MIGRATIONS, type Migrations, OUR_TABLES, planMigration, runMigrations } from './migrations.ts';
import { PostgresListener } from './postgres-listener.ts';
import { CHANNEL, connectionOptions, MIGRATION_LOCK, RUNNING_LOCK } from './postgres-options.ts';
import type { Schema, Sql } from './schema.ts';

/** Where a database is set to tell commits before they are on the disk, it does so for others, not for us. */
const DURABLE = `select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'`;

/** A network in a PostgreSQL database, which several server processes share. */
export class PostgresDatabase implements Database {
  readonly engine = 'postgresql';
  readonly #migrations: Migrations;
  readonly #sql: Sql;
  readonly #options: pg.ClientConfig;
  #listener: PostgresListener | undefined;

  constructor(url: string, migrations: Migrations = MIGRATIONS) {
    this.#migrations = migrations;
    this.#options = connectionOptions(url);
    const pool = new pg.Pool({ ...this.#options, max: 4 });
    // a connection that breaks is replaced at the next use, which tells what is wrong; without listeners it would end the process
    pool.on('error', () => undefined);
    pool.on('connect', (client) => client.on('error', () => undefined));
    const dialect = new PostgresDialect({
      pool,
      onCreateConnection: async (connection) => {
        await connection.executeQuery(CompiledQuery.raw(DURABLE));
      },
    });
    this.#sql = new Kysely<Schema>({ dialect });
  }

  exists(): Promise<boolean> {
    return guarded(() => hasTables(this.#sql));
  }

  migrate(): Promise<void> {
    return guarded(() =>
      this.#sql.transaction().execute(async (db) => {
        await sql`select pg_advisory_xact_lock(${MIGRATION_LOCK}::bigint)`.execute(db);
        const { existing, pending } = await planMigration(db, this.#migrations);
        if (pending.length === 0) return;
        if (existing) await keepCopy(db, `gscip_before_${pending[0]}`);
        await runMigrations(db, this.#migrations);
      }),
    );
  }

  /** READ COMMITTED is enough: behind the lock of the head there is one writer, who sees all that was committed (decision 28). */
  async write<T>(work: (db: Sql) => Promise<T>): Promise<T> {
    let committing = false;
    try {
      const transaction = this.#sql.transaction().setIsolationLevel('read committed');
      return await transaction.execute(async (db) => {
        const result = await work(db);
        committing = true;
        return result;
      });
    } catch (cause) {
      throw committing && isConnectionLost(cause) ? outcomeUnknown(cause) : databaseError(cause);
    }
  }

  read<T>(work: (db: Sql) => Promise<T>): Promise<T> {
    const transaction = this.#sql.transaction().setIsolationLevel('repeatable read').setAccessMode('read only');
    return guarded(() => transaction.execute(work));
  }

  replace<T>(evenIfRunning: boolean, fill: (db: Sql) => Promise<T>): Promise<T> {
    return this.write(async (db) => {
      if (!(await takeRunningLock(db)) && !evenIfRunning)
        throw new GscipError(
          'network-running',
          'servers of this network are connected to the database; nothing was changed',
          'Stop them first. If none runs any more (a lost machine), use --force.',
        );
      if (await hasTables(db)) await keepCopy(db, 'gscip_before_restore');
      for (const table of OUR_TABLES) await db.schema.dropTable(table).ifExists().execute();
      return fill(db);
    });
  }

  async announce(db: Sql, revision: number): Promise<void> {
    await sql`select pg_notify(${CHANNEL}, ${String(revision)})`.execute(db);
  }

  listen(onNews: () => void): Promise<void> {
    const listener = new PostgresListener(this.#options, {
      channel: CHANNEL,
      begin: (client) => client.query('select pg_advisory_lock_shared($1)', [RUNNING_LOCK]),
      listening: onNews,
      heard: onNews,
    });
    this.#listener = listener;
    return guarded(() => listener.start());
  }

  async close(): Promise<void> {
    await this.#listener?.stop();
    await this.#sql.destroy();
  }
}

async function hasTables(db: Sql): Promise<boolean> {
  const { rows } = await sql<{ there: boolean }>`select to_regclass('gscip_head') is not null as there`.execute(db);
  return rows[0].there;
}

async function takeRunningLock(db: Sql): Promise<boolean> {
  const { rows } = await sql<{
    taken: boolean;
  }>`select pg_try_advisory_xact_lock(${RUNNING_LOCK}::bigint) as taken`.execute(db);
  return rows[0].taken;
}

/** Copies our tables into a schema beside them; an older copy of the same name gives way. */
async function keepCopy(db: Sql, schema: string): Promise<void> {
  await db.schema.dropSchema(schema).ifExists().cascade().execute();
  await db.schema.createSchema(schema).execute();
  for (const table of OUR_TABLES)
    await sql`create table ${sql.id(schema, table)} as table ${sql.table(table)}`.execute(db);
}

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw databaseError(cause);
  }
}
