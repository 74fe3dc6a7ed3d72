import { type KeyVersion, keyVersion, type UnixSeconds } from '../base/brands.ts';
import { wipe } from '../base/bytes.ts';
import type { DomainKeys } from './group-key.ts';

/** One version of the domain group's keys. */
export interface HeldDomainVersion extends DomainKeys {
  readonly v: KeyVersion;
  readonly r: number;
  readonly activateAt: UnixSeconds;
}

/** Versions kept, so that an old DDE can still be told apart from noise (protocol.md 10.1). */
const KEPT = 8;

/** The domain group D: the newest version in force seals, older ones only answer D-STALE (protocol.md 2.5). */
export class DomainRing {
  #held: readonly HeldDomainVersion[] = [];

  /** Takes a version of a verified bundle; the keys belong to the ring. A known one is dropped. */
  add(v: number, activateAt: UnixSeconds, keys: DomainKeys): void {
    const known = this.#held.some((version) => version.v === v);
    const newest = [...this.#held, ...(known ? [] : [{ ...keys, v: keyVersion(v), r: 0, activateAt }])];
    newest.sort((a, b) => b.v - a.v);
    if (known) wipe(keys.kDde, keys.kTag, keys.kStale);
    for (const { kDde, kTag, kStale } of newest.slice(KEPT)) wipe(kDde, kTag, kStale);
    this.#held = newest.slice(0, KEPT);
  }

  /** Newest in force first; versions whose time has not come are left out. `corrected`: protocol.md 10.4. */
  versions(corrected: UnixSeconds): readonly HeldDomainVersion[] {
    return this.#held.filter(({ activateAt }) => activateAt <= corrected);
  }

  wipe(): void {
    for (const { kDde, kTag, kStale } of this.#held) wipe(kDde, kTag, kStale);
    this.#held = [];
  }
}
