import type { Millis } from '../base/brands.ts';
import { HINT_FETCH_MS } from './constants.ts';
import type { DprpEffect } from './effects.ts';

/** Lets hints cause at most one fetch per group in 5 s (protocol.md 3.6). */
export class HintLimit {
  readonly #lastFetch = new Map<string, Millis>();

  /** The same effects without the fetches that come too early. */
  limit(effects: readonly DprpEffect[], now: Millis): DprpEffect[] {
    return effects.map((effect) => {
      if (effect.kind !== 'refresh') return effect;
      const name = effect.what === 'domain' ? 'domain' : effect.group;
      const last = this.#lastFetch.get(name);
      if (last !== undefined && now - last < HINT_FETCH_MS) return { kind: 'counter', name: 'refresh-too-early' };
      this.#lastFetch.set(name, now);
      return effect;
    });
  }
}
