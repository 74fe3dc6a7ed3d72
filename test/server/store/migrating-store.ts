/* A process of its own, to be killed: a later release that tells when it has done half of its migration, and then waits. */
import { sql } from 'kysely';
import { MIGRATIONS, type Migrations } from '../../../src/server/store/migrations.ts';
import { PostgresDatabase } from '../../../src/server/store/postgres-database.ts';
import { SqliteDatabase } from '../../../src/server/store/sqlite-database.ts';

const [where = ''] = process.argv.slice(2);
const later: Migrations = {
  ...MIGRATIONS,
  '0002-later': {
    up: async (db) => {
      await sql`delete from gscip_rows`.execute(db);
      process.stdout.write('half\n');
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    },
  },
};
await (where.includes('://') ? new PostgresDatabase(where, later) : new SqliteDatabase(where, later)).migrate();
