import { type Millis, millis } from '../../base/brands.ts';
import { EARLY_FRAMES, EARLY_MS } from './relay-limits.ts';

interface EarlyFrame {
  readonly bytes: Uint8Array;
  readonly until: Millis;
}

/**
 * Handshake messages that came before their end was bound, or bound where it is now, one for each end at most: two nodes that the
 * coordinator has just brought together bind at about the same time, and the first message of their handshake would be lost
 * where the asker is a little earlier. Keys are rows of the forward table.
 */
export class EarlyFrames {
  readonly #frames = new Map<number, EarlyFrame>();

  /** False where there is no room. */
  keep(end: number, bytes: Uint8Array, now: Millis): boolean {
    this.#forgetOld(now);
    if (this.#frames.size >= EARLY_FRAMES) return false;
    this.#frames.set(end, { bytes, until: millis(now + EARLY_MS) });
    return true;
  }

  /** What was kept for an end that is bound now. */
  take(end: number, now: Millis): Uint8Array | undefined {
    this.#forgetOld(now);
    const found = this.#frames.get(end);
    this.#frames.delete(end);
    return found?.bytes;
  }

  /** Nobody waits for it any more. */
  forget(end: number): void {
    this.#frames.delete(end);
  }

  /** In the order in which they came, so the oldest are the first. */
  #forgetOld(now: Millis): void {
    for (const [end, { until }] of this.#frames) {
      if (now < until) return;
      this.#frames.delete(end);
    }
  }
}
