import { type NodeId, nodeId } from '../../src/base/brands.ts';
import { concat, fromHex, toHex } from '../../src/base/bytes.ts';
import { DATAGRAM } from '../../src/base/datagram-kinds.ts';
import { formatPath, type PathAddress, parsePath, pathAddress } from '../../src/base/path-address.ts';
import { unreachable } from '../../src/base/unreachable.ts';
import { nodeProvider as provider } from '../../src/crypto/node-provider.ts';
import type { Candidate } from '../../src/nat/candidate.ts';
import { NAT_KIND } from '../../src/nat/constants.ts';
import { type DetectorSocket, NatDetector } from '../../src/nat/nat-detector.ts';
import { type NatKind, UNKNOWN_NAT } from '../../src/nat/nat-kind.ts';
import { hostOf } from '../../src/nat/outer-address.ts';
import type { OwnSide } from '../../src/nat/own-side.ts';
import { PathAgents } from '../../src/nat/path-agents.ts';
import type { PathEffect } from '../../src/nat/path-effects.ts';
import { type Route, routeName } from '../../src/nat/path-route.ts';
import { type BinderEffect, RelayBinder } from '../../src/nat/relay-binder.ts';
import { encodeFrame } from '../../src/nat/relay-frame.ts';
import { decodeSignal, encodeSignal, type SignalMessage } from '../../src/nat/signal-message.ts';
import type { Packet, Realm, SimNetwork } from './sim-network.ts';
import { DC, DC_6, DC_OTHER_ADDRESS, DC_OTHER_PORT, keyOf, RELAY, tickets } from './sim-servers.ts';

/** Inside the stand-in for an SA: the bytes behind kind and sender. */
const INNER = { confirm: 0, challenge: 1, response: 2, application: 3 } as const;
const PORT = 47247;
const SPARE = 47300;
const TICK = 5;

interface SimPeer {
  sa: boolean;
  route: Route | undefined;
  /** the handshake is being tried until then */
  trying: boolean;
}

/** One move of traffic, as `use` told it. */
export interface Move {
  readonly at: number;
  readonly route: string;
  readonly kind: Route['kind'];
  readonly reason: string;
}

/**
 * A node with real path agents and a real relay binder. DPRP and SAs are stand-ins: two messages by whatever path is in use
 * make an SA, whose records name their sender and are believed.
 */
export class SimNode {
  readonly id: NodeId;
  readonly network: SimNetwork;
  readonly agents: PathAgents;
  readonly binder: RelayBinder;
  readonly moves: Move[] = [];
  readonly counters = new Map<string, number>();
  /** numbers of application datagrams that arrived, with the time */
  readonly received: { readonly at: number; readonly number: number; readonly route: string }[] = [];
  nat: NatKind = UNKNOWN_NAT;
  udpBlocked = false;
  reflexive: PathAddress | undefined;
  readonly #peers = new Map<NodeId, SimPeer>();
  #realm: Realm;
  #address: string;
  #detector: NatDetector | undefined;
  #registered: 'no' | 'address' | 'kind' = 'no';
  #seq = 0;
  #requests = 0;
  #moved = false;

