import type { Millis } from '../../base/brands.ts';
import type { PathAddress } from '../../base/path-address.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import { decodeReflect, encodeReflect, isAuthenticReflect, type ReflectFrom } from '../../nat/reflect.ts';
import type { DcEffects, DcSocket } from './dc-effects.ts';
import { DELAYED, DELAYED_OF_NODE } from './dc-limits.ts';
import type { SignalPeer } from './signal-peer.ts';
import type { SignalSessions } from './signal-sessions.ts';

interface Delayed {
  readonly peer: SignalPeer;
  readonly bytes: Uint8Array;
  readonly to: PathAddress;
  readonly socket: DcSocket;
}

/**
 * Tells registered nodes how this coordinator sees them, from whichever of its sockets they ask to be answered by, at once or
 * after the delay that they ask for (protocol.md 6.6). An answer is as long as its question.
 */
export class ReflectDesk {
  readonly #provider: CryptoProvider;
  readonly #sessions: SignalSessions;
  readonly #effects: DcEffects;
  readonly #hasOtherAddress: boolean;
  /** by the second in which they leave */
  readonly #delayed = new Map<number, Delayed[]>();
  readonly #delayedOf = new Map<SignalPeer, number>();
  #waiting = 0;
  #second: number;

  constructor(
    provider: CryptoProvider,
    sessions: SignalSessions,
    effects: DcEffects,
    hasOtherAddress: boolean,
    now: Millis,
  ) {
    this.#provider = provider;
    this.#sessions = sessions;
    this.#effects = effects;
    this.#hasOtherAddress = hasOtherAddress;
    this.#second = Math.floor(now / 1_000);
  }

  handleQuestion(bytes: Uint8Array, from: PathAddress, asked: DcSocket, now: Millis): void {
    const question = decodeReflect(bytes);
    if (typeof question === 'string') return this.#effects.count(`dc-reflect-${question}`);
    const peer = this.#sessions.byTicket(question.ticket);
    if (question.kind !== 'question' || !peer) return this.#effects.count('dc-reflect-unknown');
    if (!isAuthenticReflect(this.#provider, peer.reflectKey, bytes, question))
      return this.#effects.count('dc-reflect-forged');
    if (!peer.reflections.take(now)) return this.#effects.count('dc-reflect-rate');
    const socket = this.#answering(question.from, asked);
    if (socket === undefined) return this.#effects.count('dc-reflect-no-address');
    const answer = encodeReflect(this.#provider, peer.reflectKey, { ...question, kind: 'answer', seen: from });
    const due = { peer, bytes: answer, to: from, socket };
    if (question.delay === 0) this.#send(due);
    else this.#delay(due, now + question.delay * 1_000);
  }

  tick(now: Millis): void {
    for (const until = Math.floor(now / 1_000); this.#second <= until; this.#second++) {
      for (const due of this.#delayed.get(this.#second) ?? []) {
        this.#waiting--;
        const left = (this.#delayedOf.get(due.peer) ?? 1) - 1;
        if (left > 0) this.#delayedOf.set(due.peer, left);
        else this.#delayedOf.delete(due.peer);
        this.#send(due);
      }
      this.#delayed.delete(this.#second);
    }
  }

  #answering(from: ReflectFrom, asked: DcSocket): DcSocket | undefined {
    if (from === 'asked') return asked;
    if (asked === 'tunnel') return undefined;
    if (from === 'other-port') return asked === 'other-port' ? 'main' : 'other-port';
    if (!this.#hasOtherAddress) return undefined;
    return asked === 'other-address' ? 'main' : 'other-address';
  }

  /** Never earlier than asked, up to a second later. */
  #delay(due: Delayed, at: number): void {
    const count = this.#delayedOf.get(due.peer) ?? 0;
    if (count >= DELAYED_OF_NODE || this.#waiting >= DELAYED) return this.#effects.count('dc-reflect-full');
    const second = Math.ceil(at / 1_000);
    this.#delayed.set(second, [...(this.#delayed.get(second) ?? []), due]);
    this.#delayedOf.set(due.peer, count + 1);
    this.#waiting++;
  }

  #send({ bytes, to, socket }: Delayed): void {
    this.#effects.emit({ kind: 'send', bytes, to, socket });
  }
}
