import pg from 'pg';
import { GscipError } from '../../base/errors.ts';

/** The channel on which processes tell each other of revisions. */
export const CHANNEL = 'gscip';
/** Advisory locks of a database: held by all while it runs; held by the one that changes its tables. */
export const RUNNING_LOCK = 0x6773_0001;
export const MIGRATION_LOCK = 0x6773_0002;

const INT8 = 20;

/**
 * How every connection is made. A process that stops in the middle of a command, or whose machine is cut off, loses its
 * transaction after five seconds, so that others go on; a database that does not answer is an error after as long.
 */
export function connectionOptions(url: string): pg.ClientConfig {
  if (!/^postgres(ql)?:\/\//.test(url))
    throw new GscipError(
      'bad-database',
      `${withoutPassword(url)} is no database`,
      'Write it like postgres://user@host/name.',
    );
  return {
    connectionString: url,
    application_name: 'gscip',
    keepAlive: true,
    connectionTimeoutMillis: 5_000,
    lock_timeout: 10_000,
    statement_timeout: 30_000,
    query_timeout: 35_000,
    idle_in_transaction_session_timeout: 5_000,
    // numbers of ours stay far below 2^53
    types: { getTypeParser: (oid, format) => (oid === INT8 ? Number : pg.types.getTypeParser(oid, format)) },
  };
}

/** A database as messages may name it. */
export function withoutPassword(url: string): string {
  return url.replace(/^(\w+:\/\/[^:@/]*):[^@/]*@/, '$1@');
}
