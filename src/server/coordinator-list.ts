import { type CoordinatorPlace, MOST_COORDINATORS } from '../api/channel/services.ts';
import { type Millis, millis } from '../base/brands.ts';

/** A process that was not heard of for so long has died (milliseconds); it says that it lives a few times as often. */
export const PLACES_LAST = 65_000;

interface Heard {
  readonly places: readonly CoordinatorPlace[];
  readonly until: Millis;
}

/** The coordinators of one network: that of this process, and those of the others, as long as they are heard of. */
export class CoordinatorList {
  #own: readonly CoordinatorPlace[] = [];
  readonly #others = new Map<string, Heard>();

  /** This process's own first, the others in an order that every process agrees on. */
  all(): readonly CoordinatorPlace[] {
    const others = [...this.#others].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, { places }]) => places);
    // one that was killed and started again is another process at the same place, while the former one is still believed in
    const each = new Map([...this.#own, ...others].map((place) => [nameOf([place]), place]));
    return [...each.values()].slice(0, MOST_COORDINATORS);
  }

  get own(): readonly CoordinatorPlace[] {
    return this.#own;
  }

  set own(places: readonly CoordinatorPlace[]) {
    this.#own = places;
  }

  /** What another process says of itself; true when that is news. */
  hear(process: string, places: readonly CoordinatorPlace[], now: Millis): boolean {
    const before = this.#others.get(process)?.places ?? [];
    if (places.length === 0) return this.#others.delete(process) && before.length > 0;
    this.#others.set(process, { places, until: millis(now + PLACES_LAST) });
    return nameOf(before) !== nameOf(places);
  }

  /** Forgets who fell silent; true when there was somebody. */
  tick(now: Millis): boolean {
    const gone = [...this.#others].filter(([, { until }]) => now >= until);
    for (const [process] of gone) this.#others.delete(process);
    return gone.length > 0;
  }
}

function nameOf(places: readonly CoordinatorPlace[]): string {
  return places.map(({ key, endpoints, tunnels }) => [key, endpoints, tunnels].join(' ')).join('\n');
}
