import type { NodeId } from '../base/brands.ts';
import type { Engine } from './engine.ts';

/** At most one reading in this time, so that a rate is over about a second. */
const PERIOD = 1_000;

interface Reading {
  readonly at: number;
  readonly rxBytes: number;
  readonly txBytes: number;
  readonly rx: number;
  readonly tx: number;
}

/** Bits per second of each peer over the last second or so. */
export class RateMeter {
  readonly #readings = new Map<NodeId, Reading>();
  #sampledAt = Number.NEGATIVE_INFINITY;

  /** now: monotonic milliseconds. */
  sample(engine: Engine, now: number): void {
    if (now - this.#sampledAt < PERIOD) return;
    this.#sampledAt = now;
    for (const { id } of engine.node.directory.others()) {
      const { rxBytes, txBytes } = engine.traffic(id);
      const last = this.#readings.get(id);
      const seconds = last ? (now - last.at) / 1000 : 0;
      const rx = last && seconds > 0 ? (8 * (rxBytes - last.rxBytes)) / seconds : 0;
      const tx = last && seconds > 0 ? (8 * (txBytes - last.txBytes)) / seconds : 0;
      this.#readings.set(id, { at: now, rxBytes, txBytes, rx, tx });
    }
  }

  of(peer: NodeId): { readonly rx: number; readonly tx: number } {
    return this.#readings.get(peer) ?? { rx: 0, tx: 0 };
  }
}
