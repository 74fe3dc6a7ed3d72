import type { CoordinatorPlace } from '../../api/channel/services.ts';
import { type Millis, millis } from '../../base/brands.ts';
import { toHex } from '../../base/bytes.ts';
import { type PathAddress, parsePath } from '../../base/path-address.ts';
import type { Candidate } from '../../nat/candidate.ts';
import { NAT_KIND } from '../../nat/constants.ts';
import { decodeHelloCookie, type HelloCookie } from '../../nat/hello-cookie.ts';
import type { NatKind } from '../../nat/nat-kind.ts';
import {
  decodeSignal,
  encodeSignal,
  type Registered,
  type RelayReach,
  type SignalMessage,
} from '../../nat/signal-message.ts';
import { signalIndex } from '../../nat/signal-session.ts';
import { Greeter, type GreeterDeps, type Session } from './greeter.ts';
import { REACH } from './tuning.ts';

/** What this node tells of itself. */
export interface OwnCard {
  readonly nat: NatKind;
  readonly candidates: readonly Candidate[];
  readonly relays: readonly RelayReach[];
}

/** How datagrams reach a coordinator: by UDP, or through its server's TCP port (protocol.md 6.8). */
export type Via = 'udp' | 'tunnel';

export type LinkEvent =
  | { readonly kind: 'send'; readonly bytes: Uint8Array; readonly to: PathAddress; readonly via: Via }
  /** a tunnel to this coordinator is wanted, or not any more */
  | { readonly kind: 'tunnel'; readonly wanted: boolean }
  /** the coordinator knows this node now, or again */
  | { readonly kind: 'registered'; readonly registered: Registered; readonly via: Via }
  /** a coordinator that had answered stopped to */
  | { readonly kind: 'lost' }
  | { readonly kind: 'message'; readonly message: SignalMessage }
  | { readonly kind: 'counter'; readonly name: string };

export interface CoordinatorLinkDeps extends GreeterDeps {
  card(): OwnCard;
  keepAlive(): number;
  /** whether datagrams of this family can leave */
  hasFamily(family: 4 | 6): boolean;
}

interface LinkSession extends Session {
  readonly via: Via;
}

/** What an earlier session is still good for: messages that were on their way when the next one began. */
interface FormerSession {
  readonly session: LinkSession;
  readonly until: Millis;
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
 *   greeting by UDP ──WELCOME──► registering ──REGISTERED──► registered
 *      │ ▲ pause                                                  │ two repeats in vain, `greet`
 *      │ └────────────────────────────────────────────────────────┘
 *      └─ 1 s of silence ─► a tunnel, and greeting through it, while UDP is tried on
 *
 * An earlier session stays in use until the next WELCOME, or four repeats in vain; what comes in it is read a little longer.
 */
export class CoordinatorLink {
  readonly place: CoordinatorPlace;
  /** by which the shell knows its tunnel */
  readonly id: string;
  readonly #deps: CoordinatorLinkDeps;
  readonly #byUdp: Greeter;
  readonly #byTunnel: Greeter;
  #session: LinkSession | undefined;
  #former: FormerSession | undefined;
  #register: Asked | undefined;
  #keepAlive: Asked | undefined;
  #registered: Registered | undefined;
  #hasTunnel = false;
  /** since when nothing comes back */
  #silentSince: Millis;
  #seq = 0;
  #saidAt = millis(0);
  #heardAt = millis(0);

  constructor(place: CoordinatorPlace, deps: CoordinatorLinkDeps, now: Millis) {
    this.place = place;
    this.id = toHex(place.key);
    this.#deps = deps;
    const reachable = () => place.endpoints.filter((path) => deps.hasFamily(parsePath(path).family));
    this.#byUdp = new Greeter(place.key, reachable, deps);
    this.#byTunnel = new Greeter(place.key, () => place.endpoints.slice(0, 1), deps);
    this.#silentSince = now;
    this.#byUdp.start(now);
  }

  /** What the coordinator gave with the registration; undefined while there is none. */
  get registered(): Registered | undefined {
    return this.#registered;
  }

  /** All its endpoints were silent to UDP at the last try. */
  get isGivenUp(): boolean {
    return this.#byUdp.rounds > 0 && !(this.#registered && this.via === 'udp');
  }

