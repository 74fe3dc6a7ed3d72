import type { PitEventAnswer } from '../api/pit.ts';
import type { Millis } from '../base/brands.ts';
import { pitEntryAnswer } from './answers.ts';
import type { ControlReply } from './control-socket.ts';
import type { Engine } from './engine.ts';

/** Clients that follow the PIT; without one, nothing is described. */
export class PitWatchers {
  readonly #engine: Engine;
  readonly #now: () => Millis;
  readonly #replies = new Set<ControlReply>();

  constructor(engine: Engine, now: () => Millis) {
    this.#engine = engine;
    this.#now = now;
  }

  /** Settles when the client has gone. */
  add(reply: ControlReply): Promise<undefined> {
    this.#replies.add(reply);
    this.#engine.watchPit((event, entry, cause) => this.#tell(event, entry, cause));
    reply.onClose(() => this.#remove(reply));
    return reply.closed;
  }

  stop(): void {
    for (const reply of this.#replies) reply.end();
  }

  #remove(reply: ControlReply): void {
    this.#replies.delete(reply);
    if (this.#replies.size === 0) this.#engine.watchPit(null);
  }

  #tell(event: 'created' | 'confirmed' | 'closed', entry: number, cause: string | null): void {
    const answer: PitEventAnswer = {
      schema: 1,
      at: new Date().toISOString(),
      event,
      cause: cause ?? '',
      entry: pitEntryAnswer(this.#engine, entry, this.#now()),
    };
    for (const reply of this.#replies) reply.send(answer);
  }
}
