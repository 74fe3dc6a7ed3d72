import type { NodeId, UnixSeconds } from '../../base/brands.ts';

/** A lease is renewed when this part of it is over, so that many tries are left. */
const PART = 1 / 6;

/** When each node was given keys with a new lease by this process, whatever sessions came and went since (protocol.md 10.4). */
export class Leases {
  readonly #renewedAt = new Map<NodeId, UnixSeconds>();

  /** `lease`: seconds. Of a node that is not known here, and after a clock was put back, it is. */
  isDue(node: NodeId, lease: number, now: UnixSeconds): boolean {
    const at = this.#renewedAt.get(node);
    return at === undefined || now < at || now - at >= lease * PART;
  }

  handleRenewal(node: NodeId, now: UnixSeconds): void {
    this.#renewedAt.set(node, now);
  }

  forget(node: NodeId): void {
    this.#renewedAt.delete(node);
  }
}
