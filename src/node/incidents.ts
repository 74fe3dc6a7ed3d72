import { type Millis, millis } from '../base/brands.ts';
import { FLOW } from '../base/flow-words.ts';

/** Incidents that are remembered; the oldest goes first. */
const MOST = 256;

/** What befell packets between two addresses. */
export interface Incident {
  /** the counter that moved */
  readonly counter: string;
  readonly times: number;
  readonly at: Millis;
}

/** One of them, and what it was about: FLOW words up to the end of the destination. */
interface Remembered extends Incident {
  readonly words: Int32Array;
}

const WORDS = FLOW.destination + 4;

/**
 * What befell packets lately that no PIT entry shows: they were malformed, spoofed, translated, or their negotiation was refused.
 * For `explain` only, nothing is decided by it.
 */
export class Incidents {
  readonly #ring: Remembered[] = [];
  #next = 0;

  /** `flow`: FLOW words with family and addresses; equal ones in a row are one. */
  note(counter: string, flow: Int32Array, now: Millis): void {
    const before = (this.#next + MOST - 1) % MOST;
    const last = this.#ring[before];
    const isSame = (word: number, at: number) =>
      word === flow[at] || (at === FLOW.head && word >>> 8 === flow[at] >>> 8);
    if (last?.counter === counter && last.words.every(isSame))
      this.#ring[before] = { ...last, times: last.times + 1, at: now };
    else {
      this.#ring[this.#next] = { counter, times: 1, at: now, words: flow.slice(0, WORDS) };
      this.#next = (this.#next + 1) % MOST;
    }
  }

  /** By counter, those whose addresses (FLOW words) are asked for. */
  about(isAsked: (words: Int32Array) => boolean): readonly Incident[] {
    const found = new Map<string, Incident>();
    for (const { counter, times, at, words } of this.#ring) {
      if (!isAsked(words)) continue;
      const known = found.get(counter);
      found.set(counter, {
        counter,
        times: times + (known?.times ?? 0),
        at: millis(Math.max(at, known?.at ?? 0)),
      });
    }
    return [...found.values()].sort((a, b) => b.at - a.at);
  }
}
