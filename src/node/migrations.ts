import { type GroupId, type Millis, millis } from '../base/brands.ts';
import type { Sa } from '../pccom/sa.ts';

/** A pair that still has no SA of the newest version tries again after this time. */
const AGAIN = 5_000;

interface Plan {
  readonly sa: Sa;
  readonly version: number;
  dueAt: Millis;
}

/**
 * Which pairs move to a newer key version, and when: spread uniformly, so that a roll does not make all members negotiate
 * at once (protocol.md 10.2). A pair stays planned until its SA has ended.
 */
export class Migrations {
  readonly #random: (length: number) => Uint8Array;
  readonly #plans = new Map<Sa, Plan>();

  constructor(random: (length: number) => Uint8Array) {
    this.#random = random;
  }

  /** All SAs of the group that are older than `version` move within U(0, spread). */
  plan(group: GroupId, version: number, spread: number, sas: Iterable<Sa>, now: Millis): void {
    for (const sa of sas) {
      if (sa.group !== group || sa.version >= version) continue;
      const share = new DataView(this.#random(4).buffer).getUint32(0) / 2 ** 32;
      const dueAt = millis(now + share * spread);
      const known = this.#plans.get(sa);
      this.#plans.set(sa, { sa, version, dueAt: known && known.dueAt < dueAt ? known.dueAt : dueAt });
    }
  }

  /** SAs whose time has come; each is asked for again later unless its pair has moved on meanwhile. */
  due(now: Millis): Sa[] {
    const found: Sa[] = [];
    for (const plan of this.#plans.values()) {
      if (now >= plan.sa.capAt) this.#plans.delete(plan.sa);
      else if (now >= plan.dueAt) {
        plan.dueAt = millis(now + AGAIN);
        found.push(plan.sa);
      }
    }
    return found;
  }
}
