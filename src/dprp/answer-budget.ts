import { BoundedMap } from '../base/bounded-map.ts';
import type { Millis } from '../base/brands.ts';
import type { PathAddress } from '../base/path-address.ts';
import { ANSWERS_PER_DDE, ANSWERS_PER_PATH, HALF_OPEN_MS } from './constants.ts';

/** DDEs remembered; beyond, the oldest is forgotten. */
const BUDGETS_MAX = 8_192;

/** Limits the answers to one DDE: 4 on one path, 12 in all, whatever the answers say (protocol.md 2.5). */
export class AnswerBudget {
  readonly #byDde = new BoundedMap<
    string,
    { readonly since: Millis; all: number; readonly paths: Map<PathAddress, number> }
  >(BUDGETS_MAX);

  /** dde: names H(DDE). False when this path or this DDE was answered often enough. */
  take(dde: string, path: PathAddress, now: Millis): boolean {
    const used = this.#byDde.get(dde) ?? this.#start(dde, now);
    const onPath = used.paths.get(path) ?? 0;
    if (used.all >= ANSWERS_PER_DDE || onPath >= ANSWERS_PER_PATH) return false;
    used.all += 1;
    used.paths.set(path, onPath + 1);
    return true;
  }

  expire(now: Millis): void {
    for (const [dde, used] of this.#byDde) {
      if (now - used.since < 2 * HALF_OPEN_MS) return;
      this.#byDde.delete(dde);
    }
  }

  #start(dde: string, now: Millis) {
    const used = { since: now, all: 0, paths: new Map<PathAddress, number>() };
    this.#byDde.set(dde, used);
    return used;
  }
}
