import type { CoordinatorPlace } from '../../api/channel/services.ts';
import { type Millis, millis } from '../../base/brands.ts';
import { ByteReader } from '../../base/byte-reader.ts';
import { ByteWriter } from '../../base/byte-writer.ts';
import { concat } from '../../base/bytes.ts';
import { type PathAddress, parsePath } from '../../base/path-address.ts';
import type { Identity } from '../../crypto/identity.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import type { Candidate } from '../../nat/candidate.ts';
import { NAT_KIND } from '../../nat/constants.ts';
import type { NatKind } from '../../nat/nat-kind.ts';
import {
  decodeSignal,
  encodeSignal,
  type Registered,
  type RelayReach,
  type SignalMessage,
} from '../../nat/signal-message.ts';
import { SignalHandshake, type SignalSession, signalIndex } from '../../nat/signal-session.ts';
import { REACH } from './tuning.ts';

/** What this node tells of itself. */
export interface OwnCard {
  readonly nat: NatKind;
  readonly candidates: readonly Candidate[];
  readonly relays: readonly RelayReach[];
}

export type LinkEvent =
  | { readonly kind: 'send'; readonly bytes: Uint8Array; readonly to: PathAddress }
  /** the coordinator knows this node now, or again */
  | { readonly kind: 'registered'; readonly registered: Registered }
  /** a coordinator that had answered stopped to */
  | { readonly kind: 'lost' }
  | { readonly kind: 'message'; readonly message: SignalMessage }
  | { readonly kind: 'counter'; readonly name: string };

export interface CoordinatorLinkDeps {
  readonly provider: CryptoProvider;
  random(length: number): Uint8Array;
  identity(): Identity;
  /** milliseconds since 1970 by the server's clock, larger than the last time */
  helloTime(): number;
  card(): OwnCard;
  keepAlive(): number;
  /** whether datagrams of this family can leave */
  hasFamily(family: 4 | 6): boolean;
}

interface Greeting {
  readonly handshake: SignalHandshake;
  readonly index: number;
  readonly to: PathAddress;
  sent: number;
  nextAt: Millis;
}

interface Session {
  readonly signal: SignalSession;
  readonly index: number;
  readonly to: PathAddress;
}

/** Something that wants an answer, and how often it was said. */
interface Asked {
  readonly bytes: () => Uint8Array;
  readonly seq: number;
  sent: number;
  nextAt: Millis;
}

/**
 * This node at one direction coordinator (protocol.md 6.6): greets it, registers, keeps the mapping to it alive, and greets
 * it again when it fell silent, was restarted, or sees the node elsewhere.
 *
 *   waiting ──HELLO──► greeting ──WELCOME──► registering ──REGISTERED──► registered
 *      ▲ back-off           └── no answer at any endpoint ──┐                 │ 4 silent repeats, `greet`
 *      └────────────────────────────────────────────────────┴─────────────────┘
 *
 * An earlier session stays in use until the next WELCOME.
 */
export class CoordinatorLink {
  readonly place: CoordinatorPlace;
  readonly #deps: CoordinatorLinkDeps;
  #greeting: Greeting | undefined;
  #session: Session | undefined;
  #register: Asked | undefined;
  #keepAlive: Asked | undefined;
  #registered: Registered | undefined;
  #endpoint = 0;
  #failures = 0;
  #retryAt: Millis;
  #seq = 0;
  #saidAt = millis(0);
  #heardAt = millis(0);

  constructor(place: CoordinatorPlace, deps: CoordinatorLinkDeps, now: Millis) {
    this.place = place;
    this.#deps = deps;
    this.#retryAt = now;
  }

  /** What the coordinator gave with the registration; undefined while there is none. */
  get registered(): Registered | undefined {
    return this.#registered;
  }

  /** All its endpoints were silent at the last try. */
  get isGivenUp(): boolean {
    return this.#failures > 0 && this.#registered === undefined;
  }

  /** Where the session runs. */
  get endpoint(): PathAddress | undefined {
    return this.#session?.to;
  }

