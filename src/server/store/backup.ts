import { createHash, randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, openSync, readdirSync, readSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setImmediate as othersFirst } from 'node:timers/promises';
import type { UnixSeconds } from '../../base/brands.ts';
import { GscipError } from '../../base/errors.ts';
import { BACKUP_MAGIC, type BackupTable, endLine, headerLine, rowLine } from './backup-format.ts';
import { checkedHead, readHead } from './head.ts';
import { migrationsDone } from './migrations.ts';
import type { HeadTable, Sql } from './schema.ts';
import type { Sealer } from './sealer.ts';
import type { BackupResult } from './store.ts';

const PAGE = 500;
const NOTE =
  'Secrets in it are sealed with the key file of the server (server.key), which is not in it. Keep a copy of that file, ' +
  'apart from the backup: without it the backup is worth nothing, with it the backup is the whole network.';

/** Writes the rows, the audit log and the head of one moment. The caller has opened the transaction that reads them. */
export async function writeBackup(file: string, sql: Sql, sealer: Sealer, now: UnixSeconds): Promise<BackupResult> {
  const head = checkedHead(await readHead(sql), sealer);
  const schema = (await migrationsDone(sql)).at(-1) ?? '';
  const out = new BackupFile(file);
  try {
    const { origin, revision, audit_seq: auditSeq, key_check: keyCheck } = head;
    out.line(headerLine({ schema, origin, revision, auditSeq, keyCheck, madeAt: now }));
    const rows = await copyRows(sql, out);
    const auditEntries = await copyAudit(sql, out, head);
    out.line(rowLine('gscip_head', head));
    const bytes = out.finish((digest) => endLine(sealer.backupSeal(digest)));
    return { file, bytes, revision, rows, auditEntries, note: NOTE };
  } catch (cause) {
    out.abandon();
    throw cause;
  }
}

async function copyRows(sql: Sql, out: BackupFile): Promise<number> {
  let [last, rows] = [0, 0];
  for (;;) {
    const page = await sql
      .selectFrom('gscip_rows')
      .selectAll()
      .where('id', '>', last)
      .orderBy('id')
      .limit(PAGE)
      .execute();
    for (const { id, ...columns } of page) {
      out.line(rowLine('gscip_rows', columns));
      last = id;
      if (columns.document !== null) rows += 1;
    }
    if (page.length < PAGE) return rows;
    await othersFirst();
  }
}

async function copyAudit(sql: Sql, out: BackupFile, head: HeadTable): Promise<number> {
  const table: BackupTable = 'gscip_audit';
  for (let last = 0; ; last += PAGE) {
    const query = sql
      .selectFrom(table)
      .selectAll()
      .where('seq', '>', last)
      .where('seq', '<=', last + PAGE);
    const page = await query.orderBy('seq').execute();
    for (const entry of page) out.line(rowLine(table, entry));
    if (last + PAGE >= head.audit_seq) return head.audit_seq;
    await othersFirst();
  }
}

/** A new file that appears under its name when it is whole and on the disk. */
class BackupFile {
  readonly #path: string;
  readonly #partial: string;
  readonly #handle: number;
  readonly #hash = createHash('sha256');
  #bytes = 0;

  constructor(path: string) {
    this.#path = path;
    removeLeftOvers(dirname(path));
    this.#partial = `${path}.${randomUUID()}.partial`;
    this.#handle = guarded(path, () => openSync(this.#partial, 'wx', 0o600));
  }

  line(text: string): void {
    const bytes = Buffer.from(`${text}\n`);
    this.#hash.update(bytes);
    guarded(this.#path, () => {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#handle, bytes, at);
    });
    this.#bytes += bytes.length;
  }

  finish(end: (digest: Uint8Array) => string): number {
    this.line(end(this.#hash.copy().digest()));
    guarded(this.#path, () => {
      fsyncSync(this.#handle);
      // unlike a rename, a link never replaces a backup that is there
      linkSync(this.#partial, this.#path);
      const folder = openSync(dirname(this.#path), 'r');
      fsyncSync(folder);
      closeSync(folder);
    });
    this.abandon();
    return this.#bytes;
  }

  abandon(): void {
    closeSync(this.#handle);
    rmSync(this.#partial, { force: true });
  }
}

const PARTIAL = /\.[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}\.partial$/;
/** A backup that is being written grows more often than that (milliseconds). */
const GIVEN_UP = 3_600_000;

/** What is left in a folder of backups whose server was killed. Nothing else there is touched, and no failure matters. */
function removeLeftOvers(folder: string): void {
  try {
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      if (PARTIAL.test(name) && Date.now() - statSync(path).mtimeMs > GIVEN_UP && isBackup(path)) rmSync(path);
    }
  } catch {
    // it may stay, and the backup says itself whether the folder can be written to
  }
}

function isBackup(path: string): boolean {
  const begin = Buffer.alloc(BACKUP_MAGIC.length);
  const handle = openSync(path, 'r');
  readSync(handle, begin);
  closeSync(handle);
  return begin.toString() === BACKUP_MAGIC;
}

function guarded<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')
      throw new GscipError(
        'backup-exists',
        `${path} exists already`,
        'Choose another name: a backup is never replaced.',
        cause,
      );
    throw new GscipError(
      'backup-failed',
      `the backup ${path} cannot be written (${cause instanceof Error ? cause.message : cause})`,
      'Check the free space and the permissions. Nothing was left behind.',
      cause,
    );
  }
}
