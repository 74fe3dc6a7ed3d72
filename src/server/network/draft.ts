import { ifNamed } from './live-names.ts';
import type { Change, ChangeOf, NetworkState, NodeRow, Rows, TableName } from './state.ts';

/** What rules read: the rows of a state, or of a state with the changes of a draft. */
export interface View {
  get<T extends TableName>(table: T, key: string): Rows[T] | undefined;
  rows<T extends TableName>(table: T): IterableIterator<Rows[T]>;
  /** The live node of that name. */
  nodeNamed(name: string): NodeRow | undefined;
}

/** What a command has changed so far, over the state that it began with. Nothing of it is real until the store keeps it. */
export class Draft implements View {
  readonly #state: NetworkState;
  readonly #written = new Map<TableName, Map<string, Change>>();

  constructor(state: NetworkState) {
    this.#state = state;
  }

  get revision(): number {
    return this.#state.revision;
  }

  get<T extends TableName>(table: T, key: string): Rows[T] | undefined {
    const written = this.#written.get(table)?.get(key);
    return written === undefined ? this.#state.tables[table].get(key) : rowOf(written, table);
  }

  put(change: Change): void {
    const written = this.#written.get(change.table) ?? new Map<string, Change>();
    written.set(change.key, change);
    this.#written.set(change.table, written);
  }

  /** All rows of a table as they would be: those of the state in their order, then new ones. */
  *rows<T extends TableName>(table: T): IterableIterator<Rows[T]> {
    const known = this.#state.tables[table];
    const written = this.#written.get(table) ?? NOTHING;
    for (const [key, row] of known) {
      const change = written.get(key);
      const now = change === undefined ? row : rowOf(change, table);
      if (now !== undefined) yield now;
    }
    for (const change of written.values()) {
      const row = known.has(change.key) ? undefined : rowOf(change, table);
      if (row !== undefined) yield row;
    }
  }

  nodeNamed(name: string): NodeRow | undefined {
    for (const change of this.#written.get('nodes')?.values() ?? []) {
      const found = ifNamed(rowOf(change, 'nodes'), name);
      if (found) return found;
    }
    const before = this.#state.nodeNamed(name);
    return before && ifNamed(this.get('nodes', before.id), name);
  }

  /** What is to be kept. */
  changes(): readonly Change[] {
    return [...this.#written.values()].flatMap((written) => [...written.values()]);
  }
}

const NOTHING: ReadonlyMap<string, Change> = new Map();

/** The rows of a state that nobody changes meanwhile. */
export function viewOf(state: NetworkState): View {
  return {
    get: (table, key) => state.tables[table].get(key),
    rows: (table) => state.tables[table].values(),
    nodeNamed: (name) => state.nodeNamed(name),
  };
}

function rowOf<T extends TableName>(change: Change, table: T): Rows[T] | undefined {
  return isOf(change, table) ? change.row : undefined;
}

function isOf<T extends TableName>(change: Change, table: T): change is Change & ChangeOf<T> {
  return change.table === table;
}
