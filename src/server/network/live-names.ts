import type { NodeId } from '../../base/brands.ts';
import type { NodeRow } from './state.ts';

/** Which live node has which name, kept as rows change: a look at every node for each one that joins would add up. */
export class LiveNames {
  readonly #ids = new Map<string, NodeId>();

  get(name: string): NodeId | undefined {
    return this.#ids.get(name);
  }

  /** A row of the nodes came, changed or went. */
  write(before: NodeRow | undefined, after: NodeRow | undefined): void {
    // its name may be another one's by now
    if (before && this.#ids.get(before.name) === before.id) this.#ids.delete(before.name);
    if (after && after.standing !== 'removed') this.#ids.set(after.name, after.id);
  }
}

/** The row, if it is that of a live node with this name. */
export function ifNamed(row: NodeRow | undefined, name: string): NodeRow | undefined {
  return row?.name === name && row.standing !== 'removed' ? row : undefined;
}