  /** Greets it at once: it may have been restarted, or this node is on another network. */
  greet(now: Millis): void {
    this.#endGreeting();
    this.#failures = 0;
    this.#retryAt = now;
  }

  /** Somebody waits for this coordinator: a long pause between two tries is cut short. */
  hurry(now: Millis): void {
    if (!this.#greeting) this.#retryAt = millis(Math.min(this.#retryAt, now + REACH.hurryMs));
  }

  /** What this node tells of itself changed. */
  cardChanged(now: Millis): void {
    if (this.#session) this.#askRegister(now);
  }

  /** Says something in the session; undefined without one. */
  say(message: SignalMessage, now: Millis): LinkEvent | undefined {
    if (!this.#session || !this.#registered) return undefined;
    this.#saidAt = now;
    // what is asked wants an answer: a coordinator that forgot the session gives none to anything
    if (message.type === 'direction-request' && now - this.#heardAt > REACH.doubtMs) this.#askKeepAlive(now);
    return this.#seal(this.#session, encodeSignal(message));
  }

  /** Is this WELCOME or SIGNAL for this link? */
  owns(bytes: Uint8Array): boolean {
    const index = signalIndex(bytes);
    return bytes[0] === NAT_KIND.welcome ? index === this.#greeting?.index : index === this.#session?.index;
  }

  handleDatagram(bytes: Uint8Array, now: Millis): LinkEvent[] {
    return bytes[0] === NAT_KIND.welcome ? this.#welcome(bytes, now) : this.#signal(bytes, now);
  }

  nextDeadline(): Millis {
    const times: (number | undefined)[] = [this.#greeting?.nextAt, this.#register?.nextAt, this.#keepAlive?.nextAt];
    if (!this.#greeting) times.push(this.#retryAt);
    if (this.#registered && !this.#keepAlive) times.push(this.#keepAliveAt());
    return millis(Math.min(...times.filter((time) => time !== undefined)));
  }

  tick(now: Millis): LinkEvent[] {
    const events: LinkEvent[] = [];
    if (this.#greeting && now >= this.#greeting.nextAt) this.#repeatHello(this.#greeting, now, events);
    if (!this.#greeting && now >= this.#retryAt) this.#hello(now, events);
    if (this.#registered && !this.#keepAlive && now >= this.#keepAliveAt()) this.#askKeepAlive(now);
    for (const asked of [this.#register, this.#keepAlive]) if (asked) this.#repeat(asked, now, events);
    return events;
  }

  /** Tells the coordinator that the node goes. */
  leave(): LinkEvent | undefined {
    return this.#session && this.#seal(this.#session, encodeSignal({ type: 'unregister' }));
  }

  wipe(): void {
    this.#endGreeting();
    this.#session?.signal.wipe();
    this.#session = undefined;
  }

  #hello(now: Millis, events: LinkEvent[]): void {
    const to = this.#nextEndpoint();
    this.#retryAt = millis(Number.POSITIVE_INFINITY);
    if (to === undefined) return this.#pause(now);
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
      coordinator: this.place.key,
    };
    const index = new ByteReader(random(4)).u32();
    const handshake = new SignalHandshake(provider, keys, index, concat(head, credential));
    this.#greeting = { handshake, index, to, sent: 0, nextAt: now };
    this.#repeatHello(this.#greeting, now, events);
  }

  #repeatHello(greeting: Greeting, now: Millis, events: LinkEvent[]): void {
    if (greeting.sent === REACH.hellos) return this.#unanswered(now, events);
    greeting.sent++;
    greeting.nextAt = millis(now + REACH.repeatMs * greeting.sent);
    events.push({ kind: 'send', bytes: greeting.handshake.hello, to: greeting.to });
  }

  /** The next endpoint at once; when all were silent, a pause. */
  #unanswered(now: Millis, events: LinkEvent[]): void {
    this.#endGreeting();
    this.#endpoint++;
    if (this.#endpoint < this.#endpoints().length) return this.#hello(now, events);
    this.#pause(now);
    this.#lose(events);
  }

  #pause(now: Millis): void {
    this.#endpoint = 0;
    this.#retryAt = millis(now + Math.min(REACH.retryMaxMs, REACH.retryMs * 2 ** this.#failures));
    this.#failures++;
  }

  #lose(events: LinkEvent[]): void {
    if (this.#registered) events.push({ kind: 'lost' });
    this.#session?.signal.wipe();
    this.#session = undefined;
    this.#registered = undefined;
    this.#register = undefined;
    this.#keepAlive = undefined;
  }

  #endpoints(): readonly PathAddress[] {
    return this.place.endpoints.filter((path) => this.#deps.hasFamily(parsePath(path).family));
  }

  #nextEndpoint(): PathAddress | undefined {
    return this.#endpoints()[this.#endpoint];
  }

  #welcome(bytes: Uint8Array, now: Millis): LinkEvent[] {
    const greeting = this.#greeting;
    const opened = greeting?.handshake.handleWelcome(bytes) ?? 'length';
    if (!greeting || typeof opened === 'string') return [{ kind: 'counter', name: `welcome-${opened}` }];
    this.#greeting = undefined;
    this.#session?.signal.wipe();
    this.#session = { signal: opened.session, index: greeting.index, to: greeting.to };
    this.#keepAlive = undefined;
    this.#failures = 0;
    this.#heardAt = now;
    this.#askRegister(now);
    return this.tick(now);
  }

  #signal(bytes: Uint8Array, now: Millis): LinkEvent[] {
    const opened = this.#session?.signal.open(bytes) ?? 'length';
    if (typeof opened === 'string') return [{ kind: 'counter', name: `signal-${opened}` }];
    const message = decodeSignal(opened);
    if (typeof message === 'string') return [{ kind: 'counter', name: `signal-${message}` }];
    this.#heardAt = now;
    if (message.type === 'registered') return this.#handleRegistered(message);
    if (message.type === 'kept') return this.#kept(message.seq, message.seen, now);
    return [{ kind: 'message', message }];
  }

  #handleRegistered(registered: Registered): LinkEvent[] {
    if (registered.seq !== this.#register?.seq) return [];
    this.#register = undefined;
    this.#registered = registered;
    return [{ kind: 'registered', registered }];
  }

  /** Seen elsewhere, the coordinator tells this node nothing more: a session from here is wanted. */
  #kept(seq: number, seen: PathAddress | undefined, now: Millis): LinkEvent[] {
    if (seq === this.#keepAlive?.seq) this.#keepAlive = undefined;
    if (seen === undefined || seen === this.#registered?.seen) return [];
    this.greet(now);
    return this.tick(now);
  }

  #askRegister(now: Millis): void {
    const seq = ++this.#seq;
    const message = { type: 'register', seq, ...this.#deps.card() } as const;
    this.#register = { bytes: () => encodeSignal(message), seq, sent: 0, nextAt: now };
  }

  #askKeepAlive(now: Millis): void {
    if (this.#keepAlive) return;
    const seq = ++this.#seq;
    this.#keepAlive = { bytes: () => encodeSignal({ type: 'keep-alive', seq }), seq, sent: 0, nextAt: now };
  }

  #repeat(asked: Asked, now: Millis, events: LinkEvent[]): void {
    if (!this.#session || now < asked.nextAt) return;
    if (asked.sent === REACH.repeats) {
      this.#lose(events);
      this.greet(now);
      this.#hello(now, events);
      return;
    }
    asked.sent++;
    asked.nextAt = millis(now + REACH.repeatMs * asked.sent);
    this.#saidAt = now;
    events.push(this.#seal(this.#session, asked.bytes()));
  }

  #seal({ signal, to }: Session, message: Uint8Array): LinkEvent {
    return { kind: 'send', bytes: signal.seal(message), to };
  }

  #keepAliveAt(): number {
    return Math.max(this.#saidAt, this.#heardAt) + this.#deps.keepAlive();
  }

  #endGreeting(): void {
    this.#greeting?.handshake.wipe();
    this.#greeting = undefined;
  }
}
