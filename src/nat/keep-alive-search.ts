import { type Millis, millis } from '../base/brands.ts';
import { KEEP_ALIVE_AGAIN_MS, KEEP_ALIVE_SHARE, KEEP_ALIVE_STEPS_MS } from './tuning.ts';

/** How long an answer to a delayed question is waited for beyond its delay. */
const GRACE = 5_000;

/**
 * Finds how long a mapping lives without traffic (protocol.md 6.6): a question is sent from a socket that nothing else
 * uses, and the coordinator answers it only after a delay. What came back in time lives at least that long; the next step
 * is tried. Two losses end the search. The main socket meanwhile uses what is known to work, so a failed test costs nothing.
 */
export class KeepAliveSearch {
  #works = -1;
  #losses = 0;
  #test: { readonly step: number; readonly until: Millis } | undefined;
  #nextAt: Millis;

  constructor(now: Millis) {
    this.#nextAt = now;
  }

  /** Milliseconds between two keep-alives of the main socket. */
  get interval(): number {
    const known = KEEP_ALIVE_STEPS_MS[this.#works];
    return Math.max(KEEP_ALIVE_STEPS_MS[0], Math.floor((known ?? 0) * KEEP_ALIVE_SHARE));
  }

  nextDeadline(): Millis {
    return this.#test?.until ?? this.#nextAt;
  }

  /** The delay in seconds of the question that is to be sent now from the spare socket, if any. */
  tick(now: Millis): number | undefined {
    if (this.#test && now >= this.#test.until) this.#lost(now);
    if (this.#test || now < this.#nextAt) return undefined;
    const step = Math.min(this.#works + 1, KEEP_ALIVE_STEPS_MS.length - 1);
    const delay = KEEP_ALIVE_STEPS_MS[step];
    this.#test = { step, until: millis(now + delay + GRACE) };
    return delay / 1000;
  }

  /** The delayed answer came. */
  handleAnswer(now: Millis): void {
    if (!this.#test) return;
    this.#works = this.#test.step;
    this.#losses = 0;
    this.#test = undefined;
    const last = this.#works === KEEP_ALIVE_STEPS_MS.length - 1;
    this.#nextAt = last ? millis(now + KEEP_ALIVE_AGAIN_MS) : now;
  }

  /** The main socket got another outer address although nothing of this node changed: the interval was too long. */
  handleMappingLost(now: Millis): void {
    this.#works = Math.max(-1, this.#works - 1);
    this.#test = undefined;
    this.#nextAt = millis(now + KEEP_ALIVE_AGAIN_MS);
  }

  /** Another network: nothing that was learnt holds. */
  handleNetworkChange(now: Millis): void {
    this.#works = -1;
    this.#losses = 0;
    this.#test = undefined;
    this.#nextAt = now;
  }

  #lost(now: Millis): void {
    this.#test = undefined;
    this.#losses++;
    this.#nextAt = this.#losses < 2 ? now : millis(now + KEEP_ALIVE_AGAIN_MS);
    if (this.#losses >= 2) this.#losses = 0;
  }
}
