import type { Database } from './database.ts';
import { PostgresDatabase } from './postgres-database.ts';
import { SqliteDatabase } from './sqlite-database.ts';

/** The database behind a path or a URL; nothing is opened yet. */
export function databaseOf(database: string): Database {
  return database.includes('://') ? new PostgresDatabase(database) : new SqliteDatabase(database);
}
