import { type Millis, millis } from '../base/brands.ts';
import type { Sa } from '../pccom/sa.ts';

/** A pair that still sends under an older version tries again after this time, then after twice as long, and so on. */
const AGAIN = 5_000;
const AGAIN_MOST = 160_000;

interface Plan {
  readonly version: number;
  dueAt: Millis;
  wait: number;
}

/**
 * Which pairs move to a newer key version, and when: spread uniformly, so that a roll does not make all members negotiate
 * at once (protocol.md 10.2). A roll while one migrates supersedes it. A pair, named by its owner number, stays planned
 * until it has nothing to move any more, whichever end made the newer SA.
 */
export class Migrations {
  readonly #random: (length: number) => Uint8Array;
  readonly #plans = new Map<number, Plan>();

  constructor(random: (length: number) => Uint8Array) {
    this.#random = random;
  }

  /** The pairs of these SAs move to a version within U(0, spread). */
  plan(version: number, spread: number, sas: Iterable<Sa>, now: Millis): void {
    for (const sa of sas) {
      if (this.#plans.get(sa.owner)?.version === version) continue;
      const share = new DataView(this.#random(4).buffer).getUint32(0) / 2 ** 32;
      this.#plans.set(sa.owner, { version, dueAt: millis(now + share * spread), wait: AGAIN });
    }
  }

  /** The SAs to be replaced now. `toMove`: the SA of a pair that is to be replaced, if it has any. */
  due(toMove: (owner: number) => Sa | undefined, now: Millis): Sa[] {
    const found: Sa[] = [];
    for (const [owner, plan] of this.#plans) {
      if (now < plan.dueAt) continue;
      const sender = toMove(owner);
      if (sender === undefined) {
        this.#plans.delete(owner);
        continue;
      }
      plan.dueAt = millis(now + plan.wait);
      plan.wait = Math.min(2 * plan.wait, AGAIN_MOST);
      found.push(sender);
    }
    return found;
  }
}
