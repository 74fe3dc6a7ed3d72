import { BoundedMap } from '../base/bounded-map.ts';
import type { Millis } from '../base/brands.ts';
import type { PathAddress } from '../base/path-address.ts';
import { ANSWERS_PER_DDE, ANSWERS_PER_PATH, HALF_OPEN_MS } from './constants.ts';

/** DDEs remembered; beyond, the oldest is forgotten. */
const BUDGETS_MAX = 8_192;

/** What was answered to one DDE; nearly every one comes by one path. */
interface Used {
  readonly since: Millis;
  readonly path: PathAddress;
  onPath: number;
  all: number;
  /** by each further path */
  others: Map<PathAddress, number> | undefined;
}

/** Limits the answers to one DDE: 4 on one path, 12 in all, whatever the answers say (protocol.md 2.5). */
export class AnswerBudget {
  readonly #byDde = new BoundedMap<string, Used>(BUDGETS_MAX);

  /** dde: names H(DDE). False when this path or this DDE was answered often enough. */
  take(dde: string, path: PathAddress, now: Millis): boolean {
    const used = this.#byDde.get(dde) ?? this.#start(dde, path, now);
    const onPath = used.path === path ? used.onPath : (used.others?.get(path) ?? 0);
    if (used.all >= ANSWERS_PER_DDE || onPath >= ANSWERS_PER_PATH) return false;
    used.all += 1;
    if (used.path === path) used.onPath += 1;
    else used.others = (used.others ?? new Map()).set(path, onPath + 1);
    return true;
  }

  expire(now: Millis): void {
    for (const [dde, used] of this.#byDde) {
      if (now - used.since < 2 * HALF_OPEN_MS) return;
      this.#byDde.delete(dde);
    }
  }

  #start(dde: string, path: PathAddress, now: Millis): Used {
    const used: Used = { since: now, path, onPath: 0, all: 0, others: undefined };
    this.#byDde.set(dde, used);
    return used;
  }
}
