import { sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { GscipError } from '../../base/errors.ts';
import { up as rows } from './migrations/0001-rows.ts';
import { isPostgres, type Sql } from './schema.ts';

export type Migrations = Readonly<Record<string, Migration>>;

/** What was done to the tables, in order. A released one is never changed: a new one follows it. */
export const MIGRATIONS: Migrations = { '0001-rows': { up: rows } };

const TABLE = 'gscip_migrations';
const LOCK_TABLE = 'gscip_migrations_lock';
/** All tables of ours, in the order in which they are copied. */
export const OUR_TABLES = ['gscip_rows', 'gscip_audit', 'gscip_head', TABLE, LOCK_TABLE] as const;

/** What is to be done to the tables of a database. */
export interface MigrationPlan {
  /** there are tables of an older release, which are to be kept before they are changed */
  readonly existing: boolean;
  readonly pending: readonly string[];
}

/** Compares the tables with what this release knows; throws GscipError when a newer release made them. */
export async function planMigration(db: Sql, migrations: Migrations): Promise<MigrationPlan> {
  const done = await migrationsDone(db);
  const unknown = done.filter((name) => !(name in migrations));
  if (unknown.length > 0)
    throw new GscipError(
      'database-newer',
      `a newer GSCIP has changed this database: its tables are at ${done.at(-1)}, this release knows them up to ${Object.keys(migrations).at(-1)}. Nothing was changed`,
      `Start that release again. To go back to this one, take the copy that was made before ${unknown[0]} (…before-${unknown[0]}), or restore a backup of that time.`,
    );
  return { existing: done.length > 0, pending: Object.keys(migrations).filter((name) => !done.includes(name)) };
}

/** Names of the migrations that the database has. */
export async function migrationsDone(db: Sql): Promise<readonly string[]> {
  const here = await currentSchema(db);
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some(({ name, schema }) => name === TABLE && (here === undefined || schema === here))) return [];
  const { rows: done } = await sql<{ name: string }>`select name from ${sql.table(TABLE)} order by name`.execute(db);
  return done.map(({ name }) => name);
}

/** Runs what is pending, up to one migration or to the last. The caller has opened the transaction. */
export async function runMigrations(db: Sql, migrations: Migrations, last?: string): Promise<void> {
  const here = await currentSchema(db);
  const migrator = new Migrator({
    db,
    ...(here !== undefined && { migrationTableSchema: here }),
    provider: { getMigrations: async () => ({ ...migrations }) },
    migrationTableName: TABLE,
    migrationLockTableName: LOCK_TABLE,
  });
  const { error } = await (last === undefined ? migrator.migrateToLatest() : migrator.migrateTo(last));
  if (error !== undefined) throw error;
}

/** Where tables go in PostgreSQL: copies of ours may lie in other schemas. */
async function currentSchema(db: Sql): Promise<string | undefined> {
  if (!isPostgres(db)) return undefined;
  const { rows: found } = await sql<{ name: string }>`select current_schema() as name`.execute(db);
  return found[0].name;
}
