import type { Change, NetworkState, Rows, TableName } from '../network/state.ts';

type Tables = { readonly [T in TableName]: Map<string, Rows[T]> };

/** The state in force: one object for the life of a store, changed only by what is committed. */
export class LiveState implements NetworkState {
  readonly tables: NetworkState['tables'];
  readonly #tables: Tables;
  #revision = 0;

  constructor() {
    this.#tables = {
      settings: new Map(),
      users: new Map(),
      administrators: new Map(),
      groups: new Map(),
      versions: new Map(),
      roster: new Map(),
      nodes: new Map(),
      tokens: new Map(),
    };
    this.tables = this.#tables;
  }

  get revision(): number {
    return this.#revision;
  }

  apply(changes: readonly Change[], revision: number): void {
    for (const { table, key, row } of changes) this.#set(table, key, row);
    this.#revision = revision;
  }

  #set<T extends TableName>(table: T, key: string, row: Rows[T] | undefined): void {
    const rows: Map<string, Rows[T]> = this.#tables[table];
    if (row === undefined) rows.delete(key);
    else rows.set(key, row);
  }
}
