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

/** What changed after a revision, removed rows too, in the order in which rows came into the network. */
export async function changesAfter(sql: Sql, revision: number, sealer: Sealer): Promise<readonly Change[]> {
  const query = sql.selectFrom('gscip_rows').select(['kind', 'key', 'document']).where('revision', '>', revision);
  // what went before a process began is nothing to it
  const rows = await (revision === 0 ? query.where('document', 'is not', null) : query).orderBy('id').execute();
  return rows.map((row) => decodeChange(row, sealer));
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
