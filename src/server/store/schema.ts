import { type Generated, type Kysely, PostgresAdapter } from 'kysely';

/** The tables of the database, the same in SQLite and PostgreSQL (decision 28). */
export interface Schema {
  readonly gscip_rows: RowsTable;
  readonly gscip_audit: AuditTable;
  readonly gscip_head: HeadTable;
}

/** The database, a connection of it, or a transaction over it. */
export type Sql = Kysely<Schema>;

/** Where the two dialects differ. */
export function isPostgres(db: Pick<Sql, 'getExecutor'>): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter;
}

/** One row of a network: which table of `Rows`, its key, and the row as JSON with its secrets sealed. */
export interface RowsTable {
  /** grows in the order in which rows came */
  readonly id: Generated<number>;
  readonly kind: string;
  readonly key: string;
  /** of the command that wrote it last */
  readonly revision: number;
  /** null: the row is gone; kept so that other processes learn it */
  readonly document: string | null;
}

export interface AuditTable {
  readonly seq: number;
  readonly at: number;
  readonly actor_kind: string;
  readonly actor_name: string;
  readonly action: string;
  readonly outcome: string;
  readonly code: string;
  /** JSON lists and objects as texts, since the hash covers the text */
  readonly changes: string;
  readonly detail: string;
  readonly revision: number;
  readonly hash: string;
}

/** The one row that every command locks. */
export interface HeadTable {
  readonly id: number;
  /** which network this is: made once, kept by backups and restores */
  readonly origin: string;
  /** made anew by every restore, so that a process that runs on sees that its rows are no longer those of the database */
  readonly lineage: string;
  readonly key_check: string;
  readonly revision: number;
  readonly audit_seq: number;
  readonly audit_hash: string;
  /** HMAC over this row with the seal key: who can write the database cannot shorten the log */
  readonly seal: string;
}
