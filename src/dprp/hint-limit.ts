import type { Millis } from '../base/brands.ts';
import { HINT_FETCH_MS } from './constants.ts';
import type { DprpEffect, RefreshEffect } from './effects.ts';

/** Lets hints cause at most one fetch per group in 5 s (protocol.md 3.6); one that came too early is made up for. */
export class HintLimit {
  readonly #lastFetch = new Map<string, Millis>();
  readonly #owed = new Map<string, RefreshEffect>();

  /** The same effects without the fetches that come too early. */
  limit(effects: readonly DprpEffect[], now: Millis): DprpEffect[] {
    return effects.map((effect) => {
      if (effect.kind !== 'refresh' || this.#take(effect, now)) return effect;
      this.#owed.set(fetchName(effect), effect);
      return { kind: 'counter', name: 'refresh-too-early' };
    });
  }

  /** Fetches that came too early and whose time has come, once each, if somebody still waits for them. */
  due(isAwaited: (effect: RefreshEffect) => boolean, now: Millis): RefreshEffect[] {
    const found: RefreshEffect[] = [];
    for (const [name, effect] of this.#owed) {
      if (isAwaited(effect) && !this.#take(effect, now)) continue;
      this.#owed.delete(name);
      if (isAwaited(effect)) found.push(effect);
    }
    return found;
  }

  #take(effect: RefreshEffect, now: Millis): boolean {
    const name = fetchName(effect);
    const last = this.#lastFetch.get(name);
    if (last !== undefined && now - last < HINT_FETCH_MS) return false;
    this.#lastFetch.set(name, now);
    return true;
  }
}

/** What is fetched together: one group, or the domain. */
export function fetchName(effect: RefreshEffect): string {
  return effect.what === 'domain' ? 'domain' : effect.group;
}
