import { type Millis, millis } from '../../base/brands.ts';
import { ByteReader } from '../../base/byte-reader.ts';
import { ByteWriter } from '../../base/byte-writer.ts';
import { concat } from '../../base/bytes.ts';
import type { PathAddress } from '../../base/path-address.ts';
import type { Identity } from '../../crypto/identity.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import { encodeProvedHello, type HelloCookie } from '../../nat/hello-cookie.ts';
import { type SignalFault, SignalHandshake, type SignalSession } from '../../nat/signal-session.ts';
import { REACH } from './tuning.ts';

export interface GreeterDeps {
  readonly provider: CryptoProvider;
  random(length: number): Uint8Array;
  identity(): Identity;
  /** milliseconds since 1970 by the server's clock, larger than the last time */
  helloTime(): number;
}

/** A session with a coordinator: with whom, and by which index of this node. */
export interface Session {
  readonly signal: SignalSession;
  readonly index: number;
  readonly to: PathAddress;
}

/** A HELLO that is to leave. */
export interface HelloSent {
  readonly bytes: Uint8Array;
  readonly to: PathAddress;
}

interface Greeting {
  readonly handshake: SignalHandshake;
  readonly index: number;
  readonly to: PathAddress;
  /** what proves this node's address to a coordinator under load */
  cookie: Uint8Array | undefined;
  /** one is taken for each HELLO: forged ones make a node say nothing more than twice as often */
  isCookieWanted: boolean;
  sent: number;
  nextAt: Millis;
}

/**
 * HELLOs to one coordinator by one way, until it answers or is told to stop: to its endpoints one after the other, a few times
 * each; when all were silent, again after a pause, which is long for one that was silent for minutes.
 */
export class Greeter {
  readonly #deps: GreeterDeps;
  readonly #key: Uint8Array;
  readonly #endpoints: () => readonly PathAddress[];
  #greeting: Greeting | undefined;
  #endpoint = 0;
  #rounds = 0;
  #roundAt: Millis | undefined;

  /** `key`: the coordinator's X25519 key. */
  constructor(key: Uint8Array, endpoints: () => readonly PathAddress[], deps: GreeterDeps) {
    this.#key = key;
    this.#endpoints = endpoints;
    this.#deps = deps;
  }

  get isOn(): boolean {
    return this.#greeting !== undefined || this.#roundAt !== undefined;
  }

  /** Whole rounds without an answer since the start. */
  get rounds(): number {
    return this.#rounds;
  }

  start(now: Millis): void {
    this.stop();
    this.#rounds = 0;
    this.#roundAt = now;
  }

  stop(): void {
    this.#greeting?.handshake.wipe();
    this.#greeting = undefined;
    this.#roundAt = undefined;
  }

  /** A long pause is cut short. */
  hurry(now: Millis): void {
    if (this.#roundAt !== undefined) this.#roundAt = millis(Math.min(this.#roundAt, now + REACH.hurryMs));
  }

  /** Is this WELCOME or COOKIE an answer to a HELLO of this greeter? */
  owns(index: number): boolean {
    return this.#greeting?.index === index;
  }

  /** After a fault it goes on waiting: a forged WELCOME ends nothing. */
  handleWelcome(bytes: Uint8Array): Session | SignalFault {
    if (!this.#greeting) return 'length';
    const { handshake, index, to } = this.#greeting;
    const opened = handshake.handleWelcome(bytes);
    if (typeof opened === 'string') return opened;
    this.#greeting = undefined;
    this.#roundAt = undefined;
    return { signal: opened.session, index, to };
  }

  /** The coordinator is under load: the HELLO goes again at once, with its cookie. */
  handleCookie({ cookie }: HelloCookie): HelloSent[] {
    const greeting = this.#greeting;
    if (!greeting?.isCookieWanted) return [];
    greeting.isCookieWanted = false;
    greeting.cookie = cookie;
    return [helloOf(greeting)];
  }

  nextDeadline(): Millis | undefined {
    return this.#greeting?.nextAt ?? this.#roundAt;
  }

  /** What is to be sent now. */
  tick(now: Millis): HelloSent[] {
    if (this.#roundAt !== undefined && now >= this.#roundAt) {
      this.#roundAt = undefined;
      this.#endpoint = 0;
      this.#greet(now);
    }
    const greeting = this.#greeting;
    if (!greeting || now < greeting.nextAt) return [];
    if (greeting.sent === REACH.hellos) {
      this.#endpoint++;
      greeting.handshake.wipe();
      this.#greet(now);
      return this.tick(now);
    }
    greeting.sent++;
    greeting.nextAt = millis(now + REACH.repeatMs * greeting.sent);
    greeting.isCookieWanted = true;
    return [helloOf(greeting)];
  }

  #greet(now: Millis): void {
    const to = this.#endpoints()[this.#endpoint];
    this.#greeting = undefined;
    if (to === undefined) {
      this.#roundAt = millis(now + (this.#rounds < REACH.eagerRounds ? REACH.retryMs : REACH.retryLongMs));
      this.#rounds++;
      return;
    }
    const { provider, random, identity, helloTime } = this.#deps;
    const { xPublic, xSecret, credential } = identity();
    const time = helloTime();
    const head = new ByteWriter(8)
      .u32(Math.floor(time / 2 ** 32))
      .u32(time % 2 ** 32)
      .finish();
    const keys = {
      static: { publicKey: xPublic, secretKey: xSecret },
      ephemeral: provider.x25519KeyPair(random(32)),
      coordinator: this.#key,
    };
    const index = new ByteReader(random(4)).u32();
    const handshake = new SignalHandshake(provider, keys, index, concat(head, credential));
    this.#greeting = { handshake, index, to, cookie: undefined, isCookieWanted: false, sent: 0, nextAt: now };
  }
}

function helloOf({ handshake, cookie, to }: Greeting): HelloSent {
  const { hello } = handshake;
  return { bytes: cookie === undefined ? hello : encodeProvedHello(cookie, hello), to };
}
