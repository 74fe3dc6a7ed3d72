import { BoundedMap } from '../base/bounded-map.ts';
import { type Millis, millis } from '../base/brands.ts';
import type { AddressKey } from '../base/flow-cid.ts';

/** How long a failed negotiation is not tried again; less where newer keys, which may come any time, end it (protocol.md 5.2). */
const NEGATIVE_LIFE = 10_000;
const KEYS_LIFE = 1_000;
const FOR_WANT_OF_KEYS: ReadonlySet<string> = new Set(['peer-behind', 'stale-key', 'domain-stale']);
const MOST = 4096;

interface Result {
  readonly reason: string;
  readonly until: Millis;
}

/** Destination addresses for which DPRP just failed, with the reason that is shown. */
export class Negative {
  readonly #results = new BoundedMap<AddressKey, Result>(MOST);

  get size(): number {
    return this.#results.size;
  }

  add(destination: AddressKey, reason: string, now: Millis): void {
    this.#results.set(destination, {
      reason,
      until: millis(now + (FOR_WANT_OF_KEYS.has(reason) ? KEYS_LIFE : NEGATIVE_LIFE)),
    });
  }

  /** Why the destination is not tried now, or null. */
  find(destination: AddressKey, now: Millis): string | null {
    const result = this.#results.get(destination);
    if (result === undefined) return null;
    if (now < result.until) return result.reason;
    this.#results.delete(destination);
    return null;
  }

  /** A valid MPIT came from the peer that has these addresses (protocol.md 2.5). */
  clear(covers: (destination: AddressKey) => boolean): void {
    for (const destination of this.#results.keys()) if (covers(destination)) this.#results.delete(destination);
  }
}
