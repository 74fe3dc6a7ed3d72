import type { UnixSeconds } from '../../base/brands.ts';
import type { GscipError } from '../../base/errors.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import type { Draft } from '../network/draft.ts';
import type { Change, NetworkState } from '../network/state.ts';

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };
export type JsonObject = { readonly [key: string]: JsonValue };

/** Who does something, as the audit log names it. */
export interface Actor {
  readonly kind: 'local' | 'administrator' | 'node' | 'token' | 'server';
  readonly name: string;
}

/** What became of an action: done, refused with a reason, or ended by a fault of ours. */
export type AuditOutcome = 'done' | 'refused' | 'failed';

/** One line of the audit log. `hash` covers all of it and the hash before. */
export interface AuditEntry {
  /** from 1, without gaps */
  readonly seq: number;
  readonly at: UnixSeconds;
  readonly actor: Actor;
  readonly action: string;
  readonly outcome: AuditOutcome;
  /** the code of the refusal, or '' */
  readonly code: string;
  /** rows that came, changed or went, as "table/key"; long lists end in "… and N more" */
  readonly changes: readonly string[];
  readonly detail: JsonObject;
  /** revision of the network after it */
  readonly revision: number;
  /** SHA-256 as hex digits */
  readonly hash: string;
}

/** Entries after a number in their order, or the `last` ones in their order. At most 1,000 at once, 100 unless told. */
export interface AuditQuery {
  readonly after?: number;
  readonly limit?: number;
  readonly last?: number;
}

export type AuditCheck =
  | { readonly ok: true; readonly entries: number; readonly head: string }
  /** `seq`: the first entry that is not what was written; for 'truncated' the first that is missing */
  | {
      readonly ok: false;
      readonly fault: 'changed' | 'missing' | 'truncated' | 'head-forged';
      readonly seq: number;
      readonly text: string;
    };

/** What a backup holds; its secrets are sealed, so it is worth nothing without the key file, which is not in it. */
export interface BackupResult {
  readonly file: string;
  readonly bytes: number;
  readonly revision: number;
  readonly rows: number;
  readonly auditEntries: number;
  /** says that the key file has to be kept too, and apart */
  readonly note: string;
}

/** Keeps the rows of a network in a database, one command at a time, with a log of who did what. */
export interface Store {
  /** The state in force: live, read only, the same object for ever. */
  readonly state: NetworkState;

  /**
   * Runs a command in one transaction: catches up with other processes, runs it over a draft, writes the changed rows and the
   * audit entry, commits, tells other processes. Resolves when the disk has it. What the command throws is thrown on, and
   * then nothing of it is kept but an entry that says so. `detail` goes into the entry; with `{ audit: false }` the
   * server itself leaves no entry, for housekeeping that gives nobody a right. Commands of one process run in the order of the calls.
   */
  run<T>(actor: Actor, action: string, command: (draft: Draft) => T, detail?: JsonObject): Promise<T>;

  /** Called after each commit, here or in another process, with what changed; gives the function that ends it. */
  onChanges(listener: (changes: readonly Change[], revision: number) => void): () => void;

  /** Why the database does not answer at the moment, or undefined; for status and health. */
  trouble(): GscipError | undefined;

  audit(query?: AuditQuery): Promise<readonly AuditEntry[]>;
  verifyAudit(): Promise<AuditCheck>;

  /** Writes a consistent copy while commands go on; the file appears whole or not at all. */
  backup(file: string): Promise<BackupResult>;

  /** Waits for commands under way. Later ones are refused. */
  close(): Promise<void>;
}

export interface StoreOptions {
  /** path of a SQLite file, or a URL postgres://… */
  readonly database: string;
  /** 32 bytes: the content of the server's key file */
  readonly sealKey: Uint8Array;
  readonly provider: CryptoProvider;
  random(length: number): Uint8Array;
  now(): UnixSeconds;
}
