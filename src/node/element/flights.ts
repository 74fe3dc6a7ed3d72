import type { Millis, SaIndex } from '../../base/brands.ts';
import type { PathAddress } from '../../base/path-address.ts';
import type { Below } from './element-desk.ts';
import { ELEMENT } from './tuning.ts';

interface Flight {
  readonly below: Below;
  at: Millis;
}

/**
 * Whose a negotiation through this GEN is: by the outer address and the index that one end chose. An index that another one
 * has is not given away, so that nobody below draws off what is for a neighbour.
 */
export class Flights {
  readonly #flights = new Map<string, Flight>();

  /** False when somebody else has it. */
  claim(outer: PathAddress, index: SaIndex, below: Below, now: Millis): boolean {
    const name = `${outer} ${index}`;
    const known = this.#flights.get(name);
    if (known && known.below !== below && now - known.at < ELEMENT.flightMs) return false;
    this.#flights.delete(name);
    this.#flights.set(name, { below, at: now });
    for (const oldest of this.#flights.keys()) {
      if (this.#flights.size <= ELEMENT.flights) break;
      this.#flights.delete(oldest);
    }
    return true;
  }

  find(outer: PathAddress, index: SaIndex, now: Millis): Below | undefined {
    const known = this.#flights.get(`${outer} ${index}`);
    return known && now - known.at < ELEMENT.flightMs ? known.below : undefined;
  }

  tick(now: Millis): void {
    for (const [name, { at }] of this.#flights) {
      if (now - at < ELEMENT.flightMs) break;
      this.#flights.delete(name);
    }
  }
}
