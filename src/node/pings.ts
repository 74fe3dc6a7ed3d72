import type { PingAnswer } from '../api/questions.ts';
import type { NodeId } from '../base/brands.ts';
import { toHex } from '../base/bytes.ts';

export interface PingTarget {
  readonly id: NodeId;
  readonly name: string;
  readonly address: string;
}

export interface PingCalls {
  /** sends a challenge with this token inside the SA; false while there is none */
  challenge(peer: NodeId, token: Uint8Array): boolean;
  random(length: number): Uint8Array;
}

interface Waiting {
  readonly sentAt: number;
  readonly resolve: (reply: Reply) => void;
}

interface Reply {
  readonly rttMs: number;
  readonly path: string;
}

/** How often an unanswered or unsendable ping looks again, in milliseconds. */
const PAUSE = 20;

/** Round trips inside SAs: what `gscip ping` and `gscip wait --peer` measure. */
export class Pings {
  readonly #calls: PingCalls;
  readonly #waiting = new Map<string, Waiting>();

  constructor(calls: PingCalls) {
    this.#calls = calls;
  }

  /** A PATH-RESPONSE came in; not every one is a ping's. */
  handleResponse(token: Uint8Array, path: string): void {
    const key = toHex(token);
    const waiting = this.#waiting.get(key);
    if (!waiting) return;
    this.#waiting.delete(key);
    waiting.resolve({
      rttMs: performance.now() - waiting.sentAt,
      path: path.startsWith('relay:') ? path.replace('relay:', 'relay ').replace(/#.*/, '') : `direct ${path}`,
    });
  }

  async ping(target: PingTarget, count: number, timeoutMs: number): Promise<PingAnswer> {
    const replies: Reply[] = [];
    for (let i = 0; i < count; i++) {
      const reply = await this.#once(target.id, timeoutMs);
      if (reply) replies.push(reply);
    }
    const { name, address } = target;
    return { schema: 1, target: name, address, replies, sent: count, lost: count - replies.length };
  }

  async #once(peer: NodeId, timeoutMs: number): Promise<Reply | undefined> {
    const until = performance.now() + timeoutMs;
    const token = this.#calls.random(8);
    const key = toHex(token);
    const reply = new Promise<Reply | undefined>((resolve) => {
      this.#waiting.set(key, { sentAt: performance.now(), resolve });
    });
    while (!this.#send(peer, token, key)) {
      if (performance.now() >= until) break;
      await pause(PAUSE);
    }
    const answer = await Promise.race([reply, pause(Math.max(1, until - performance.now())).then(() => undefined)]);
    this.#waiting.delete(key);
    return answer;
  }

  #send(peer: NodeId, token: Uint8Array, key: string): boolean {
    const waiting = this.#waiting.get(key);
    if (!waiting) return true;
    this.#waiting.set(key, { ...waiting, sentAt: performance.now() });
    return this.#calls.challenge(peer, token);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
