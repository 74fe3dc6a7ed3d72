import type { Sql } from './schema.ts';

/** A database of either kind, as the store uses it. What it throws is a GscipError (database-errors.ts). */
export interface Database {
  readonly engine: 'sqlite' | 'postgresql';

  /** Whether there are tables of ours. */
  exists(): Promise<boolean>;

  /** Makes the tables, or brings them to what this release uses; the rows as they were are kept beside them first. */
  migrate(): Promise<void>;

  /**
   * One write transaction. It holds the lock of the network from its first statement, `lockHead`, to its end: writers of
   * all processes come one after the other, and each reads what the one before has committed.
   */
  write<T>(work: (sql: Sql) => Promise<T>): Promise<T>;

  /** Reads of one moment, which hold up no writer. */
  read<T>(work: (sql: Sql) => Promise<T>): Promise<T>;

  /**
   * Puts what `fill` makes in the place of all that is there, at once or not at all; what was there is kept beside it.
   * Refused while a server runs, which a PostgreSQL database may have wrong about a lost machine: `evenIfRunning`.
   */
  replace<T>(evenIfRunning: boolean, fill: (sql: Sql) => Promise<T>): Promise<T>;

  /** Inside `write`: other processes are to hear of the revision when it is committed. */
  announce(sql: Sql, revision: number): Promise<void>;

  /** Calls `onNews` when another process may have changed something; resolves when it listens. */
  listen(onNews: () => void): Promise<void>;

  close(): Promise<void>;
}
