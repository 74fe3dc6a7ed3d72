import type { Millis } from '../base/brands.ts';
import { evenly, RateTable } from '../base/rate-table.ts';
import { NOENTRY_PER_CID_MS, NOENTRY_PER_SA } from './constants.ts';

/** SAs and flows that are remembered at most. */
const CAPACITY = 4_096;

/** When NOENTRY may be sent: once per CID in 100 ms, 100 a second per SA (protocol.md 5.3). */
export class NoEntryLimit {
  readonly #bySa = new RateTable<string>(evenly(NOENTRY_PER_SA), CAPACITY);
  readonly #byFlow = new RateTable<string>({ burst: 1, perSecond: 1000 / NOENTRY_PER_CID_MS }, CAPACITY);

  take(sa: number, flow: string, now: Millis): boolean {
    return this.#byFlow.take(`${sa} ${flow}`, now) && this.#bySa.take(`${sa}`, now);
  }
}
