import { type Millis, millis, type NodeId } from '../base/brands.ts';
import { toHex } from '../base/bytes.ts';
import type { PathAddress } from '../base/path-address.ts';
import type { OwnSide } from './own-side.ts';
import { PathAgent } from './path-agent.ts';
import type { PathEffect } from './path-effects.ts';
import type { ProbeDeps } from './probe-attempt.ts';
import { ProbeLimiter } from './probe-limiter.ts';
import type { RouteDirection } from './signal-message.ts';
import { decodeTunnelProbe } from './tunnel-probe.ts';

/** The path agents of all peers, with what they share: limits on probing, and which path id is whose. */
export class PathAgents {
  readonly #deps: ProbeDeps;
  readonly #own: () => OwnSide;
  readonly #agents = new Map<NodeId, PathAgent>();
  readonly #byPathId = new Map<string, PathAgent>();

  constructor(deps: Omit<ProbeDeps, 'limiter'>, own: () => OwnSide) {
    const { provider, self } = deps;
    this.#deps = { provider, self, random: (length) => deps.random(length), limiter: new ProbeLimiter() };
    this.#own = own;
  }

  agent(peer: NodeId): PathAgent {
    const known = this.#agents.get(peer);
    if (known) return known;
    const made = new PathAgent(peer, this.#deps, this.#own);
    this.#agents.set(peer, made);
    return made;
  }

  agents(): IterableIterator<PathAgent> {
    return this.#agents.values();
  }

  /** The peer left the network, or was removed. */
  forget(peer: NodeId): void {
    for (const pathId of this.#agents.get(peer)?.pathIds ?? []) this.#byPathId.delete(toHex(pathId));
    this.#agents.delete(peer);
  }

  /** The composer has checked that the peer is a member of a common group: the DC may name anybody. */
  handleDirection(direction: RouteDirection, now: Millis): PathEffect[] {
    if (direction.peer === this.#deps.self) return [{ kind: 'counter', name: 'direction-to-self' }];
    const agent = this.agent(direction.peer);
    for (const pathId of agent.pathIds) this.#byPathId.delete(toHex(pathId));
    const effects = agent.handleDirection(direction, now);
    for (const pathId of agent.pathIds) this.#byPathId.set(toHex(pathId), agent);
    return effects;
  }

  /** A datagram of kind 38 or 39. */
  handleDatagram(bytes: Uint8Array, from: PathAddress, now: Millis): PathEffect[] {
    const probe = decodeTunnelProbe(bytes);
    if (typeof probe === 'string') return [{ kind: 'counter', name: `probe-${probe}` }];
    const agent = this.#byPathId.get(toHex(probe.pathId));
    return agent?.handleProbe(bytes, probe, from, now) ?? [{ kind: 'counter', name: 'probe-unknown-path' }];
  }

  handleCoordinator(now: Millis): PathEffect[] {
    return [...this.#agents.values()].flatMap((agent) => agent.handleCoordinator(now));
  }

  handleNetworkChange(now: Millis): PathEffect[] {
    return [...this.#agents.values()].flatMap((agent) => agent.handleNetworkChange(now));
  }

  nextDeadline(): Millis | undefined {
    let next: number | undefined;
    for (const agent of this.#agents.values()) {
      const due = agent.nextDeadline();
      if (due !== undefined && (next === undefined || due < next)) next = due;
    }
    return next === undefined ? undefined : millis(next);
  }

  tick(now: Millis): PathEffect[] {
    return [...this.#agents.values()].flatMap((agent) => agent.tick(now));
  }
}
