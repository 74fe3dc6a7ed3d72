import { type GroupId, type Millis, millis } from '../base/brands.ts';
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
 * until it sends under the version, whichever end made that SA.
 */
export class Migrations {
  readonly #random: (length: number) => Uint8Array;
  readonly #plans = new Map<number, Plan>();

  constructor(random: (length: number) => Uint8Array) {
    this.#random = random;
  }

  /** All pairs of the group with an older SA move within U(0, spread). */
  plan(group: GroupId, version: number, spread: number, sas: Iterable<Sa>, now: Millis): void {
    for (const sa of sas) {
      if (sa.group !== group || sa.version >= version || this.#plans.get(sa.owner)?.version === version) continue;
      const share = new DataView(this.#random(4).buffer).getUint32(0) / 2 ** 32;
      this.#plans.set(sa.owner, { version, dueAt: millis(now + share * spread), wait: AGAIN });
    }
  }

  /** The SAs to be replaced now. `senderOf`: what the pair sends on, if anything; a pair that is silent has nothing to move. */
  due(senderOf: (owner: number) => Sa | undefined, now: Millis): Sa[] {
    const found: Sa[] = [];
    for (const [owner, plan] of this.#plans) {
      if (now < plan.dueAt) continue;
      const sender = senderOf(owner);
      if (sender === undefined || sender.version >= plan.version) {
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
