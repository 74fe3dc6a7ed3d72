import { ifNamed, LiveNames } from '../network/live-names.ts';
import type { Change, NetworkState, NodeRow, Rows, TableName } from '../network/state.ts';
import { applyChanges } from './apply-changes.ts';

type Tables = { readonly [T in TableName]: OverlayTable<Rows[T]> };

/** The state as it will be when the commands before have been committed: what the next one of a transaction begins with. */
export class OverlayState implements NetworkState {
  readonly tables: NetworkState['tables'];
  readonly #tables: Tables;
  readonly #base: NetworkState;
  /** of rows written over the base */
  readonly #names = new LiveNames();
  #revision: number;

  constructor(base: NetworkState) {
    const { tables, revision } = base;
    this.#base = base;
    this.#tables = {
      settings: new OverlayTable(tables.settings),
      users: new OverlayTable(tables.users),
      administrators: new OverlayTable(tables.administrators),
      groups: new OverlayTable(tables.groups),
      versions: new OverlayTable(tables.versions),
      roster: new OverlayTable(tables.roster),
      nodes: new OverlayTable(tables.nodes),
      tokens: new OverlayTable(tables.tokens),
      relays: new OverlayTable(tables.relays),
    };
    this.tables = this.#tables;
    this.#revision = revision;
  }

  get revision(): number {
    return this.#revision;
  }

  nodeNamed(name: string): NodeRow | undefined {
    const id = this.#names.get(name) ?? this.#base.nodeNamed(name)?.id;
    return id === undefined ? undefined : ifNamed(this.#tables.nodes.get(id), name);
  }

  apply(changes: readonly Change[], revision: number): void {
    applyChanges(this.#tables, changes, this.#names);
    this.#revision = revision;
  }
}

/** A table with some rows written over it. */
class OverlayTable<R> implements ReadonlyMap<string, R> {
  readonly #base: ReadonlyMap<string, R>;
  readonly #written = new Map<string, R | undefined>();
  #size: number;

  constructor(base: ReadonlyMap<string, R>) {
    this.#base = base;
    this.#size = base.size;
  }

  get size(): number {
    return this.#size;
  }

  write(key: string, row: R | undefined): void {
    this.#size += Number(row !== undefined) - Number(this.has(key));
    this.#written.set(key, row);
  }

  get(key: string): R | undefined {
    return this.#written.has(key) ? this.#written.get(key) : this.#base.get(key);
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  *entries(): MapIterator<[string, R]> {
    for (const key of this.#base.keys()) {
      const row = this.get(key);
      if (row !== undefined) yield [key, row];
    }
    for (const [key, row] of this.#written) if (row !== undefined && !this.#base.has(key)) yield [key, row];
  }

  *keys(): MapIterator<string> {
    for (const [key] of this.entries()) yield key;
  }

  *values(): MapIterator<R> {
    for (const [, row] of this.entries()) yield row;
  }

  [Symbol.iterator](): MapIterator<[string, R]> {
    return this.entries();
  }

  forEach(visit: (row: R, key: string, map: ReadonlyMap<string, R>) => void): void {
    for (const [key, row] of this.entries()) visit(row, key, this);
  }
}
