import type { NodeId } from '../base/brands.ts';
import type { SeenElement } from '../dprp/path-element.ts';

/** Peers whose path is remembered; the one that was heard of longest ago goes first. */
const MOST = 4096;

/** The elements between this node and each peer, as the last handshake found them; for `explain` only. */
export class PathElements {
  readonly #between = new Map<NodeId, readonly SeenElement[]>();

  /** The nearest to this node first; none forgets what was there. */
  saw(peer: NodeId, between: readonly SeenElement[]): void {
    this.#between.delete(peer);
    if (between.length === 0) return;
    this.#between.set(peer, between);
    for (const oldest of this.#between.keys()) {
      if (this.#between.size <= MOST) return;
      this.#between.delete(oldest);
    }
  }

  towards(peer: NodeId): readonly SeenElement[] {
    return this.#between.get(peer) ?? [];
  }
}
