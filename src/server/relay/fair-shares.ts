import type { Millis } from '../../base/brands.ts';
import { RELAY_NUMBER, RELAY_SHARE, type RelayTable } from '../../base/relay-primitives.ts';
import { type RelayRates, SHARE_MS } from './relay-limits.ts';

/**
 * How much each node may send through a relay. Each has its own quota. When more comes than the relay can carry, the nodes
 * that send most are cut to one level, such that what remains fits: who sends less than that loses nothing (max-min fairness).
 * The packet path counts, and refuses by the limits that stand in the table; here they are set, once per SHARE_MS.
 */
export class FairShares {
  readonly #table: Pick<RelayTable, 'shares' | 'numbers'>;
  readonly #perNode: number;
  readonly #total: number;
  #turnAt: Millis;

  constructor(table: Pick<RelayTable, 'shares' | 'numbers'>, { perNode, total }: RelayRates, now: Millis) {
    this.#table = table;
    this.#perNode = (perNode * SHARE_MS) / 1_000;
    this.#total = (total * SHARE_MS) / 1_000;
    this.#turnAt = now;
    table.numbers[RELAY_NUMBER.perNode] = this.#perNode;
    table.numbers[RELAY_NUMBER.total] = this.#total;
    table.numbers[RELAY_NUMBER.level] = Number.POSITIVE_INFINITY;
  }

  /** Call often. `isBehind`: datagrams still waited when the relay had done all that it does at once. */
  turn(now: Millis, isBehind: boolean): void {
    if (now - this.#turnAt < SHARE_MS) return;
    this.#turnAt = now;
    const { shares, numbers } = this.#table;
    const offers: number[] = [];
    for (let share = 0; share < shares.length; share += RELAY_SHARE.stride) {
      const offered = shares[share + RELAY_SHARE.offered];
      if (offered > 0) offers.push(Math.min(offered, this.#perNode));
    }
    const wanted = offers.reduce((sum, offer) => sum + offer, 0);
    const capacity = isBehind ? Math.min(numbers[RELAY_NUMBER.used], this.#total) : this.#total;
    numbers[RELAY_NUMBER.level] = wanted > capacity ? fairLevel(offers, capacity) : Number.POSITIVE_INFINITY;
    numbers[RELAY_NUMBER.used] = 0;
    shares.fill(0);
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
