import type { Millis, SaIndex } from '../base/brands.ts';
import { HALF_OPEN_MS } from './constants.ts';
import { HALF_OPEN_LOADED_MS, HALF_OPEN_MAX, RELAYED_SHARE } from './tuning.ts';

/** What the table needs to know of a half-open handshake. */
export interface HalfOpenKey {
  /** names (H(DDE), hops) (protocol.md 2.5) */
  readonly key: string;
  readonly index: SaIndex;
  readonly relayed: boolean;
  readonly since: Millis;
}

/** Handshakes that an end GE answered and that are not complete: bounded in number and time (protocol.md 2.5). */
export class HalfOpenTable<T extends HalfOpenKey> {
  readonly #byKey = new Map<string, T>();
  readonly #byIndex = new Map<SaIndex, T>();
  #relayed = 0;

  get size(): number {
    return this.#byIndex.size;
  }

  /** Whether another one fits; relayed ones share at most half of the table (protocol.md H7). */
  hasRoom(relayed: boolean): boolean {
    if (this.#byIndex.size >= HALF_OPEN_MAX) return false;
    return !relayed || this.#relayed < HALF_OPEN_MAX * RELAYED_SHARE;
  }

  add(entry: T): void {
    this.#byKey.set(entry.key, entry);
    this.#byIndex.set(entry.index, entry);
    if (entry.relayed) this.#relayed += 1;
  }

  byKey(key: string): T | undefined {
    return this.#byKey.get(key);
  }

  byIndex(index: SaIndex): T | undefined {
    return this.#byIndex.get(index);
  }

  remove(entry: T): void {
    if (!this.#byIndex.delete(entry.index)) return;
    this.forgetKey(entry);
    if (entry.relayed) this.#relayed -= 1;
  }

  /** Its DDE is answered anew: the entry is found by its index alone from here on. */
  forgetKey(entry: T): void {
    if (this.#byKey.get(entry.key) === entry) this.#byKey.delete(entry.key);
  }

  /** Takes out those that a condition names. */
  removeWhere(select: (entry: T) => boolean): T[] {
    const removed = [...this.#byIndex.values()].filter(select);
    for (const entry of removed) this.remove(entry);
    return removed;
  }

  /** Takes out what has lived too long; entries stand in the order of their birth. */
  expire(now: Millis, underLoad: boolean): T[] {
    const life = underLoad ? HALF_OPEN_LOADED_MS : HALF_OPEN_MS;
    const expired: T[] = [];
    for (const entry of this.#byIndex.values()) {
      if (now - entry.since < life) break;
      expired.push(entry);
    }
    for (const entry of expired) this.remove(entry);
    return expired;
  }

  /** When the oldest one expires. */
  nextExpiry(underLoad: boolean): number | undefined {
    for (const entry of this.#byIndex.values()) return entry.since + (underLoad ? HALF_OPEN_LOADED_MS : HALF_OPEN_MS);
    return undefined;
  }
}
