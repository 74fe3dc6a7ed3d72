import type { Change } from '../network/state.ts';
import { decodeChange, encodeChange } from './row-codec.ts';
import type { AuditTable, HeadTable, Sql } from './schema.ts';
import type { Sealer } from './sealer.ts';

/** A change and the revision of the command that made it. */
export interface Written {
  readonly change: Change;
  readonly revision: number;
}

/** Rows of one statement: far below what either database takes as parameters. */
const CHUNK = 500;
const PAGE = 1_000;

/**
 * What changed after a revision, removed rows too, in the order in which rows came into the network. The caller's
 * transaction sees to it that the pages are of one moment.
 */
export async function changesAfter(sql: Sql, revision: number, sealer: Sealer): Promise<readonly Change[]> {
  const changes: Change[] = [];
  for (let last = 0; ; ) {
    const query = sql
      .selectFrom('gscip_rows')
      .select(['id', 'kind', 'key', 'document'])
      .where('revision', '>', revision);
    // what went before a process began is nothing to it
    const wanted = revision === 0 ? query.where('document', 'is not', null) : query;
    const page = await wanted.where('id', '>', last).orderBy('id').limit(PAGE).execute();
    for (const row of page) changes.push(decodeChange(row, sealer));
    if (page.length < PAGE) return changes;
    last = page[page.length - 1].id;
  }
}

export async function writeChanges(sql: Sql, written: readonly Written[], sealer: Sealer): Promise<void> {
  const rows = written.map(({ change, revision }) => ({ ...encodeChange(change, sealer), revision }));
  for (let at = 0; at < rows.length; at += CHUNK)
    await sql
      .insertInto('gscip_rows')
      .values(rows.slice(at, at + CHUNK))
      .onConflict((conflict) =>
        conflict.columns(['kind', 'key']).doUpdateSet(({ ref }) => ({
          revision: ref('excluded.revision'),
          document: ref('excluded.document'),
        })),
      )
      .execute();
}

export async function appendAudit(sql: Sql, entries: readonly AuditTable[]): Promise<void> {
  for (let at = 0; at < entries.length; at += CHUNK)
    await sql
      .insertInto('gscip_audit')
      .values(entries.slice(at, at + CHUNK))
      .execute();
}

export async function writeHead(sql: Sql, head: HeadTable): Promise<void> {
  const { id, ...values } = head;
  await sql.updateTable('gscip_head').set(values).where('id', '=', id).execute();
}
