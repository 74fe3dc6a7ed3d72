import { sql } from 'kysely';
import { GscipError } from '../../base/errors.ts';
import { chained } from './audit-chain.ts';
import { checkAudit } from './audit-log.ts';
import { type BackupHeader, type BackupRow, damagedBackup, parseHeader, parseLine } from './backup-format.ts';
import { backupLines } from './backup-lines.ts';
import type { Database } from './database.ts';
import { checkedHead, readHead, sealedHead } from './head.ts';
import { MIGRATIONS, runMigrations } from './migrations.ts';
import { databaseOf } from './open-database.ts';
import type { HeadTable, Sql } from './schema.ts';
import { Sealer } from './sealer.ts';
import type { StoreOptions } from './store.ts';
import { appendAudit, changesAfter, writeHead } from './stored-rows.ts';

/** Rows of one statement while a backup is read. */
const CHUNK = 200;

export interface RestoreOptions extends StoreOptions {
  /** the backup */
  readonly file: string;
  /** also over a newer state, another network, or a PostgreSQL database that servers seem to use */
  readonly force: boolean;
}

export interface RestoreResult {
  readonly network: string;
  readonly engine: Database['engine'];
  readonly revision: number;
  readonly rows: number;
  readonly auditEntries: number;
  /** seconds since 1970 */
  readonly madeAt: number;
}

/**
 * Puts a backup in the place of what a database holds, of either kind. Before anything is replaced the key, the seal of the
 * file and of every secret in it, and the audit chain are checked. What was there is kept beside it. No server may run.
 */
export async function restoreBackup(options: RestoreOptions): Promise<RestoreResult> {
  const sealer = new Sealer(options.provider, (length) => options.random(length), options.sealKey);
  const header = await readHeader(options.file);
  checkHeader(header, sealer);
  for await (const _ of contents(options.file, sealer));
  const database = databaseOf(options.database);
  try {
    if (!options.force) await refuseToLose(database, header);
    return await database.replace(options.force, async (db) => {
      await fill(db, header, contents(options.file, sealer));
      return { ...(await verify(db, options, sealer)), engine: database.engine, madeAt: header.madeAt };
    });
  } finally {
    await database.close();
  }
}

async function readHeader(file: string): Promise<BackupHeader> {
  for await (const { text } of backupLines(file)) return parseHeader(text);
  return parseHeader('');
}

/** The rows of a backup, in its order; ends with a GscipError when the file is not what was written. */
async function* contents(file: string, sealer: Sealer): AsyncGenerator<BackupRow> {
  const lines = backupLines(file);
  await lines.next();
  for await (const { text, before } of lines) {
    const line = parseLine(text);
    if (line.kind === 'row') yield line;
    else if (!sealer.isBackupSeal(before(), line.seal)) throw damagedBackup('it is not what was written');
    else if (!(await lines.next()).done) throw damagedBackup('there is something behind its end');
    else return;
  }
  throw damagedBackup('its end is missing');
}

function checkHeader(header: BackupHeader, sealer: Sealer): void {
  if (!(header.schema in MIGRATIONS))
    throw new GscipError(
      'backup-newer',
      `a newer GSCIP made this backup: its tables are at ${header.schema}, this release knows them up to ${Object.keys(MIGRATIONS).at(-1)}`,
      'Restore it with that release. Nothing was changed.',
    );
  if (header.keyCheck !== sealer.keyCheck)
    throw new GscipError(
      'backup-other-key',
      'this backup was sealed with another key file than the one of this server',
      'Put the key file (server.key) that was kept with the backup in place. Nothing was changed.',
    );
}

async function refuseToLose(database: Database, { origin, revision, auditSeq }: BackupHeader): Promise<void> {
  if (!(await database.exists())) return;
  const head = await database.read(readHead).catch(() => undefined);
  if (head === undefined || (head.revision === 0 && head.audit_seq === 0)) {
    if (head !== undefined) return;
    throw new GscipError(
      'restore-unreadable',
      'what the database holds now cannot be read, so nobody knows how new it is',
      'Use --force to replace it all the same; it is kept beside it.',
    );
  }
  if (head.origin !== origin)
    throw new GscipError(
      'restore-other-network',
      'the database holds another network than the backup',
      'Use another --state, or --force to replace that network; it is kept beside it.',
    );
  if (head.revision > revision || head.audit_seq > auditSeq)
    throw new GscipError(
      'restore-older',
      `the database is newer than the backup (revision ${head.revision} and ${head.audit_seq} audit entries, the backup has ${revision} and ${auditSeq})`,
      'Use --force if the newer state is to be given up; it is kept beside it.',
    );
}

async function fill(db: Sql, header: BackupHeader, contained: AsyncIterable<BackupRow>): Promise<void> {
  await runMigrations(db, MIGRATIONS, header.schema);
  let waiting: BackupRow[] = [];
  for await (const row of contained) {
    if (waiting.length >= CHUNK || (waiting.length > 0 && waiting[0].table !== row.table)) {
      await insert(db, waiting);
      waiting = [];
    }
    waiting.push(row);
  }
  await insert(db, waiting);
  await runMigrations(db, MIGRATIONS);
}

/** The columns are those of the schema that the backup was made with. */
async function insert(db: Sql, lines: readonly BackupRow[]): Promise<void> {
  if (lines.length === 0) return;
  const names = Object.keys(lines[0].columns);
  const rows = lines.map(({ columns }) => sql`(${sql.join(names.map((name) => columns[name] ?? null))})`);
  const columns = sql.join(names.map((name) => sql.ref(name)));
  await sql`insert into ${sql.table(lines[0].table)} (${columns}) values ${sql.join(rows)}`.execute(db);
}

async function verify(
  db: Sql,
  options: RestoreOptions,
  sealer: Sealer,
): Promise<Pick<RestoreResult, 'network' | 'revision' | 'rows' | 'auditEntries'>> {
  const head = checkedHead(await readHead(db), sealer);
  const audit = await checkAudit(db, options.provider, sealer);
  if (!audit.ok) throw damagedBackup(audit.text);
  const changes = await changesAfter(db, 0, sealer);
  await recordRestore(db, options, head, sealer);
  const settings = changes.find((change) => change.table === 'settings');
  const network = settings?.table === 'settings' ? (settings.row?.network ?? '') : '';
  return { network, revision: head.revision, rows: changes.length, auditEntries: audit.entries + 1 };
}

/** An entry in the log, and a new lineage: a process that missed it stops instead of mixing its rows with these. */
async function recordRestore(db: Sql, options: RestoreOptions, head: HeadTable, sealer: Sealer): Promise<void> {
  const { provider } = options;
  const entry = chained(
    provider,
    { seq: head.audit_seq, hash: head.audit_hash },
    {
      at: options.now(),
      actor_kind: 'local',
      actor_name: 'restore',
      action: 'backup.restore',
      outcome: 'done',
      code: '',
      changes: '[]',
      detail: JSON.stringify({ revision: head.revision }),
      revision: head.revision,
    },
  );
  await appendAudit(db, [entry]);
  const { origin, revision } = head;
  await writeHead(
    db,
    sealedHead(sealer, { origin, lineage: sealer.newId(), revision, audit_seq: entry.seq, audit_hash: entry.hash }),
  );
}
