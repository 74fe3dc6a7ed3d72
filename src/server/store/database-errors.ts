import { GscipError } from '../../base/errors.ts';

type Fault = 'full' | 'locked' | 'read-only' | 'unreachable' | 'denied' | 'damaged' | 'failed';

/** Codes of SQLite (their beginnings) and of PostgreSQL (SQLSTATE) by what is to be done about them. */
const FAULTS: readonly (readonly [pattern: RegExp, fault: Fault])[] = [
  [/^(SQLITE_FULL|ENOSPC|EDQUOT|EFBIG|53100|53200)/, 'full'],
  [/^(SQLITE_BUSY|SQLITE_LOCKED|55P03|57014|40001|40P01)/, 'locked'],
  [/^(SQLITE_READONLY|SQLITE_PERM|EACCES|EPERM|EROFS|25006)/, 'read-only'],
  [/^(SQLITE_CORRUPT|SQLITE_NOTADB|XX001|XX002)/, 'damaged'],
  [/^(28|3D000|42501|53300)/, 'denied'],
  [
    /^(SQLITE_CANTOPEN|ECONN|ENOENT|EISDIR|ENOTDIR|ENOTFOUND|EAI_|EHOST|ENET|ETIMEDOUT|EPIPE|08|57P|25P03)/,
    'unreachable',
  ],
];
/** What `pg` says without a code when a connection ends or does not answer. */
const CONNECTION_LOST = /connection (is )?(terminated|closed|ended)|timeout|not queryable|already been destroyed/i;

/** The error of a database as something to act on; those that are that already stay as they are. */
export function databaseError(cause: unknown): GscipError {
  return cause instanceof GscipError ? cause : explained(faultOf(cause), cause);
}

/** Whether the connection is gone, so that nobody knows what became of a COMMIT under way. */
export function isConnectionLost(cause: unknown): boolean {
  return faultOf(cause) === 'unreachable';
}

/** After a COMMIT that got no answer. */
export function outcomeUnknown(cause: unknown): GscipError {
  return new GscipError(
    'database-outcome-unknown',
    'the database went away while it kept the change: perhaps it has it, perhaps not',
    'Look at the newest entries of the audit log (gscip admin audit) before you try again.',
    cause,
  );
}

function faultOf(cause: unknown): Fault {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const known = FAULTS.find(([pattern]) => pattern.test(code));
  if (known) return known[1];
  return cause instanceof Error && CONNECTION_LOST.test(cause.message) ? 'unreachable' : 'failed';
}

function explained(fault: Fault, cause: unknown): GscipError {
  const said = cause instanceof Error ? cause.message || String(cause) : String(cause);
  switch (fault) {
    case 'full':
      return new GscipError(
        'database-full',
        `the disk of the database is full (${said}); nothing was changed`,
        'Make room, then try again.',
        cause,
      );
    case 'locked':
      return new GscipError(
        'database-locked',
        `another program holds the database (${said}); nothing was changed`,
        'Try again; if it stays, find the program that has it open.',
        cause,
      );
    case 'read-only':
      return new GscipError(
        'database-read-only',
        `the database cannot be written (${said}); nothing was changed`,
        'Check the owner and the permissions of its folder, or the rights of its user.',
        cause,
      );
    case 'unreachable':
      return new GscipError(
        'database-unreachable',
        `the database does not answer (${said}); nothing was changed`,
        'Check that it runs and that --database names it. Nodes go on with the keys that they have.',
        cause,
      );
    case 'denied':
      return new GscipError(
        'database-denied',
        `the database refuses this user (${said})`,
        'Check user, password and database name in --database.',
        cause,
      );
    case 'damaged':
      return new GscipError(
        'database-damaged',
        `the database is damaged (${said})`,
        'Restore the newest backup: gscip admin backup restore FILE.',
        cause,
      );
    default:
      return new GscipError(
        'database-failed',
        `the database refused a statement (${said}); nothing was changed`,
        'Report it with the lines that were printed.',
        cause,
      );
  }
}
