import type { Millis } from '../../base/brands.ts';

/** Bytes that may wait for one receiver: more than the longest message, and no more. */
const MOST_OF_ONE = 20 << 20;
/** Bytes that may wait for all of them before large messages to others are held back: memory, however many there are. */
const MOST_OF_ALL = 16 << 20;
/** A receiver that took nothing of what waits for it in so long is given up (milliseconds). */
export const STALLED_AFTER = 20_000;

interface Backlog {
  bytes: number;
  /** when it began, or when something of it left last */
  movedAt: Millis;
}

/** What was given to sockets and has not left the process yet, of each receiver and of all. */
export class Backlogs<Id> {
  readonly #waiting = new Map<Id, Backlog>();
  #bytes = 0;

  get isFull(): boolean {
    return this.#bytes >= MOST_OF_ALL;
  }

  /** Whether so much more may be sent. */
  hasRoom(id: Id, bytes: number): boolean {
    return (this.#waiting.get(id)?.bytes ?? 0) + bytes <= MOST_OF_ONE;
  }

  add(id: Id, bytes: number, now: Millis): void {
    const backlog = this.#waiting.get(id);
    if (backlog === undefined) this.#waiting.set(id, { bytes, movedAt: now });
    else backlog.bytes += bytes;
    this.#bytes += bytes;
  }

  /** So much has left. */
  remove(id: Id, bytes: number, now: Millis): void {
    const backlog = this.#waiting.get(id);
    if (backlog === undefined) return;
    this.#bytes -= bytes;
    backlog.bytes -= bytes;
    backlog.movedAt = now;
    if (backlog.bytes === 0) this.#waiting.delete(id);
  }

  /** Nothing more will leave. */
  forget(id: Id): void {
    this.#bytes -= this.#waiting.get(id)?.bytes ?? 0;
    this.#waiting.delete(id);
  }

  /** Whether something waits for it: then silence may be because our question waits too. */
  isBehind(id: Id): boolean {
    return this.#waiting.has(id);
  }

  stalled(now: Millis): readonly Id[] {
    return [...this.#waiting].flatMap(([id, { movedAt }]) => (now - movedAt >= STALLED_AFTER ? [id] : []));
  }
}