  constructor(network: SimNetwork, name: string, realm: Realm, address: string) {
    this.id = nodeId(name.padEnd(32, '0'));
    this.network = network;
    this.#realm = realm;
    this.#address = address;
    tickets.set(this.id, tickets.get(this.id) ?? tickets.size + 1);
    const random = (length: number) => network.bytes(length);
    this.agents = new PathAgents({ provider, random, self: this.id }, () => this.#own());
    this.binder = new RelayBinder({ provider, random, self: this.id, nextSeq: () => ++this.#seq });
    realm.attach(address, this);
    const tick = () => {
      this.#tick();
      network.at(network.now + TICK, tick);
    };
    network.at(network.now, tick);
  }

  get path(): PathAddress {
    return pathAddress(this.#is6() ? `[${this.#address}]:${PORT}` : `${this.#address}:${PORT}`);
  }

  /** Asks the vantage points, registers with what the first one saw, and again with the kind of NAT. */
  join(): void {
    const { now } = this.network;
    this.reflexive = undefined;
    this.nat = UNKNOWN_NAT;
    this.#registered = 'no';
    this.#detector = new NatDetector(
      {
        provider,
        random: (length) => this.network.bytes(length),
        vantages: this.#is6() ? [DC_6] : [DC, DC_OTHER_PORT, DC_OTHER_ADDRESS],
        ticket: tickets.get(this.id) ?? 0,
        key: keyOf(this.id, 'reflect'),
        local: [this.path],
      },
      now,
    );
  }

  /** Another network: the old address is gone at once. */
  move(realm: Realm, address: string): void {
    this.#realm.detach(this.#address);
    this.#realm = realm;
    this.#address = address;
    realm.attach(address, this);
    this.join();
    this.#bind(this.binder.handleNetworkChange(this.network.now));
    this.#moved = true;
  }

  want(peer: NodeId): void {
    const state = this.#peer(peer);
    if (state.sa) return;
    state.trying = true;
    this.#carry(this.agents.agent(peer).handleWanted(this.network.now));
    this.#handshake(peer);
  }

  hasSa(peer: NodeId): boolean {
    return this.#peer(peer).sa;
  }

  routeTo(peer: NodeId): Route | undefined {
    return this.#peer(peer).route;
  }

  /** One datagram of an application; false when there is no SA yet. */
  sendApplication(peer: NodeId, number: number): boolean {
    const { sa, route } = this.#peer(peer);
    if (!sa || !route) return false;
    this.agents.agent(peer).handleSent(this.network.now);
    this.#inner(route, INNER.application, Uint8Array.of(number >>> 8, number & 255));
    return true;
  }

  /** An authentic datagram by the relay, whatever path is in use. */
  sendByRelay(peer: NodeId): void {
    for (const [channel, owner] of this.#channels)
      if (owner === peer) this.#inner({ kind: 'relay', address: RELAY, channel }, INNER.confirm, new Uint8Array(0));
  }

  handlePacket({ from, to, bytes }: Packet): void {
    const [kind] = bytes;
    if (parsePath(to).port === SPARE) return this.#reflected(bytes, 'spare');
    if (kind === NAT_KIND.tunnelRequest || kind === NAT_KIND.tunnelResponse)
      return this.#carry(this.agents.handleDatagram(bytes, from, this.network.now));
    if (kind === NAT_KIND.bindChallenge || kind === NAT_KIND.bindAck)
      return this.#bind(this.binder.handleDatagram(bytes, from, 25_000, this.network.now));
    if (kind === NAT_KIND.reflected) return this.#reflected(bytes, 'main');
    if (kind === NAT_KIND.signal) return this.#signalled(bytes);
    if (kind === DATAGRAM.frame) {
      const channel = this.binder.acceptFrame(bytes, from);
      if (typeof channel === 'string') return this.count(channel);
      return this.#datagram(bytes.subarray(8), { kind: 'relay', address: from, channel });
    }
    return this.#datagram(bytes, { kind: 'direct', address: from });
  }

  count(name: string): void {
    this.counters.set(name, (this.counters.get(name) ?? 0) + 1);
  }

  #datagram(bytes: Uint8Array, route: Route): void {
    const sender = nodeId(toHex(bytes.subarray(1, 17)));
    const peer = this.#peer(sender);
    if (bytes[0] === DATAGRAM.dde) return this.#send(route, concat(Uint8Array.of(DATAGRAM.rgi), fromHex(this.id)));
    if (bytes[0] === DATAGRAM.rgi) {
      if (!peer.trying) return;
      peer.trying = false;
      this.#established(sender, route);
      return this.#inner(route, INNER.confirm, new Uint8Array(0));
    }
    if (!peer.sa) this.#established(sender, route);
    this.#record(sender, bytes.subarray(17), route);
  }

  #established(peer: NodeId, route: Route): void {
    const state = this.#peer(peer);
    state.sa = true;
    this.#carry(this.agents.agent(peer).handleSa(route, this.network.now));
    state.route ??= route;
  }

  #record(sender: NodeId, record: Uint8Array, route: Route): void {
    const agent = this.agents.agent(sender);
    const { now } = this.network;
    const current = this.#peer(sender).route;
    if (current && routeName(current) === routeName(route)) agent.handleHeard(now);
    else this.#carry(agent.handleNewSource(route, now));
    const body = record.subarray(1);
    if (record[0] === INNER.challenge) {
      if (current && routeName(current) === routeName(route)) agent.handleAnswerSent(now);
      this.#inner(route, INNER.response, body);
    } else if (record[0] === INNER.response) this.#carry(agent.handlePathResponse(body, now));
    else if (record[0] === INNER.application)
      this.received.push({ at: now, number: (body[0] << 8) | body[1], route: routeName(route) });
  }

  #carry(effects: readonly PathEffect[]): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case 'send':
          this.#out(effect.to, effect.bytes);
          break;
        case 'challenge':
          this.#inner(effect.route, INNER.challenge, effect.token);
          break;
        case 'use':
          this.#peer(effect.peer).route = effect.route;
          this.moves.push({
            at: this.network.now,
            route: routeName(effect.route),
            kind: effect.route.kind,
            reason: effect.reason,
          });
          if (this.#peer(effect.peer).trying) this.#handshake(effect.peer);
          break;
        case 'bind':
          this.#bind(this.binder.bind(effect.relay, effect.channel, keyOf(this.id, 'relay'), this.network.now));
          break;
        case 'doubt':
          this.#bind(this.binder.doubt(effect.relay, effect.channel, this.network.now));
          break;
        case 'ask-direction':
          this.#signal({
            type: 'direction-request',
            request: ++this.#requests,
            target: { kind: 'node', node: effect.peer },
          });
          break;
        case 'counter':
          this.count(effect.name);
          break;
        default:
          unreachable(effect);
      }
    }
  }

  #bind(effects: readonly BinderEffect[]): void {
    const { now } = this.network;
    for (const effect of effects) {
      if (effect.kind === 'send') this.#out(effect.to, effect.bytes);
      else if (effect.kind === 'counter') this.count(effect.name);
      else if (effect.kind !== 'ahead')
        for (const agent of this.agents.agents())
          if (this.#channels.get(effect.channel) === agent.peer)
            this.#carry(
              effect.kind === 'bound'
                ? agent.handleBound(effect.relay, effect.channel, now)
                : agent.handleUnbound(effect.relay, effect.channel, now),
            );
    }
  }

  readonly #channels = new Map<number, NodeId>();

  #signalled(bytes: Uint8Array): void {
    const message = decodeSignal(bytes.subarray(17));
    if (typeof message === 'string' || message.type !== 'route-direction') return;
    if (message.relay) this.#channels.set(message.relay.channel, message.peer);
    if (message.role === 'end')
      this.#signal({ type: 'ack', pathId: message.pathId, status: 'ready', nat: this.nat, candidates: [] });
    this.#carry(this.agents.handleDirection(message, this.network.now));
  }

  /** Repeated until it is answered, as DPRP does. */
  #handshake(peer: NodeId): void {
    const state = this.#peer(peer);
    if (!state.trying || state.sa) return;
    if (state.route) this.#send(state.route, concat(Uint8Array.of(DATAGRAM.dde), fromHex(this.id)));
    this.network.at(this.network.now + 250, () => this.#handshake(peer));
  }

  #inner(route: Route, type: number, body: Uint8Array): void {
    this.#send(route, concat(Uint8Array.of(DATAGRAM.data), fromHex(this.id), Uint8Array.of(type), body));
  }

  #send(route: Route, bytes: Uint8Array): void {
    this.#out(route.address, route.kind === 'relay' ? concat(encodeFrame(route.channel), bytes) : bytes);
  }

  #signal(message: SignalMessage): void {
    this.#out(this.#is6() ? DC_6 : DC, concat(Uint8Array.of(NAT_KIND.signal), fromHex(this.id), encodeSignal(message)));
  }

  #reflected(bytes: Uint8Array, socket: DetectorSocket): void {
    const counter = this.#detector?.handleDatagram(bytes, socket);
    if (counter) this.count(counter);
  }

  #detect(): void {
    const { now } = this.network;
    const detector = this.#detector;
    if (!detector) return;
    for (const { bytes, to, socket } of detector.tick(now)) this.#out(to, bytes, socket === 'main' ? PORT : SPARE);
    const [first] = detector.reflexive;
    if (this.#registered === 'no' && first !== undefined) {
      this.#registered = 'address';
      this.#register();
      // the new outer address is known, so the peer can be told of it
      if (this.#moved) this.#carry(this.agents.handleNetworkChange(now));
      this.#moved = false;
    }
    if (this.#registered !== 'address' || !detector.isDone(now)) return;
    this.#registered = 'kind';
    this.#register();
  }

  #register(): void {
    const own = this.path;
    this.nat = this.#detector?.kind(this.network.now) ?? UNKNOWN_NAT;
    this.reflexive = this.#detector?.reflexive[0];
    const candidates: Candidate[] = [{ kind: 'host', address: own, seen: false }];
    const { reflexive } = this;
    if (reflexive && reflexive !== own) candidates.push({ kind: 'reflexive', address: reflexive, seen: false });
    if (this.udpBlocked) candidates.length = 0;
    this.#signal({ type: 'register', relays: [], seq: ++this.#seq, nat: this.nat, candidates });
  }

  #out(to: PathAddress, bytes: Uint8Array, port = PORT): void {
    const { address } = parsePath(to);
    if ((address.length === 16) !== this.#is6() || hostOf(to) === this.#address) return;
    const packet = { from: formatPath(this.#is6() ? 6 : 4, parsePath(this.path).address, port), to, bytes };
    this.network.sent.push({ at: this.network.now, packet });
    this.#realm.send(packet);
  }

  #tick(): void {
    this.#detect();
    this.#carry(this.agents.tick(this.network.now));
    this.#bind(this.binder.tick(this.network.now));
  }

  #own(): OwnSide {
    const { address } = parsePath(this.path);
    return {
      place: {
        interfaces: [{ address, length: this.#is6() ? 64 : 24 }],
        overlay: [{ address: Uint8Array.of(100, 64, 0, 0), length: 10 }],
        outer: this.reflexive && this.reflexive !== this.path ? [this.reflexive] : [],
      },
      nat: this.nat,
      udpBlocked: this.udpBlocked,
      keepAlive: 25_000,
    };
  }

  #peer(id: NodeId): SimPeer {
    const known = this.#peers.get(id);
    if (known) return known;
    const made: SimPeer = { sa: false, route: undefined, trying: false };
    this.#peers.set(id, made);
    return made;
  }

  #is6(): boolean {
    return this.#address.includes(':');
  }
}
