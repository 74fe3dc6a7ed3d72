import type { Millis } from '../base/brands.ts';

/** Directions of one peer that are taken at once, then one per this time: a DC that lies must not make a node probe for ever. */
const DIRECTIONS = 4;
const DIRECTION_EACH_MS = 2_000;
/** Between two Direction Requests for one peer; longer by half each time while none is answered. */
const ASK_GAP_MS = 300;
const ASK_GAP_MAX_MS = 8_000;
/** A direction that brought no sign of the peer is asked for again after this time, and for as long as the coordinator names the same pair. */
const UNMET_MS = 500;
const UNMET_LAST_MS = 2_000;

/** How often directions of one peer are asked for, and taken. */
export class DirectionLimit {
  #tokens = DIRECTIONS;
  #takenAt: Millis | undefined;
  #askedAt: Millis | undefined;
  #gap = ASK_GAP_MS;

  /** When the last direction was taken. */
  get takenAt(): Millis | undefined {
    return this.#takenAt;
  }

  take(now: Millis): boolean {
    const grown = this.#takenAt === undefined ? 0 : (now - this.#takenAt) / DIRECTION_EACH_MS;
    if (Math.min(DIRECTIONS, this.#tokens + grown) < 1) return false;
    this.#tokens = Math.min(DIRECTIONS, this.#tokens + grown) - 1;
    this.#takenAt = now;
    this.#gap = ASK_GAP_MS;
    return true;
  }

  ask(now: Millis): boolean {
    if (now < this.nextAsk()) return false;
    if (this.#askedAt !== undefined) this.#gap = Math.min(ASK_GAP_MAX_MS, 1.5 * this.#gap);
    this.#askedAt = now;
    return true;
  }

  nextAsk(): number {
    return this.#askedAt === undefined ? 0 : this.#askedAt + this.#gap;
  }

  /** When the peer may be asked for again though a direction was taken; undefined when that is over. */
  nextAskUnmet(): number | undefined {
    if (this.#takenAt === undefined) return undefined;
    const next = Math.max(this.nextAsk(), this.#takenAt + UNMET_MS);
    return next < this.#takenAt + UNMET_LAST_MS ? next : undefined;
  }

  /** Another network, other chances. */
  reset(): void {
    this.#gap = ASK_GAP_MS;
  }
}
