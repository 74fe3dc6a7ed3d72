import type { LiveNames } from '../network/live-names.ts';
import type { Change, Rows, TableName } from '../network/state.ts';

/** A table that changes are written to; undefined takes a row away. */
export interface WritableTable<R> {
  get(key: string): R | undefined;
  write(key: string, row: R | undefined): void;
}

export type WritableTables = { readonly [T in TableName]: WritableTable<Rows[T]> };

/** Writes changes into tables and names, in their order. */
export function applyChanges(tables: WritableTables, changes: readonly Change[], names: LiveNames): void {
  for (const change of changes) {
    if (change.table === 'nodes') names.write(tables.nodes.get(change.key), change.row);
    write(tables, change.table, change.key, change.row);
  }
}

function write<T extends TableName>(tables: WritableTables, table: T, key: string, row: Rows[T] | undefined): void {
  const rows: WritableTable<Rows[T]> = tables[table];
  rows.write(key, row);
}
