import type { Millis, NodeId } from '../../base/brands.ts';
import type { Candidate } from '../../nat/candidate.ts';
import type { NatKind } from '../../nat/nat-kind.ts';
import type { Ack, DirectionReason, DirectionTarget, RouteDirection, SignalMessage } from '../../nat/signal-message.ts';
import type { DcEffects } from './dc-effects.ts';
import type { Members } from './members.ts';
import { type Pair, Pairs } from './pairs.ts';
import { chooseRelay, endpointFor, type RelaySite } from './relay-sites.ts';
import type { SignalPeer } from './signal-peer.ts';
import type { SignalSessions } from './signal-sessions.ts';

/** What the desk shares with the rest of the coordinator. */
export interface DirectionDeps {
  random(length: number): Uint8Array;
  readonly members: Members;
  relays(): readonly RelaySite[];
  readonly sessions: SignalSessions;
  readonly effects: DcEffects;
  say(peer: SignalPeer, message: SignalMessage): void;
}

/** Where a node is, as it is told to another. */
type Whereabouts = { readonly nat: NatKind; readonly candidates: readonly Candidate[] };

/**
 * Brings two nodes together (protocol.md 6.6): the end node is told first, the asker right behind it what is registered, and
 * again when the end node has answered. Both are told the same path id, TempKey and channel; requests of one pair within 2 s
 * share them, whoever asks.
 */
export class DirectionDesk {
  readonly #deps: DirectionDeps;
  readonly #pairs: Pairs;

  constructor(deps: DirectionDeps) {
    this.#deps = deps;
    this.#pairs = new Pairs((length) => deps.random(length));
  }

  get size(): number {
    return this.#pairs.size;
  }

  handleRequest(asker: SignalPeer, request: number, target: DirectionTarget, now: Millis): void {
    const end = this.#endOf(asker, target, now);
    if (typeof end === 'string') return this.#refuse(asker, request, end);
    const choose = (before?: string) => chooseRelay(this.#deps.relays(), asker, end, before)?.name;
    const pair = this.#pairs.get(asker.node, end.node, now, choose);
    if (!pair) return this.#refuse(asker, request, 'busy');
    pair.asked.set(asker.node, request);
    const { channel, relay, nodes } = pair;
    if (relay !== undefined) this.#deps.effects.emit({ kind: 'allow', relay, channel, nodes });
    this.#direct(end, asker, 'end', 0, pair, asker.registration);
    // a round trip earlier than by the answer; where the answer says the same it changes nothing
    this.#direct(asker, end, 'asker', request, pair, end.registration);
  }

  /** The end node is ready, or will not. What it says of itself here is newer than what it registered. */
  handleAck(end: SignalPeer, ack: Ack, candidates: readonly Candidate[]): void {
    const pair = this.#pairs.byPath(ack.pathId);
    const other = pair && otherOf(pair, end.node);
    const request = other && pair?.asked.get(other);
    const asker = other && this.#deps.sessions.of(other);
    if (!pair || request === undefined) return this.#deps.effects.count('dc-ack-unknown');
    if (!asker?.registration) return this.#deps.effects.count('dc-asker-gone');
    if (ack.status === 'refused') return this.#refuse(asker, request, 'refused');
    const known = candidates.length > 0 ? { nat: ack.nat, candidates } : end.registration;
    this.#direct(asker, end, 'asker', request, pair, known);
  }

  remove(node: NodeId): void {
    this.#pairs.remove(node);
  }

  tick(now: Millis): void {
    this.#pairs.tick(now);
  }

  /** Who is asked for, or why there is no direction. Who shares no group learns nothing but that. */
  #endOf(asker: SignalPeer, target: DirectionTarget, now: Millis): SignalPeer | DirectionReason {
    if (!asker.registration) return 'not-registered';
    if (!asker.requests.take(now)) return 'busy';
    const { members, sessions } = this.#deps;
    const node = target.kind === 'node' ? target.node : members.nodeAt(target.address);
    if (node === undefined || node === asker.node || !members.isActive(node)) return 'unknown';
    if (!members.shareGroup(asker.node, node)) return 'no-common-group';
    const end = sessions.of(node);
    if (!end?.registration) return 'offline';
    return end.directions.take(now) ? end : 'busy';
  }

  #refuse(asker: SignalPeer, request: number, reason: DirectionReason): void {
    this.#deps.effects.count(`dc-refused-${reason}`);
    this.#deps.say(asker, { type: 'direction-refused', request, reason });
  }

  #direct(
    to: SignalPeer,
    peer: SignalPeer,
    role: RouteDirection['role'],
    request: number,
    { pathId, tempKey, channel, relay: name }: Pair,
    known: Whereabouts | undefined,
  ): void {
    if (!known) return;
    const site = this.#deps.relays().find((each) => each.name === name);
    const address = site && endpointFor(site, to);
    const relay = address && { address, channel };
    const { nat, candidates } = known;
    const message = { request, pathId, role, peer: peer.node, tempKey, nat, relay, candidates };
    this.#deps.say(to, { type: 'route-direction', ...message });
  }
}

function otherOf({ nodes: [a, b] }: Pair, node: NodeId): NodeId | undefined {
  if (node === a) return b;
  return node === b ? a : undefined;
}
