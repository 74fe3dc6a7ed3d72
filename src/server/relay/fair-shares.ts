import type { Millis } from '../../base/brands.ts';
import { type RelayRates, SHARE_MS } from './relay-limits.ts';

/** What one node sent in the time that is being counted. */
export interface NodeShare {
  /** bytes that came, and those of them that were forwarded */
  offered: number;
  used: number;
}

export function newShare(): NodeShare {
  return { offered: 0, used: 0 };
}

/** Why bytes of a node do not pass: its own quota, or its part of a relay that is full. */
export type ShareRefusal = 'relay-quota' | 'relay-share';

/**
 * How much each node may send through a relay. Each has its own quota. When more comes than the relay can carry, the nodes
 * that send most are cut to one level, such that what remains fits: who sends less than that loses nothing (max-min fairness).
 */
export class FairShares {
  readonly #perNode: number;
  readonly #total: number;
  readonly #active = new Set<NodeShare>();
  #used = 0;
  #level = Number.POSITIVE_INFINITY;
  #turnAt: Millis;

  constructor({ perNode, total }: RelayRates, now: Millis) {
    this.#perNode = (perNode * SHARE_MS) / 1_000;
    this.#total = (total * SHARE_MS) / 1_000;
    this.#turnAt = now;
  }

  /** May these bytes of a node pass? Undefined when they may. */
  take(share: NodeShare, bytes: number): ShareRefusal | undefined {
    this.#active.add(share);
    share.offered += bytes;
    if (share.used + bytes > this.#perNode) return 'relay-quota';
    if (share.used + bytes > this.#level || this.#used + bytes > this.#total) return 'relay-share';
    share.used += bytes;
    this.#used += bytes;
    return undefined;
  }

  /** Call often. `isBehind`: datagrams still waited when the relay had done all that it does at once. */
  turn(now: Millis, isBehind: boolean): void {
    if (now - this.#turnAt < SHARE_MS) return;
    this.#turnAt = now;
    const offers = [...this.#active].map(({ offered }) => Math.min(offered, this.#perNode));
    const wanted = offers.reduce((sum, offer) => sum + offer, 0);
    const capacity = isBehind ? Math.min(this.#used, this.#total) : this.#total;
    this.#level = wanted > capacity ? fairLevel(offers, capacity) : Number.POSITIVE_INFINITY;
    for (const share of this.#active) share.offered = share.used = 0;
    this.#active.clear();
    this.#used = 0;
  }
}

/** The level to which offers have to be cut so that they fit: no smaller one is touched. */
export function fairLevel(offers: readonly number[], capacity: number): number {
  const sorted = [...offers].sort((a, b) => a - b);
  let left = capacity;
  for (const [at, offer] of sorted.entries()) {
    const level = left / (sorted.length - at);
    if (offer > level) return level;
    left -= offer;
  }
  return Number.POSITIVE_INFINITY;
}
