import { BoundedMap } from '../base/bounded-map.ts';
import type { NodeId } from '../base/brands.ts';
import type { SeenElement } from '../dprp/path-element.ts';

/** Peers whose path is remembered; the one that was heard of longest ago goes first. */
const MOST = 4096;

/** The elements between this node and each peer, as the last handshake found them; for `explain` only. */
export class PathElements {
  readonly #between = new BoundedMap<NodeId, readonly SeenElement[]>(MOST);

  /** The nearest to this node first; none forgets what was there. */
  saw(peer: NodeId, between: readonly SeenElement[]): void {
    if (between.length === 0) this.#between.delete(peer);
    else this.#between.set(peer, between);
  }

  towards(peer: NodeId): readonly SeenElement[] {
    return this.#between.get(peer) ?? [];
  }
}
