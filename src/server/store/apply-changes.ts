import type { Change, Rows, TableName } from '../network/state.ts';

/** A table that changes are written to; undefined takes a row away. */
export interface WritableTable<R> {
  write(key: string, row: R | undefined): void;
}

export type WritableTables = { readonly [T in TableName]: WritableTable<Rows[T]> };

/** Writes changes into tables, in their order. */
export function applyChanges(tables: WritableTables, changes: readonly Change[]): void {
  for (const { table, key, row } of changes) write(tables, table, key, row);
}

function write<T extends TableName>(tables: WritableTables, table: T, key: string, row: Rows[T] | undefined): void {
  const rows: WritableTable<Rows[T]> = tables[table];
  rows.write(key, row);
}
