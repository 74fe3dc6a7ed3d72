import type { Millis, NodeId } from '../../base/brands.ts';
import type { PathAddress } from '../../base/path-address.ts';
import { unreachable } from '../../base/unreachable.ts';
import { NAT_KIND } from '../../nat/constants.ts';
import { decodeSignal, encodeSignal, type Register, type SignalMessage } from '../../nat/signal-message.ts';
import { signalIndex } from '../../nat/signal-session.ts';
import { type ServedPlace, sourceFault } from '../datagrams/served-place.ts';
import type { Moment } from '../gms/hub-effects.ts';
import { type DcEffect, DcEffects, type DcSocket } from './dc-effects.ts';
import { LIFETIME_S } from './dc-limits.ts';
import { DirectionDesk } from './direction-desk.ts';
import { ReflectDesk } from './reflect-desk.ts';
import { vetCandidates } from './registration.ts';
import { type RelaySite, relayPlaces } from './relay-sites.ts';
import type { SignalPeer } from './signal-peer.ts';
import { type SessionDeps, SignalSessions } from './signal-sessions.ts';

/** What a coordinator is made of. */
export interface CoordinatorDeps extends SessionDeps {
  readonly place: ServedPlace;
  /** where reflect questions may be sent; at most 8 */
  readonly vantages: readonly PathAddress[];
  /** those that it can speak to now; the same list until something changes */
  relays(): readonly RelaySite[];
  readonly hasOtherAddress: boolean;
}

/*
 * The direction coordinator: who is where, and what two nodes need to find each other (protocol.md 6.6). Sans-io: datagrams,
 * changes of the network and the time go in, effects come out.
 *
 *   31 HELLO ───► SignalSessions ─► 32 WELCOME, or 36 COOKIE and then 37 PROVED-HELLO
 *   33 SIGNAL ──► session ─┬─ REGISTER, KEEP-ALIVE ─► the peer's registration
 *                          └─ DIRECTION-REQUEST, ACK ─► DirectionDesk ─► ROUTE-DIRECTION, and a channel for the relay
 *   34 question ─► ReflectDesk ─► 35 answer, perhaps later
 *
 * All of it is soft state, which the nodes bring back after a restart. Unknown senders get nothing, or less than they sent.
 */
export class Coordinator {
  readonly #deps: CoordinatorDeps;
  readonly #effects = new DcEffects();
  readonly #sessions: SignalSessions;
  readonly #directions: DirectionDesk;
  readonly #reflections: ReflectDesk;

  constructor(deps: CoordinatorDeps, now: Millis) {
    this.#deps = deps;
    const effects = this.#effects;
    const { random, members } = deps;
    const relays = () => deps.relays();
    this.#sessions = new SignalSessions(deps, effects, now);
    this.#reflections = new ReflectDesk(deps.provider, this.#sessions, effects, deps.hasOtherAddress, now);
    const say = (peer: SignalPeer, message: SignalMessage) => {
      if (message.type === 'route-direction') this.#tellRelays(peer);
      this.#say(peer, message);
    };
    this.#directions = new DirectionDesk({ random, members, relays, sessions: this.#sessions, effects, say });
  }

  /** Nodes that are in a session. */
  get nodes(): number {
    return this.#sessions.size;
  }

  /** Pairs whose TempKey is good. */
  get pairs(): number {
    return this.#directions.size;
  }

  takeEffects(): DcEffect[] {
    return this.#effects.take();
  }

