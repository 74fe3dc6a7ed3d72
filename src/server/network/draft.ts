import type { Change, ChangeOf, NetworkState, Rows, TableName } from './state.ts';

/** What a command has changed so far, over the state that it began with. Nothing of it is real until the store keeps it. */
export class Draft {
  readonly #state: NetworkState;
  readonly #written = new Map<string, Change>();

  constructor(state: NetworkState) {
    this.#state = state;
  }

  get revision(): number {
    return this.#state.revision;
  }

  get<T extends TableName>(table: T, key: string): Rows[T] | undefined {
    const written = this.#written.get(slot(table, key));
    return written === undefined ? this.#state.tables[table].get(key) : rowOf(written, table);
  }

  put(change: Change): void {
    this.#written.set(slot(change.table, change.key), change);
  }

  /** All rows of a table as they would be: those of the state in their order, then new ones. */
  *rows<T extends TableName>(table: T): IterableIterator<Rows[T]> {
    const known = this.#state.tables[table];
    for (const key of known.keys()) {
      const row = this.get(table, key);
      if (row !== undefined) yield row;
    }
    for (const change of this.#written.values())
      if (change.table === table && !known.has(change.key)) {
        const row = rowOf(change, table);
        if (row !== undefined) yield row;
      }
  }

  changes(): readonly Change[] {
    return [...this.#written.values()];
  }
}

function slot(table: TableName, key: string): string {
  return `${table}\0${key}`;
}

function rowOf<T extends TableName>(change: Change, table: T): Rows[T] | undefined {
  return isOf(change, table) ? change.row : undefined;
}

function isOf<T extends TableName>(change: Change, table: T): change is Change & ChangeOf<T> {
  return change.table === table;
}
