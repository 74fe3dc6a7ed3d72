import { LiveNames } from '../network/live-names.ts';
import type { Change, NetworkState, NodeRow, Rows, TableName } from '../network/state.ts';
import { applyChanges } from './apply-changes.ts';

type Tables = { readonly [T in TableName]: LiveTable<Rows[T]> };

/** The state in force: one object for the life of a store, changed only by what is committed. */
export class LiveState implements NetworkState {
  readonly tables: NetworkState['tables'];
  readonly #tables: Tables;
  readonly #names = new LiveNames();
  #revision = 0;

  constructor() {
    this.#tables = {
      settings: new LiveTable(),
      users: new LiveTable(),
      administrators: new LiveTable(),
      groups: new LiveTable(),
      versions: new LiveTable(),
      roster: new LiveTable(),
      nodes: new LiveTable(),
      tokens: new LiveTable(),
      relays: new LiveTable(),
    };
    this.tables = this.#tables;
  }

  get revision(): number {
    return this.#revision;
  }

  nodeNamed(name: string): NodeRow | undefined {
    const id = this.#names.get(name);
    return id === undefined ? undefined : this.#tables.nodes.get(id);
  }

  apply(changes: readonly Change[], revision: number): void {
    applyChanges(this.#tables, changes, this.#names);
    this.#revision = revision;
  }
}

class LiveTable<R> extends Map<string, R> {
  write(key: string, row: R | undefined): void {
    if (row === undefined) this.delete(key);
    else this.set(key, row);
  }
}
