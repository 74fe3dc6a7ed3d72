import { BoundedMap } from '../../base/bounded-map.ts';
import type { Millis } from '../../base/brands.ts';
import type { Below } from './element-desk.ts';
import { ELEMENT } from './tuning.ts';

interface Flight {
  readonly below: Below;
  at: Millis;
}

/**
 * Whose what passes this GEN is: a negotiation by the outer address and the index that one end chose, a probe by its path id.
 * A name that another one has is not given away, so that nobody below draws off what is for a neighbour.
 */
export class Flights {
  readonly #flights = new BoundedMap<string, Flight>(ELEMENT.flights);

  /** False when somebody else has it. */
  claim(name: string, below: Below, now: Millis): boolean {
    const known = this.#flights.get(name);
    if (known && known.below !== below && now - known.at < ELEMENT.flightMs) return false;
    this.#flights.set(name, { below, at: now });
    return true;
  }

  find(name: string, now: Millis): Below | undefined {
    const known = this.#flights.get(name);
    return known && now - known.at < ELEMENT.flightMs ? known.below : undefined;
  }

  tick(now: Millis): void {
    for (const [name, { at }] of this.#flights) {
      if (now - at < ELEMENT.flightMs) break;
      this.#flights.delete(name);
    }
  }
}