  /** A question was repeated and has no answer yet. */
  get isInDoubt(): boolean {
    return [this.#register, this.#keepAlive].some((asked) => asked !== undefined && asked.sent > 1);
  }

  /** Where the session runs. */
  get endpoint(): PathAddress | undefined {
    return this.#session?.to;
  }

  /** Another number with each session: the coordinator may have been restarted since the one before. */
  get session(): number | undefined {
    return this.#session?.index;
  }

  get via(): Via | undefined {
    return this.#session?.via;
  }

  /** Greets it at once: it may have been restarted, or this node is on another network. */
  greet(now: Millis): void {
    this.#silentSince = now;
    this.#byUdp.start(now);
    if (this.#hasTunnel) this.#byTunnel.start(now);
  }

  /** Its tunnel is up: the coordinator sees this node at an address that it does not know yet. */
  handleTunnelUp(now: Millis): void {
    if (this.#hasTunnel) this.#byTunnel.start(now);
  }

  /** Somebody waits for this coordinator: a long pause between two tries is cut short. */
  hurry(now: Millis): void {
    this.#byUdp.hurry(now);
    this.#byTunnel.hurry(now);
  }

  /** It may be gone: one that does not answer now is greeted. */
  doubt(now: Millis): LinkEvent[] {
    if (!this.#registered) return [];
    this.#askKeepAlive(now);
    return this.tick(now);
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

  /** Is this WELCOME, SIGNAL or COOKIE for this link? */
  owns(bytes: Uint8Array): boolean {
    const cookie = decodeHelloCookie(bytes);
    const index = typeof cookie === 'string' ? signalIndex(bytes) : cookie.index;
    if (typeof index === 'string') return false;
    if (bytes[0] === NAT_KIND.signal) return index === this.#session?.index || index === this.#former?.session.index;
    return this.#byUdp.owns(index) || this.#byTunnel.owns(index);
  }

  handleDatagram(bytes: Uint8Array, now: Millis): LinkEvent[] {
    const cookie = decodeHelloCookie(bytes);
    if (typeof cookie !== 'string') return this.#cookie(cookie);
    return bytes[0] === NAT_KIND.welcome ? this.#welcome(bytes, now) : this.#signal(bytes, now);
  }

  nextDeadline(): Millis {
    const times: (number | undefined)[] = [this.#byUdp.nextDeadline(), this.#byTunnel.nextDeadline()];
    times.push(this.#register?.nextAt, this.#keepAlive?.nextAt);
    if (this.#mayTunnel()) times.push(this.#silentSince + REACH.tunnelMs);
    if (this.#registered && !this.#keepAlive) times.push(this.#keepAliveAt());
    return millis(Math.min(...times.filter((time) => time !== undefined)));
  }

  tick(now: Millis): LinkEvent[] {
    const events: LinkEvent[] = [];
    if (this.#former && now >= this.#former.until) this.#endFormer();
    if (this.#mayTunnel() && now - this.#silentSince >= REACH.tunnelMs) {
      this.#hasTunnel = true;
      events.push({ kind: 'tunnel', wanted: true });
      this.#byTunnel.start(now);
    }
    for (const each of this.#byUdp.tick(now)) events.push({ kind: 'send', ...each, via: 'udp' });
    for (const each of this.#byTunnel.tick(now)) events.push({ kind: 'send', ...each, via: 'tunnel' });
    if (this.#session && this.#isGivenUp()) this.#lose(events);
    if (this.#registered && !this.#keepAlive && now >= this.#keepAliveAt()) this.#askKeepAlive(now);
    for (const asked of [this.#register, this.#keepAlive]) if (asked) this.#repeat(asked, now, events);
    return events;
  }

  /** Tells the coordinator that the node goes. */
  leave(): LinkEvent | undefined {
    return this.#session && this.#seal(this.#session, encodeSignal({ type: 'unregister' }));
  }

  wipe(): void {
    this.#byUdp.stop();
    this.#byTunnel.stop();
    this.#endFormer();
    this.#session?.signal.wipe();
    this.#session = undefined;
  }

  #mayTunnel(): boolean {
    return !this.#hasTunnel && this.place.tunnels.length > 0 && this.#byUdp.isOn && this.#session?.via !== 'tunnel';
  }

  /** Nothing but silence to whole rounds by every way that there is, though a session says that somebody was there. */
  #isGivenUp(): boolean {
    const { via } = this.#session ?? {};
    const greeter = via === 'tunnel' ? this.#byTunnel : this.#byUdp;
    return greeter.isOn && greeter.rounds > 0;
  }

  #endFormer(): void {
    this.#former?.session.signal.wipe();
    this.#former = undefined;
  }

  #lose(events: LinkEvent[]): void {
    if (this.#registered) events.push({ kind: 'lost' });
    this.#session?.signal.wipe();
    this.#session = undefined;
    this.#registered = undefined;
    this.#register = undefined;
    this.#keepAlive = undefined;
  }

  #cookie(cookie: HelloCookie): LinkEvent[] {
    const [greeter, via] = this.#byUdp.owns(cookie.index)
      ? [this.#byUdp, 'udp' as const]
      : [this.#byTunnel, 'tunnel' as const];
    const sent = greeter.handleCookie(cookie).map((hello) => ({ kind: 'send', ...hello, via }) as const);
    return [{ kind: 'counter', name: 'coordinator-cookie' }, ...sent];
  }

  #welcome(bytes: Uint8Array, now: Millis): LinkEvent[] {
    const index = signalIndex(bytes);
    const via = typeof index === 'number' && this.#byUdp.owns(index) ? 'udp' : 'tunnel';
    const session = (via === 'udp' ? this.#byUdp : this.#byTunnel).handleWelcome(bytes);
    if (typeof session === 'string') return [{ kind: 'counter', name: `welcome-${session}` }];
    this.#endFormer();
    if (this.#session) this.#former = { session: this.#session, until: millis(now + REACH.formerSessionMs) };
    this.#session = { ...session, via };
    this.#keepAlive = undefined;
    this.#heardAt = now;
    // UDP is preferred: it is tried on, less and less often, while the session is in the tunnel
    if (via === 'udp') this.#byTunnel.stop();
    else if (!this.#byUdp.isOn) this.#byUdp.start(now);
    this.#askRegister(now);
    return this.tick(now);
  }

  #signal(bytes: Uint8Array, now: Millis): LinkEvent[] {
    const isFormer = signalIndex(bytes) !== this.#session?.index;
    const session = isFormer ? this.#former?.session : this.#session;
    const opened = session?.signal.open(bytes) ?? 'length';
    if (typeof opened === 'string') return [{ kind: 'counter', name: `signal-${opened}` }];
    const message = decodeSignal(opened);
    if (typeof message === 'string') return [{ kind: 'counter', name: `signal-${message}` }];
    // what it says of the session itself is of the one before
    if (isFormer) return message.type === 'route-direction' ? [{ kind: 'message', message }] : [];
    this.#heardAt = now;
    if (message.type === 'registered') return this.#handleRegistered(message);
    if (message.type === 'kept') return this.#kept(message.seq, message.seen, now);
    return [{ kind: 'message', message }];
  }

  #handleRegistered(registered: Registered): LinkEvent[] {
    // said again unasked when the coordinator has other relays
    const { seq } = this.#register ?? this.#registered ?? {};
    if (registered.seq !== seq || !this.#session) return [];
    const { via } = this.#session;
    this.#register = undefined;
    this.#registered = registered;
    const events: LinkEvent[] = [{ kind: 'registered', registered, via }];
    if (via === 'udp' && this.#hasTunnel) {
      this.#hasTunnel = false;
      events.push({ kind: 'tunnel', wanted: false });
    }
    return events;
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
      events.push(...this.tick(now));
      return;
    }
    asked.sent++;
    // one that forgot the session answers nothing in it: another one is made beside the last repeats
    if (asked.sent === REACH.greetAt && !this.#byUdp.isOn) this.greet(now);
    asked.nextAt = millis(now + REACH.repeatMs * asked.sent);
    this.#saidAt = now;
    events.push(this.#seal(this.#session, asked.bytes()));
  }

  #seal({ signal, to, via }: LinkSession, message: Uint8Array): LinkEvent {
    return { kind: 'send', bytes: signal.seal(message), to, via };
  }

  #keepAliveAt(): number {
    return Math.max(this.#saidAt, this.#heardAt) + this.#deps.keepAlive();
  }
}
