import type { CoordinatorPlace } from '../../api/channel/services.ts';
import { type Millis, millis, type NodeId } from '../../base/brands.ts';
import { type PathAddress, parsePath, relayPath } from '../../base/path-address.ts';
import { unreachable } from '../../base/unreachable.ts';
import { NAT_KIND } from '../../nat/constants.ts';
import type { AddressPrefix } from '../../nat/outer-address.ts';
import { PathAgents } from '../../nat/path-agents.ts';
import type { PathEffect } from '../../nat/path-effects.ts';
import type { PathReport } from '../../nat/path-report.ts';
import { routeName, routeOf } from '../../nat/path-route.ts';
import type { Registered } from '../../nat/signal-message.ts';
import type { NodeState } from '../node-state.ts';
import { type CoordinatorEvent, Coordinators } from './coordinators.ts';
import { FrameGate } from './frame-gate.ts';
import type { Above, OwnAddresses } from './own-addresses.ts';
import { OwnView } from './own-view.ts';
import type { ReachCalls, ReachFacts, ReachMeans } from './reach-calls.ts';
import { type ChannelEvent, RelayChannels } from './relay-channels.ts';
import { TrafficSample } from './traffic-sample.ts';
import { REACH } from './tuning.ts';

/*
 * How this node reaches its peers where there is a coordinator (protocol.md 6.6, 6.7, 7): joins what each part decides.
 *
 *   32 33 ──► Coordinators ── direction ──► PathAgents ◄── 38 39, SAs, challenges, traffic
 *   35 ─────► OwnView (NAT, candidates)      │    │
 *   3d 3e ──► RelayChannels ◄──── bind ──────┘    └── use ──► path slots (../paths.ts)
 *                  └── bound ──► PathAgents, FrameGate (20)
 *
 * Without a coordinator it is off, and paths come from configuration and from ../roaming.ts.
 */
export class Reach {
  readonly gate: FrameGate;
  readonly #node: NodeState;
  readonly #calls: ReachCalls;
  readonly #agents: PathAgents;
  readonly #coordinators: Coordinators;
  readonly #channels: RelayChannels;
  readonly view: OwnView;
  readonly #traffic: TrafficSample;
  #sampleAt = millis(0);
  #isStirred = false;
  /** this node moved, and the peers are told as soon as the coordinator knows where to */
  #movedAt: Millis | undefined;

  constructor(node: NodeState, means: ReachMeans, calls: ReachCalls) {
    const { random, keys } = node;
    const { provider } = means;
    const self = keys.self().id;
    let last = 0;
    const grown = () => {
      last = Math.max(last + 1, Math.floor(means.wallMillis()));
      return last;
    };
    this.#node = node;
    this.#calls = calls;
    this.#traffic = new TrafficSample(node);
    this.gate = new FrameGate((name) => node.counters.add(name));
    this.view = new OwnView({ provider, random });
    this.#agents = new PathAgents({ provider, random, self }, () => this.view.side);
    this.#channels = new RelayChannels({ provider, random, self, nextSeq: grown }, this.gate);
    this.#coordinators = new Coordinators({
      provider,
      random,
      identity: () => keys.identity(),
      helloTime: grown,
      card: () => ({ ...this.view.card, relays: this.#channels.reached() }),
      keepAlive: () => this.view.keepAlive,
      hasFamily: (family) => this.view.hasFamily(family),
    });
  }

  /** There is somebody to ask. */
  get isOn(): boolean {
    return this.#coordinators.size > 0;
  }

