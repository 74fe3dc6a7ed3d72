/** Where the REST API lies, over TLS and over the local socket. */
export const ADMIN_API = '/api/1';

/** The body of every answer that is no success; `code` is stable. */
export interface AdminFailure {
  readonly error: { readonly code: string; readonly text: string; readonly remedy: string };
}

/** The answer to a request that has nothing to tell but that it was done. */
export interface Done {
  readonly done: true;
}

/** One entry of the audit log; each names the hash of the one before. */
export interface AuditEntryAnswer {
  /** from 1, without gaps */
  readonly number: number;
  readonly time: number;
  readonly actor: { readonly kind: string; readonly name: string };
  readonly action: string;
  readonly result: 'done' | 'refused' | 'failed';
  /** why it was refused, else null */
  readonly code: string | null;
  /** what came, changed or went, as "table/key" */
  readonly changes: readonly string[];
  readonly detail: Readonly<Record<string, unknown>>;
  /** in hex */
  readonly hash: string;
}

/** GET /audit?after=NUMBER&limit=N or ?last=N: entries oldest first; 100 unless told, at most 1,000 at once. */
export interface AuditList {
  readonly entries: readonly AuditEntryAnswer[];
}

/** GET /audit/verify: whether every entry follows from the one before. */
export interface AuditCheck {
  readonly intact: boolean;
  /** how many there are, and the hash of the last in hex: kept elsewhere, it shows later whether entries were cut off */
  readonly entries: number | null;
  readonly head: string | null;
  /** number of the first entry that is not what was written */
  readonly brokenAt: number | null;
  /** what is wrong, or '' */
  readonly text: string;
}

/** POST /backup: `file` only over the local socket; by default a new file in the state folder. */
export interface BackupRequest {
  readonly file?: string;
}

export interface BackupAnswer {
  readonly file: string;
  readonly bytes: number;
  readonly auditEntries: number;
  /** what has to be kept besides */
  readonly note: string;
}

export interface ServerHealthLine {
  readonly code: string;
  readonly text: string;
}

/** GET /status */
export interface ServerStatus {
  readonly network: string;
  readonly release: string;
  readonly roles: readonly string[];
  readonly url: string;
  /** base64 SHA-256 of the TLS key (SPKI), to pin it */
  readonly pin: string;
  /** "host:port" that join tokens name */
  readonly servers: readonly string[];
  readonly database: 'sqlite' | 'postgresql';
  readonly uptimeSeconds: number;
  readonly revision: number;
  readonly users: number;
  readonly groups: number;
  readonly nodes: { readonly active: number; readonly pending: number; readonly connected: number };
  /** tokens that may still bring a node */
  readonly tokens: number;
  readonly health: readonly ServerHealthLine[];
}
