import { GscipError } from '../../base/errors.ts';
import { isObject } from './field-codec.ts';
import type { JsonValue } from './store.ts';

/*
 * A backup is lines of JSON:
 *
 *   {"gscip-backup":1, schema, origin, revision, auditSeq, keyCheck, madeAt}
 *   ["gscip_rows",  {column: value, …}]        rows in the order in which they came, without their ids
 *   ["gscip_audit", {column: value, …}]        entries by number
 *   ["gscip_head",  {column: value, …}]        once
 *   {"end": HMAC over the SHA-256 of all lines before}
 */

export const BACKUP_FORMAT = 1;

/** What every backup begins with. */
export const BACKUP_MAGIC = `{"gscip-backup":${BACKUP_FORMAT},`;

export interface BackupHeader {
  /** the newest migration of the tables */
  readonly schema: string;
  readonly origin: string;
  readonly revision: number;
  readonly auditSeq: number;
  readonly keyCheck: string;
  readonly madeAt: number;
}

export const BACKUP_TABLES = ['gscip_rows', 'gscip_audit', 'gscip_head'] as const;
export type BackupTable = (typeof BACKUP_TABLES)[number];
type Columns = Readonly<Record<string, string | number | null>>;

export interface BackupRow {
  readonly kind: 'row';
  readonly table: BackupTable;
  readonly columns: Columns;
}

export type BackupLine = BackupRow | { readonly kind: 'end'; readonly seal: string };

export function headerLine(header: BackupHeader): string {
  return JSON.stringify({ 'gscip-backup': BACKUP_FORMAT, ...header });
}

export function rowLine(table: BackupTable, columns: object): string {
  return JSON.stringify([table, columns]);
}

export function endLine(seal: string): string {
  return JSON.stringify({ end: seal });
}

/** The first line; throws GscipError when the file is none of ours or of a newer release. */
export function parseHeader(text: string): BackupHeader {
  const value = parse(text);
  const format = isObject(value) ? value['gscip-backup'] : undefined;
  if (!isObject(value) || typeof format !== 'number')
    throw new GscipError('backup-damaged', 'this file is no backup of a server', 'Check which file you named.');
  const { schema, origin, revision, auditSeq, keyCheck, madeAt } = value;
  if (format > BACKUP_FORMAT)
    throw new GscipError(
      'backup-newer',
      `a newer GSCIP made this backup: it has format ${format}, this release reads format ${BACKUP_FORMAT}`,
      'Restore it with that release. Nothing was changed.',
    );
  if (
    typeof schema !== 'string' ||
    typeof origin !== 'string' ||
    typeof revision !== 'number' ||
    typeof auditSeq !== 'number' ||
    typeof keyCheck !== 'string' ||
    typeof madeAt !== 'number'
  )
    throw damagedBackup('its first line is not whole');
  return { schema, origin, revision, auditSeq, keyCheck, madeAt };
}

export function parseLine(text: string): BackupLine {
  const value = parse(text);
  if (isObject(value) && typeof value['end'] === 'string') return { kind: 'end', seal: value['end'] };
  const [name, columns] = Array.isArray(value) ? value : [];
  const table = BACKUP_TABLES.find((each) => each === name);
  if (table === undefined || !isColumns(columns)) throw damagedBackup('a line of it is not of its form');
  return { kind: 'row', table, columns };
}

export function damagedBackup(what: string): GscipError {
  return new GscipError(
    'backup-damaged',
    `this backup is damaged: ${what}`,
    'Copy it again, or take another one. Nothing was changed.',
  );
}

function isColumns(value: JsonValue | undefined): value is Columns {
  return (
    isObject(value) &&
    Object.values(value).every((each) => each === null || typeof each === 'string' || typeof each === 'number')
  );
}

function parse(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
