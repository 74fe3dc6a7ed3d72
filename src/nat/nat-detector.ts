import { type Millis, millis } from '../base/brands.ts';
import { toHex } from '../base/bytes.ts';
import type { PathAddress } from '../base/path-address.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { type NatKind, natKindOf } from './nat-kind.ts';
import { hostOf } from './outer-address.ts';
import { decodeReflect, encodeReflect, isAuthenticReflect, type ReflectFrom } from './reflect.ts';

/** The socket that carries everything, and one that nothing else uses, whose filters nobody has opened. */
export type DetectorSocket = 'main' | 'spare';

export interface DetectorEffect {
  readonly kind: 'send';
  readonly socket: DetectorSocket;
  readonly bytes: Uint8Array;
  readonly to: PathAddress;
}

/** What REGISTERED gave, of one address family. */
export interface DetectorSettings {
  readonly provider: CryptoProvider;
  random(length: number): Uint8Array;
  readonly vantages: readonly PathAddress[];
  readonly ticket: number;
  readonly key: Uint8Array;
  /** own addresses with the port of the main socket */
  readonly local: readonly PathAddress[];
}

interface Question {
  readonly socket: DetectorSocket;
  readonly from: ReflectFrom;
  readonly to: PathAddress;
  readonly nonce: Uint8Array;
  answered: boolean;
}

const ROUND_MS = 200;
const ROUNDS = 3;

/**
 * Learns how others see this node, and the kind of NAT (protocol.md 6.6): the main socket asks every vantage point; the
 * spare socket asks one of them to answer from its other port and its other address. What is silent after three rounds
 * counts as filtered, if the plain question of that socket was answered. At most 3 × (vantage points + 3) datagrams.
 */
export class NatDetector {
  readonly #settings: DetectorSettings;
  readonly #questions: Question[];
  readonly #seen = new Map<PathAddress, PathAddress>();
  #rounds = 0;
  #nextAt: Millis;

  constructor(settings: DetectorSettings, now: Millis) {
    this.#settings = settings;
    const question = (socket: DetectorSocket, from: ReflectFrom, to: PathAddress) => {
      return { socket, from, to, nonce: settings.random(12), answered: false };
    };
    const { vantages } = settings;
    const [first] = vantages;
    this.#questions = vantages.map((to) => question('main', 'asked', to));
    if (first !== undefined) {
      this.#questions.push(question('spare', 'asked', first), question('spare', 'other-port', first));
      // a coordinator with one address cannot answer from another
      if (vantages.some((vantage) => hostOf(vantage) !== hostOf(first)))
        this.#questions.push(question('spare', 'other-address', first));
    }
    this.#nextAt = now;
  }

  /** How the vantage points see the main socket, without repetition. */
  get reflexive(): readonly PathAddress[] {
    return [...new Set(this.#seen.values())];
  }

  /** Everything is answered, or was asked three times. */
  isDone(now: Millis): boolean {
    return this.#questions.every(({ answered }) => answered) || (this.#rounds === ROUNDS && now >= this.#nextAt);
  }

  nextDeadline(): Millis {
    return this.#nextAt;
  }

  tick(now: Millis): DetectorEffect[] {
    if (now < this.#nextAt || this.#rounds === ROUNDS) return [];
    this.#rounds++;
    this.#nextAt = millis(now + ROUND_MS * this.#rounds);
    const { provider, key, ticket } = this.#settings;
    const open = this.#questions.filter(({ answered }) => !answered);
    return open.map(({ socket, from, to, nonce }) => {
      const bytes = encodeReflect(provider, key, { kind: 'question', from, ticket, nonce, delay: 0 });
      return { kind: 'send', socket, bytes, to };
    });
  }

  /** A datagram of kind 35; undefined, or the name of a counter. */
  handleDatagram(bytes: Uint8Array, socket: DetectorSocket): string | undefined {
    const answer = decodeReflect(bytes);
    if (typeof answer === 'string') return `reflect-${answer}`;
    const nonce = toHex(answer.nonce);
    const question = this.#questions.find((each) => each.socket === socket && toHex(each.nonce) === nonce);
    if (answer.kind !== 'answer' || !question || answer.from !== question.from) return 'reflect-unasked';
    const { provider, key } = this.#settings;
    if (!isAuthenticReflect(provider, key, bytes, answer)) return 'reflect-forged';
    question.answered = true;
    if (socket === 'main') this.#seen.set(question.to, answer.seen);
    return undefined;
  }

  /** As far as it is known now; `hairpin` is for the caller to find out. */
  kind(now: Millis): NatKind {
    const plain = this.#answered('asked');
    const sure = plain === true && this.isDone(now);
    const heard = (from: ReflectFrom) => this.#answered(from) || (sure ? this.#answered(from) : undefined);
    return natKindOf({
      local: this.#settings.local,
      seen: this.#seen,
      fromOtherPort: heard('other-port'),
      fromOtherAddress: heard('other-address'),
      hairpin: undefined,
    });
  }

  #answered(from: ReflectFrom): boolean | undefined {
    return this.#questions.find((each) => each.socket === 'spare' && each.from === from)?.answered;
  }
}