  handleDatagram(bytes: Uint8Array, from: PathAddress, socket: DcSocket, moment: Moment): void {
    const fault = socket === 'tunnel' ? undefined : sourceFault(from, this.#deps.place);
    if (fault !== undefined) return this.#effects.count(`dc-source-${fault}`);
    switch (bytes[0]) {
      case NAT_KIND.hello:
      case NAT_KIND.provedHello:
        return this.#sessions.handleHello(bytes, from, socket, moment);
      case NAT_KIND.signal:
        return this.#signal(bytes, from, socket, moment);
      case NAT_KIND.reflect:
        return this.#reflections.handleQuestion(bytes, from, socket, moment.now);
      default:
        return this.#effects.count('dc-kind');
    }
  }

  /** The node was taken out of the network. */
  handleRemoved(node: NodeId): void {
    this.#sessions.remove(node);
    this.#directions.remove(node);
  }

  /** Call every 100 ms or so. */
  tick(moment: Moment): void {
    this.#sessions.tick(moment);
    this.#directions.tick(moment.now);
    this.#reflections.tick(moment.now);
  }

  #signal(bytes: Uint8Array, from: PathAddress, socket: DcSocket, moment: Moment): void {
    const index = signalIndex(bytes);
    if (typeof index === 'string') return this.#effects.count(`dc-signal-${index}`);
    const peer = this.#sessions.byIndex(index);
    if (!peer) return this.#effects.count('dc-signal-unknown');
    const opened = peer.session.open(bytes);
    if (typeof opened === 'string') return this.#effects.count(`dc-signal-${opened}`);
    if (!peer.messages.take(moment.now)) return this.#effects.count('dc-signal-rate');
    const message = decodeSignal(opened);
    if (typeof message === 'string') return this.#effects.count(`dc-signal-${message}`);
    if (from !== peer.from) return this.#elsewhere(peer, message, from, socket);
    // a credential that has ended since the last tick counts at once
    if (moment.time >= peer.ends) return this.#sessions.end(peer);
    this.#sessions.prove(peer);
    peer.heardAt = moment.now;
    this.#message(peer, message, moment.now);
  }

  /**
   * The node's address changed under the session. The new one is not proved, so it learns of it, in an answer of less than
   * twice what it sent, and makes another session from there; nothing else is done for it.
   */
  #elsewhere(peer: SignalPeer, message: SignalMessage, from: PathAddress, socket: DcSocket): void {
    this.#effects.count('dc-signal-elsewhere');
    if (message.type !== 'keep-alive' || !peer.isProved) return;
    const bytes = peer.session.seal(encodeSignal({ type: 'kept', seq: message.seq, seen: from }));
    this.#effects.emit({ kind: 'send', bytes, to: from, socket });
  }

  #message(peer: SignalPeer, message: SignalMessage, now: Millis): void {
    switch (message.type) {
      case 'register':
        return this.#register(peer, message);
      case 'keep-alive':
        this.#say(peer, { type: 'kept', seq: message.seq, seen: peer.from });
        return this.#tellRelays(peer);
      case 'direction-request':
        return this.#directions.handleRequest(peer, message.request, message.target, now);
      case 'ack':
        return this.#directions.handleAck(peer, message, this.#vetted(peer, message.candidates));
      case 'unregister':
        return this.#sessions.end(peer);
      case 'registered':
      case 'kept':
      case 'route-direction':
      case 'direction-refused':
        return this.#effects.count('dc-signal-message');
      default:
        return unreachable(message);
    }
  }

  #register(peer: SignalPeer, { seq, nat, candidates, relays }: Register): void {
    // late and repeated ones change nothing; the answer may have been lost, so it comes again
    if (seq > (peer.registration?.seq ?? -1))
      peer.registration = { seq, nat, candidates: this.#vetted(peer, candidates), relays };
    this.#registered(peer, seq);
  }

  /** Relays came or went since the node was told of them: it needs their keys before it is directed there. */
  #tellRelays(peer: SignalPeer): void {
    const { registration, toldRelays } = peer;
    if (registration && toldRelays !== this.#deps.relays()) this.#registered(peer, registration.seq);
  }

  #registered(peer: SignalPeer, seq: number): void {
    const { provider, vantages } = this.#deps;
    const { ticket, reflectKey, from } = peer;
    const sites = this.#deps.relays();
    peer.toldRelays = sites;
    const places = relayPlaces(provider, sites, peer.node);
    const answer = { lifetime: LIFETIME_S, seen: from, ticket, reflectKey, vantages, relays: places };
    this.#say(peer, { type: 'registered', seq, ...answer });
  }

  #vetted(peer: SignalPeer, candidates: Register['candidates']): Register['candidates'] {
    const drop = (reason: string) => this.#effects.count(`dc-candidate-${reason}`);
    return vetCandidates(candidates, peer.from, this.#deps.place, drop);
  }

  #say(peer: SignalPeer, message: SignalMessage): void {
    const bytes = peer.session.seal(encodeSignal(message));
    this.#effects.emit({ kind: 'send', bytes, to: peer.from, socket: peer.socket });
  }
}
