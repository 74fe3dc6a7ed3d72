import { type Millis, millis } from '../../base/brands.ts';
import { toHex } from '../../base/bytes.ts';
import { type PathAddress, parsePath } from '../../base/path-address.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import { KeepAliveSearch } from '../../nat/keep-alive-search.ts';
import { type DetectorSocket, NatDetector } from '../../nat/nat-detector.ts';
import { type NatKind, UNKNOWN_NAT } from '../../nat/nat-kind.ts';
import { decodeReflect, encodeReflect, isAuthenticReflect } from '../../nat/reflect.ts';
import type { Registered } from '../../nat/signal-message.ts';

/** A question to a coordinator, from the socket of everything or from the spare one. */
export interface Question {
  readonly socket: DetectorSocket;
  readonly bytes: Uint8Array;
  readonly to: PathAddress;
}

interface Means {
  readonly provider: CryptoProvider;
  random(length: number): Uint8Array;
}

/** What a registration gave for asking. */
type Asking = Pick<Registered, 'ticket' | 'reflectKey' | 'vantages'>;

const FAMILIES = [4, 6] as const;

/**
 * How others see this node (protocol.md 6.6): its outer addresses and the kind of its NAT by one detector for each family, and
 * how long its mapping lives, by delayed questions from the spare socket.
 */
export class NatWatch {
  readonly #means: Means;
  readonly #search: KeepAliveSearch;
  readonly #detectors = new Map<4 | 6, NatDetector>();
  #asking: Asking | undefined;
  #delayed: Uint8Array | undefined;
  #isDone = false;

  constructor(means: Means, now: Millis) {
    this.#means = means;
    this.#search = new KeepAliveSearch(now);
  }

  /** Milliseconds between two datagrams that keep the mapping alive. */
  get keepAlive(): number {
    return this.#search.interval;
  }

  /** Outer addresses of the main socket, as the vantage points see it. */
  get reflexive(): readonly PathAddress[] {
    return [...this.#detectors.values()].flatMap(({ reflexive }) => reflexive);
  }

  /** Behind a NAT of IPv4 the kind of that one; IPv6 has none as a rule. */
  kind(now: Millis): NatKind {
    const detector = this.#detectors.get(4) ?? this.#detectors.get(6);
    return detector?.kind(now) ?? UNKNOWN_NAT;
  }

  /** Asks anew: `local` are this node's own addresses with the port of its main socket. */
  begin(asking: Asking, local: readonly PathAddress[], now: Millis): void {
    this.#asking = asking;
    this.#isDone = false;
    this.#detectors.clear();
    for (const family of FAMILIES) {
      const vantages = asking.vantages.filter((vantage) => parsePath(vantage).family === family);
      if (vantages.length === 0 || !local.some((own) => parsePath(own).family === family)) continue;
      const settings = { ...this.#means, vantages, ticket: asking.ticket, key: asking.reflectKey, local };
      const random = (length: number) => this.#means.random(length);
      this.#detectors.set(family, new NatDetector({ ...settings, random }, now));
    }
  }

  /** Another network: nothing that was learnt holds. */
  handleNetworkChange(now: Millis): void {
    this.#detectors.clear();
    this.#search.handleNetworkChange(now);
  }

  /** The outer address changed although this node did not move. */
  handleMappingLost(now: Millis): void {
    this.#search.handleMappingLost(now);
  }

  nextDeadline(now: Millis): Millis | undefined {
    if (!this.#asking) return undefined;
    const open = [...this.#detectors.values()].filter((detector) => !detector.isDone(now));
    const times = open.map((detector) => detector.nextDeadline());
    if (this.#isSearching()) times.push(this.#search.nextDeadline());
    return times.length === 0 ? undefined : millis(Math.min(...times));
  }

  /** `finished`: everything is answered or given up since the last call. */
  tick(now: Millis): { readonly questions: readonly Question[]; readonly finished: boolean } {
    const questions: Question[] = [];
    for (const detector of this.#detectors.values())
      for (const { socket, bytes, to } of detector.tick(now)) questions.push({ socket, bytes, to });
    const isDone = [...this.#detectors.values()].every((detector) => detector.isDone(now));
    const finished = isDone && !this.#isDone && this.#detectors.size > 0;
    this.#isDone = isDone;
    if (isDone && this.#isSearching()) questions.push(...this.#delayedQuestion(now));
    return { questions, finished };
  }

  /** An answer of kind 35; undefined, or the name of a counter. */
  handleDatagram(bytes: Uint8Array, socket: DetectorSocket, now: Millis): string | undefined {
    if (socket === 'spare' && this.#isDelayed(bytes)) {
      this.#delayed = undefined;
      this.#search.handleAnswer(now);
      return undefined;
    }
    let counter: string | undefined = 'reflect-unasked';
    for (const detector of this.#detectors.values()) {
      counter = detector.handleDatagram(bytes, socket);
      if (counter === undefined) return undefined;
    }
    return counter;
  }

  /** Only what is behind a NAT has a mapping that could end. */
  #isSearching(): boolean {
    return this.#detectors.get(4) !== undefined && this.#asking !== undefined;
  }

  #delayedQuestion(now: Millis): Question[] {
    const to = this.#asking?.vantages.find((vantage) => parsePath(vantage).family === 4);
    const delay = to && this.#search.tick(now);
    if (!this.#asking || to === undefined || delay === undefined) return [];
    const { ticket, reflectKey } = this.#asking;
    this.#delayed = this.#means.random(12);
    const question = { kind: 'question', from: 'asked', ticket, nonce: this.#delayed, delay } as const;
    return [{ socket: 'spare', bytes: encodeReflect(this.#means.provider, reflectKey, question), to }];
  }

  #isDelayed(bytes: Uint8Array): boolean {
    const answer = decodeReflect(bytes);
    if (!this.#asking || !this.#delayed || typeof answer === 'string') return false;
    if (answer.kind !== 'answer' || toHex(answer.nonce) !== toHex(this.#delayed)) return false;
    return isAuthenticReflect(this.#means.provider, this.#asking.reflectKey, bytes, answer);
  }
}