  /** Who coordinates; said at the start of every session with the server, so that a coordinator that was restarted is greeted. */
  setCoordinators(places: readonly CoordinatorPlace[], now: Millis): void {
    const wasOn = this.isOn;
    this.#coordinators.set(places, now);
    if (wasOn || !this.isOn) return;
    for (const peer of new Set([...this.#node.sas.sas()].map((sa) => sa.peer))) {
      const { current } = this.#node.paths.peer(peer);
      if (current !== undefined) this.handleSa(peer, current, now);
    }
  }

  /** Something says that they may be gone: they are asked whether they are there. */
  doubtCoordinators(now: Millis): void {
    this.#coordinate(this.#coordinators.doubt(now), now);
  }

  /** This machine's addresses; true where they differ from before: it is on another network. */
  setAddresses(own: OwnAddresses, overlay: readonly AddressPrefix[], now: Millis): boolean {
    const what = this.view.setAddresses(own, overlay, now);
    this.#node.paths.setPlace(this.view.side.place);
    if (what === 'moved') this.handleNetworkChange(now);
    else if (what === 'card' && this.isOn) this.#coordinators.cardChanged(now);
    return what === 'moved';
  }

  /** Below a GEN others reach this node where they reach that; undefined: not any more. */
  setAbove(above: Above | undefined, now: Millis): void {
    if (!this.view.setAbove(above, now)) return;
    this.#node.paths.setPlace(this.view.side.place);
    if (this.isOn) this.#coordinators.cardChanged(now);
  }

  /** Everything that others know of this node may be wrong from now on. */
  handleNetworkChange(now: Millis): void {
    this.#node.mtus.restart(now);
    this.view.handleNetworkChange(now);
    if (!this.isOn) return;
    this.#movedAt = now;
    this.#coordinators.greetAll(now);
    this.#bound(this.#channels.handleNetworkChange(now), now);
  }

  /**
   * A handshake with this peer begins: where it goes first. A coordinator that is asked names more ways soon, so the list may be
   * empty; undefined when nobody will.
   */
  begin(peer: NodeId, now: Millis): readonly PathAddress[] | undefined {
    if (this.isOn) this.#carry(this.#agents.agent(peer).handleWanted(now), now);
    const { current } = this.#node.paths.peer(peer);
    // nobody guesses where a peer might be while somebody can be asked
    if (this.isOn && this.#coordinators.isReady) return current === undefined ? [] : [current];
    const known = this.#node.paths.candidates(peer);
    return known.length > 0 || this.isOn ? known : undefined;
  }

  /** A datagram of a kind from 31 to 3f that came straight; false for one that no node takes. */
  handleDatagram(bytes: Uint8Array, from: PathAddress, now: Millis): boolean {
    switch (bytes[0]) {
      case NAT_KIND.welcome:
      case NAT_KIND.helloCookie:
      case NAT_KIND.signal:
        this.#coordinate(this.#coordinators.handleDatagram(bytes, now), now);
        return true;
      case NAT_KIND.reflected:
        this.#reflected(bytes, 'main', now);
        return true;
      case NAT_KIND.tunnelRequest:
      case NAT_KIND.tunnelResponse:
        this.#carry(this.#agents.handleDatagram(bytes, from, now), now);
        return true;
      case NAT_KIND.bindChallenge:
      case NAT_KIND.bindAck:
        this.#bound(this.#channels.handleDatagram(bytes, from, now), now);
        return true;
      default:
        return false;
    }
  }

  /** A tunnel is up: its server sees this node at an address that it does not know yet. */
  handleTunnelUp(id: string, now: Millis): void {
    this.#coordinate(this.#coordinators.handleTunnelUp(id, now), now);
    this.#bound(this.#channels.handleNetworkChange(now), now);
  }

  /** A datagram on the spare socket, where only answers to its own questions come. */
  handleSpare(bytes: Uint8Array, now: Millis): void {
    this.#reflected(bytes, 'spare', now);
  }

  /** An SA with this peer can send; its handshake proved this path. */
  handleSa(peer: NodeId, path: PathAddress, now: Millis): void {
    if (this.isOn) this.#carry(this.#agents.agent(peer).handleSa(routeOf(this.#calls.endpointOf(path)), now), now);
  }

  /** The last SA with this peer is gone. */
  handleNoSa(peer: NodeId): void {
    if (this.isOn) this.#agents.agent(peer).handleNoSa();
  }

  handleNewSource(peer: NodeId, path: PathAddress, now: Millis): void {
    this.#carry(this.#agents.agent(peer).handleNewSource(routeOf(this.#calls.endpointOf(path)), now), now);
  }

  handlePathResponse(peer: NodeId, token: Uint8Array, now: Millis): void {
    this.#carry(this.#agents.agent(peer).handlePathResponse(token, now), now);
  }

  /** A PATH-RESPONSE left by the path in use. */
  handleAnswerSent(peer: NodeId, now: Millis): void {
    this.#agents.agent(peer).handleAnswerSent(now);
  }

  /** The peer is no member of a common group any more. */
  forget(peer: NodeId): void {
    this.#agents.forget(peer);
    this.#channels.forget(peer);
  }

  /** Undefined where no coordinator is asked. */
  report(peer: NodeId, now: Millis): PathReport | undefined {
    return this.isOn ? this.#agents.agent(peer).report(now) : undefined;
  }

  /** What was found out about the network that this node is in. */
  facts(): ReachFacts {
    const relays = this.#channels.reached().filter(({ address }) => this.view.hasFamily(parsePath(address).family));
    const { vantages } = this.#coordinators;
    return { ...this.view.facts(), coordinators: this.#coordinators.facts(), relays, vantages };
  }

  /** Milliseconds until `tick` has something to do. */
  delay(now: Millis): number {
    if (!this.isOn) return REACH.idleMs;
    const parts = [this.#agents.nextDeadline(), this.#channels.nextDeadline(), this.view.nextDeadline(now)];
    const next = Math.min(this.#sampleAt, this.#coordinators.nextDeadline(), ...parts.map((due) => due ?? Infinity));
    return Math.max(0, Math.min(REACH.idleMs, next - now));
  }

  tick(now: Millis): void {
    if (!this.isOn) return;
    if (now >= this.#sampleAt) this.#sample(now);
    this.#coordinate(this.#coordinators.tick(now), now);
    this.#ask(now);
    const due = this.#agents.nextDeadline();
    if (due !== undefined && now >= due) this.#carry(this.#agents.tick(now), now);
    this.#bound(this.#channels.tick(now), now);
    if (this.#movedAt !== undefined && now - this.#movedAt >= REACH.movedMs) this.#tellPeers(now);
  }

  /** True once after something came up that may want a tick sooner than was said. */
  takeStir(): boolean {
    const stirred = this.#isStirred;
    this.#isStirred = false;
    return stirred;
  }

  /** Orderly end: the coordinators need not wait for this node to fall silent. */
  shutDown(now: Millis): void {
    this.#coordinate(this.#coordinators.leave(now), now);
  }

  #sample(now: Millis): void {
    const agentOf = (peer: NodeId) => this.#agents.agent(peer);
    const lastSent = this.#traffic.take(agentOf);
    const { paths } = this.#node;
    this.#channels.release((peer, path, since) => {
      const { current } = paths.peer(peer);
      // a direct path that nobody uses needs no other one beside it
      const isDirect = current !== undefined && routeOf(this.#calls.endpointOf(current)).kind === 'direct';
      return !isDirect || path === current || now - Math.max(since, this.#traffic.sentAt(peer)) < REACH.standbyMs;
    });
    this.#sampleAt = millis(now + (now - lastSent < REACH.recentMs ? REACH.activeMs : REACH.idleMs));
  }

  /** What is asked of the vantage points, and what came of it. */
  #ask(now: Millis): void {
    const { questions, isChanged } = this.view.tick(now);
    for (const { socket, bytes, to } of questions)
      if (socket === 'main') this.#send(bytes, to);
      else this.#node.effects.push({ kind: 'send-spare', bytes, to });
    if (isChanged) this.#coordinators.cardChanged(now);
  }

  #reflected(bytes: Uint8Array, socket: 'main' | 'spare', now: Millis): void {
    const counter = this.view.handleReflected(bytes, socket, now);
    if (counter !== undefined) this.#node.counters.add(counter);
    this.#ask(now);
  }

  #coordinate(events: readonly CoordinatorEvent[], now: Millis): void {
    this.#isStirred = true;
    for (const event of events)
      switch (event.kind) {
        case 'send':
          if (event.tunnel === undefined) this.#send(event.bytes, event.to);
          else this.#node.effects.push({ kind: 'send-tunnel', id: event.tunnel, bytes: event.bytes, to: event.to });
          break;
        case 'tunnel':
          this.#node.effects.push(event);
          break;
        case 'registered':
          this.#registered(event, now);
          break;
        case 'lost':
          this.#node.log('warn', 'coordinator-silent', { address: event.address });
          for (const peer of event.unanswered) this.#calls.noDirection(peer, now);
          break;
        case 'direction':
          this.#direction(event, now);
          break;
        case 'refused':
          this.#node.counters.add(`direction-refused-${event.reason}`);
          this.#calls.noDirection(event.peer, now);
          break;
        case 'counter':
          this.#node.counters.add(event.name);
          break;
        default:
          unreachable(event);
      }
  }

  #registered(event: Extract<CoordinatorEvent, { kind: 'registered' }>, now: Millis): void {
    const { registered, address, tunnel, isFirst, isOtherWay, isMain } = event;
    if (isFirst || isOtherWay)
      this.#node.log('info', 'coordinator-reached', { address, by: tunnel === undefined ? 'udp' : 'tcp' });
    if (isOtherWay) this.#handleOtherWay(registered, tunnel, isFirst, now);
    this.#bound(this.#channels.setRelays(this.#coordinators.relays, now), now);
    if (!isMain || !this.view.handleRegistered(registered, now)) this.#tellPeers(now);
    else this.#coordinators.cardChanged(now);
    if (isFirst) this.#carry(this.#agents.handleCoordinator(now), now);
    this.#ask(now);
  }

  /** A coordinator is behind a tunnel, and its relays with it, or is not any more: they see this node elsewhere. */
  #handleOtherWay({ relays }: Registered, tunnel: string | undefined, isFirst: boolean, now: Millis): void {
    // one that was away may have been restarted, and its relay with it
    if (isFirst && tunnel === undefined) return this.#bound(this.#channels.handleNetworkChange(now), now);
    for (const { address } of relays) this.#node.effects.push({ kind: 'detour', relay: address, id: tunnel });
    this.#bound(this.#channels.handleNetworkChange(now), now);
    this.#movedAt ??= now;
  }

  /** The coordinator knows where this node is now: the peers can be told by it. */
  #tellPeers(now: Millis): void {
    if (this.#movedAt === undefined) return;
    this.#movedAt = undefined;
    this.#carry(this.#agents.handleNetworkChange(now), now);
  }

  /** A coordinator may name anybody: only members of a common group are looked for. */
  #direction({ direction, answer }: Extract<CoordinatorEvent, { kind: 'direction' }>, now: Millis): void {
    const isKnown = this.#node.directory.member(direction.peer) !== undefined;
    if (direction.role === 'end') this.#coordinate(answer(isKnown ? 'ready' : 'refused'), now);
    if (!isKnown) return this.#node.counters.add('direction-to-stranger');
    this.#carry(this.#agents.handleDirection(direction, now), now);
  }

  #bound(events: readonly ChannelEvent[], now: Millis): void {
    for (const event of events) {
      const agent = event.kind === 'bound' || event.kind === 'unbound' ? this.#agents.agent(event.peer) : undefined;
      switch (event.kind) {
        case 'send':
          this.#send(event.bytes, event.to);
          break;
        case 'bound':
          this.#carry(agent?.handleBound(event.relay, event.channel, now) ?? [], now);
          break;
        case 'ahead':
          this.#calls.follow(event.peer, relayPath(event.relay, event.channel), now);
          break;
        case 'unbound':
          this.#carry(agent?.handleUnbound(event.relay, event.channel, now) ?? [], now);
          break;
        case 'measured':
          // before anything is asked: the answer follows from it
          this.#coordinators.cardChanged(now);
          this.#coordinate(this.#coordinators.tick(now), now);
          break;
        case 'counter':
          this.#node.counters.add(event.name);
          break;
        default:
          unreachable(event);
      }
    }
  }

  #carry(effects: readonly PathEffect[], now: Millis): void {
    this.#isStirred = true;
    for (const effect of effects)
      switch (effect.kind) {
        case 'send':
          this.#calls.send(effect.bytes, effect.to, now);
          break;
        case 'challenge':
          this.#calls.challenge(effect.peer, routeName(effect.route), effect.token, now);
          break;
        case 'use':
          this.#calls.use(effect.peer, routeName(effect.route), effect.reason, now);
          break;
        case 'bind':
          this.#bound(this.#channels.bind(effect.peer, effect.relay, effect.channel, now), now);
          break;
        case 'doubt':
          this.#bound(this.#channels.doubt(effect.relay, effect.channel, now), now);
          break;
        case 'ask-direction':
          this.#coordinate(this.#coordinators.askDirection(effect.peer, now), now);
          break;
        case 'counter':
          this.#node.counters.add(effect.name);
          break;
        default:
          unreachable(effect);
      }
  }

  #send(bytes: Uint8Array, to: PathAddress): void {
    this.#node.effects.push({ kind: 'send', bytes, to });
  }
}
