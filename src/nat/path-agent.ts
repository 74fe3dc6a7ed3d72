import { type Millis, millis, type NodeId } from '../base/brands.ts';
import type { PathAddress } from '../base/path-address.ts';
import { type CandidatePair, classOf, type PathClass, pairCandidates, type Refused } from './candidate-order.ts';
import { DirectionLimit } from './direction-limit.ts';
import { outerFault } from './outer-address.ts';
import type { OwnSide } from './own-side.ts';
import { doubt, type PathEffect } from './path-effects.ts';
import { type PathReason, whatWasMet, whyRelayed } from './path-reason.ts';
import type { PathReport } from './path-report.ts';
import type { Route } from './path-route.ts';
import {
  bury,
  compare,
  hear,
  isBetterClass,
  meet,
  type PathTrack,
  prove,
  startChallenge,
  stepChallenge,
  suspectAfter,
} from './path-track.ts';
import { attemptOf, isRepeated, ProbeAttempt, type ProbeDeps, takeUp } from './probe-attempt.ts';
import type { RouteDirection } from './signal-message.ts';
import { TrackSet } from './track-set.ts';
import { COMPARE_MS, FASTER_TIMES, IDLE_MS, REPROVE_MS, RETRY_MS } from './tuning.ts';
import type { SignedProbe } from './tunnel-probe.ts';

/**
 * Chooses the path to one peer (protocol.md 6, 7). Starts on the relay, probes direct ways beside it, moves to the best one
 * that answered PATH-CHALLENGE, watches it, and moves back when it dies. The old path carries traffic until the new one is
 * proved (protocol.md N1). What moves traffic, in this order:
 *
 *   1. the path in use was silent for 3 challenges, another is proved: to the best of the others
 *   2. a proved path of a better class (lan, direct, relay), unless it died lately (hold-down)
 *   3. a proved path of the same class that was clearly faster three times in a row
 */
export class PathAgent {
  readonly peer: NodeId;
  readonly #deps: ProbeDeps;
  readonly #own: () => OwnSide;
  readonly #tracks = new TrackSet();
  #current: PathTrack | undefined;
  #reason: PathReason = 'no-path';
  #hasSa = false;
  /** the newest last; two where both ends asked the DC at the same time */
  readonly #attempts: ProbeAttempt[] = [];
  readonly #limit = new DirectionLimit();
  #pairs: readonly CandidatePair[] = [];
  #refused: readonly Refused[] = [];
  #directDied = false;
  /** the last datagram to this peer by the path in use */
  #sentAt: Millis | undefined;
  /** the last packet of an application, and the first one since the peer was heard there */
  #dataAt: Millis | undefined;
  #unansweredSince: Millis | undefined;
  #retries = 0;
  #retryAt: Millis | undefined;
  #reproveAt = millis(0);
  #compareAt = millis(0);

  constructor(peer: NodeId, deps: ProbeDeps, own: () => OwnSide) {
    this.peer = peer;
    this.#deps = deps;
    this.#own = own;
  }

  /** A flow to this peer wants to start: a Direction Request, unless one was answered lately. */
  handleWanted(now: Millis): PathEffect[] {
    this.#dataAt = now;
    if (!this.#hasSa) this.#current = this.#tracks.stillFresh(this.#current, now);
    return this.#hasPath() ? [] : this.#ask(now);
  }

  /** The DC tells where the peer may be. */
  handleDirection(direction: RouteDirection, now: Millis): PathEffect[] {
    // again, because this node's answer was lost; the peer may have moved meanwhile
    if (isRepeated(this.#attempts, direction)) return [];
    if (!this.#limit.take(now)) return [{ kind: 'counter', name: 'direction-too-often' }];
    const { place } = this.#own();
    const { pairs, refused } = pairCandidates(direction.candidates, place);
    this.#pairs = pairs;
    this.#refused = refused;
    takeUp(this.#attempts, new ProbeAttempt(this.#deps, direction, pairs, place, now));
    this.#retryAt = undefined;
    const effects: PathEffect[] = refused.map(({ reason }) => ({ kind: 'counter', name: `candidate-${reason}` }));
    const { relay } = direction;
    if (relay) effects.push({ kind: 'bind', peer: this.peer, relay: relay.address, channel: relay.channel });
    // a peer that is not named where it was has moved; only its silence there lets traffic go elsewhere
    const current = this.#isDirect() && this.#hasSa ? this.#current : undefined;
    if (current && !pairs.some(({ address }) => address === current.route.address))
      this.#challenge(current, now, effects);
    return [...effects, ...this.tick(now)];
  }

  /** Path ids whose probes are this agent's. */
  get pathIds(): readonly Uint8Array[] {
    return this.#attempts.map(({ direction }) => direction.pathId);
  }

  /** Both ends can use this channel of a relay, as far as this one knows. */
  handleBound(relay: PathAddress, channel: number, now: Millis): PathEffect[] {
    const track = this.#track({ kind: 'relay', address: relay, channel }, 'relay', now);
    meet(track);
    this.#tracks.forgetRelaysBut([track, this.#current]);
    const effects: PathEffect[] = [];
    // bound anew while the path in use is doubted: will it carry the traffic?
    if (this.#hasSa && (track.state !== 'proved' || this.#current?.challenge)) this.#challenge(track, now, effects);
    return [...effects, ...this.#choose(now)];
  }

  /** The relay does not answer any more, or refused the channel. */
  handleUnbound(relay: PathAddress, channel: number, now: Millis): PathEffect[] {
    const track = this.#tracks.find({ kind: 'relay', address: relay, channel });
    if (!track) return [];
    bury(track, now);
    return [...this.#choose(now), ...(this.#current === track ? this.#ask(now) : [])];
  }

  /** A Tunnel Request or Response that names this agent's path. */
  handleProbe(bytes: Uint8Array, probe: SignedProbe, from: PathAddress, now: Millis): PathEffect[] {
    const effects: PathEffect[] = [];
    const answered = attemptOf(this.#attempts, probe.pathId)?.handleProbe(bytes, probe, from, now, effects);
    if (answered) {
      const { address, class: pathClass } = answered.pair;
      const track = this.#track({ kind: 'direct', address }, pathClass, now);
      meet(track, answered.rtt);
      if (this.#hasSa && track.state !== 'proved') this.#challenge(track, now, effects);
    }
    return [...effects, ...this.#choose(now)];
  }

  /** An SA with this peer exists: `route` is where its handshake ran, which proved it (protocol.md 6.2). */
  handleSa(route: Route, now: Millis): PathEffect[] {
    this.#hasSa = true;
    const pathClass = route.kind === 'relay' ? 'relay' : classOf(route.address, this.#own().place);
    const track = this.#track(route, pathClass, now);
    this.#prove(track, now);
    const effects: PathEffect[] = [];
    for (const other of this.#tracks.all()) if (other.state === 'answered') this.#challenge(other, now, effects);
    return [...effects, ...this.#choose(now)];
  }

  /** The last SA with this peer is gone. */
  handleNoSa(): void {
    this.#hasSa = false;
    this.#unansweredSince = undefined;
    for (const track of this.#tracks.all()) track.challenge = undefined;
  }

  /** PATH-RESPONSE came inside an SA of this peer; by which route does not matter, its token names the one it proves. */
  handlePathResponse(token: Uint8Array, now: Millis): PathEffect[] {
    const track = this.#tracks.challengedBy(token);
    if (!track) return [{ kind: 'counter', name: 'path-response-unasked' }];
    this.#prove(track, now);
    if (track === this.#current) this.#unansweredSince = undefined;
    else if (this.#current?.isSilent) this.#bury(this.#current, now);
    else compare(track, this.#current);
    return this.#choose(now);
  }

  /** Authentic data came by the path in use: call at least once per batch. */
  handleHeard(now: Millis): void {
    if (this.#current) hear(this.#current, now);
    this.#unansweredSince = undefined;
  }

  /** Packets were sent by the path in use: call at least once per batch. */
  handleSent(now: Millis): void {
    this.#sentAt = now;
    this.#dataAt = now;
    this.#unansweredSince ??= now;
  }

  /** A PATH-RESPONSE or keep-alive left by the path in use: it keeps the mapping, and nobody will answer it. */
  handleAnswerSent(now: Millis): void {
    this.#sentAt = now;
  }

  /** An authentic, newest datagram came from an unknown source (protocol.md 6.2): both paths are challenged, nothing moves. */
  handleNewSource(route: Route, now: Millis): PathEffect[] {
    const { place } = this.#own();
    const effects: PathEffect[] = [];
    if (route.kind === 'direct' && outerFault(route.address, place))
      return [{ kind: 'counter', name: 'source-forbidden' }];
    const pathClass = route.kind === 'relay' ? 'relay' : classOf(route.address, place);
    const track = this.#track(route, pathClass, now);
    if (track === this.#current || track.challenge || !this.#hasSa) return [];
    // a datagram from a path that is proved already tells that the peer moved, nothing more
    if (track.state !== 'proved' || now - (track.answeredAt ?? 0) > REPROVE_MS) this.#challenge(track, now, effects);
    if (this.#current) this.#challenge(this.#current, now, effects);
    return effects;
  }

  /** A coordinator is there again: whoever has no path is asked for at once, however often that was in vain. */
  handleCoordinator(now: Millis): PathEffect[] {
    if (this.#hasPath() || !this.#isActive(now)) return [];
    this.#limit.reset();
    return this.#ask(now);
  }

  /** This node's addresses changed: everything is asked again, the path in use stays until another is proved. */
  handleNetworkChange(now: Millis): PathEffect[] {
    this.#retries = 0;
    this.#limit.reset();
    for (const attempt of this.#attempts.splice(0)) attempt.wipe();
    this.#directDied = false;
    const effects: PathEffect[] = [];
    this.#tracks.forgetNetwork(this.#current);
    if (this.#current && this.#hasSa) this.#challenge(this.#current, now, effects);
    return this.#hasSa || this.#isActive(now) ? [...effects, ...this.#ask(now)] : effects;
  }

  nextDeadline(): Millis | undefined {
    const times: (number | undefined)[] = [this.#retryAt];
    for (const attempt of this.#attempts) times.push(attempt.nextDeadline());
    for (const { challenge } of this.#tracks.all()) times.push(challenge?.nextAt);
    if (this.#dataAt !== undefined) times.push(this.#askAgainAt());
    if (this.#hasSa && this.#current && !this.#current.challenge) {
      if (this.#unansweredSince !== undefined)
        times.push(Math.max(this.#unansweredSince + suspectAfter(this.#current), this.#reproveAt));
      times.push(this.#keepAliveAt());
    }
    const known = times.filter((time) => time !== undefined);
    return known.length === 0 ? undefined : millis(Math.min(...known));
  }

  tick(now: Millis): PathEffect[] {
    const effects = this.#attempts.flatMap((attempt) => attempt.tick(now));
    if (this.#hasSa) this.#watch(now, effects);
    for (const track of this.#tracks.all()) this.#stepChallenge(track, now, effects);
    if (!this.#isTrying(now)) this.#afterAttempt(now);
    effects.push(...this.#choose(now));
    // a question or its answer may have been lost
    if (this.#isActive(now) && now >= (this.#askAgainAt() ?? now + 1)) effects.push(...this.#ask(now));
    if (this.#retryAt !== undefined && now >= this.#retryAt) effects.push(...this.#retry(now));
    return effects;
  }

  report(now: Millis): PathReport {
    const current = this.#current;
    return {
      peer: this.peer,
      route: current?.route,
      class: current?.class,
      reason: current?.class === 'relay' ? this.#whyRelayed(now) : this.#reason,
      rtt: current?.rtt,
      trying: this.#isTrying(now),
      refused: this.#refused,
    };
  }

  /** Traffic that nobody answers, an idle mapping, paths that could be better. */
  #watch(now: Millis, effects: PathEffect[]): void {
    const current = this.#current;
    if (!current) return;
    const silent = this.#unansweredSince !== undefined && now - this.#unansweredSince >= suspectAfter(current);
    if (silent && now >= this.#reproveAt) {
      this.#reproveAt = millis(now + REPROVE_MS);
      this.#challenge(current, now, effects);
      this.#challengeOthers(now, effects);
      effects.push(...doubt(current));
    } else if (now >= this.#keepAliveAt()) this.#challenge(current, now, effects);
    else if (this.#isActive(now) && now >= this.#compareAt) {
      this.#compareAt = millis(now + COMPARE_MS);
      this.#challengeOthers(now, effects);
    }
  }

  /** Ways that could take over: proved ones, and dead ones whose time has come. */
  #challengeOthers(now: Millis, effects: PathEffect[]): void {
    for (const track of this.#tracks.all()) {
      if (track === this.#current || now < track.heldUntil) continue;
      if (track.class !== 'relay' || this.#unansweredSince !== undefined) this.#challenge(track, now, effects);
    }
  }

  #prove(track: PathTrack, now: Millis): void {
    prove(track, now);
    if (track.route.kind === 'direct') this.#deps.limiter.handleProved(track.route.address, now);
  }

  #challenge(track: PathTrack, now: Millis, effects: PathEffect[]): void {
    if (track.challenge) return;
    startChallenge(track, this.#deps.random(8), now);
    this.#stepChallenge(track, now, effects);
  }

  #stepChallenge(track: PathTrack, now: Millis, effects: PathEffect[]): void {
    const step = stepChallenge(track, now);
    if (step === undefined) return;
    if (step !== 'silent') {
      if (track === this.#current) this.#sentAt = now;
      effects.push({ kind: 'challenge', peer: this.peer, route: track.route, token: step });
      return;
    }
    const revived = track.state === 'dead';
    // the path in use may be the only one: it is asked again and again while traffic flows, its relay before the coordinator
    if (track === this.#current && !this.#tracks.refuge(now, track)) {
      track.challenge = undefined;
      track.isSilent = true;
      this.#reproveAt = millis(now + REPROVE_MS);
      if (!track.isDoubted) effects.push(...this.#ask(now));
      return;
    }
    this.#bury(track, now);
    if (revived || track.deaths > 8) this.#tracks.forget(track);
  }

  #bury(track: PathTrack, now: Millis): void {
    bury(track, now);
    if (track === this.#current && track.class !== 'relay') this.#directDied = true;
  }

  #choose(now: Millis): PathEffect[] {
    const current = this.#current;
    if (!current || current.state === 'dead') {
      const proved = current ? this.#tracks.refuge(now, current) : this.#tracks.best(now);
      const best = proved ?? (this.#hasSa ? undefined : this.#tracks.bestAnswered());
      return best && best !== current ? this.#move(best, now) : [];
    }
    const best = this.#hasSa ? this.#tracks.best(now, current) : this.#tracks.bestAnswered();
    if (!best || best === current) return [];
    if (isBetterClass(best, current)) return this.#move(best, now);
    return best.class === current.class && best.faster >= FASTER_TIMES ? this.#move(best, now) : [];
  }

  #move(to: PathTrack, now: Millis): PathEffect[] {
    const from = this.#current;
    this.#current = to;
    this.#unansweredSince = undefined;
    for (const track of this.#tracks.all()) track.faster = 0;
    if (to.class !== 'relay') this.#directDied = false;
    const sameClass = from?.class === to.class && from.state !== 'dead';
    this.#reason = to.class === 'relay' ? this.#whyRelayed(now) : sameClass ? 'faster' : to.class;
    const effects: PathEffect[] = [{ kind: 'use', peer: this.peer, route: to.route, reason: this.#reason }];
    // the direct path died: the peer may have moved, and only the DC knows where
    if (to.class === 'relay' && from?.state === 'dead') effects.push(...this.#ask(now));
    return effects;
  }

  #afterAttempt(now: Millis): void {
    const { takenAt } = this.#limit;
    if (this.#retryAt !== undefined || takenAt === undefined || this.#isDirect() || !this.#isActive(now)) return;
    const wait = RETRY_MS[Math.min(this.#retries, RETRY_MS.length - 1)] ?? 0;
    this.#retryAt = millis(Math.max(now, takenAt + wait));
  }

  #retry(now: Millis): PathEffect[] {
    this.#retryAt = undefined;
    if (this.#isDirect() || !this.#isActive(now)) return [];
    this.#retries++;
    // from now on what this attempt meets is the reason
    this.#directDied = false;
    return this.#ask(now);
  }

  #ask(now: Millis): PathEffect[] {
    return this.#limit.ask(now) ? [{ kind: 'ask-direction', peer: this.peer }] : [];
  }

  /** Without a path; and without a sign of the peer, to which the direction may have been lost while its relay answered here. */
  #askAgainAt(): number | undefined {
    if (!this.#hasPath()) return this.#limit.nextAsk();
    return this.#hasSa || this.#isDirect() ? undefined : this.#limit.nextAskUnmet();
  }

  #track(route: Route, pathClass: PathClass, now: Millis): PathTrack {
    return this.#tracks.take(route, pathClass, this.#current, now);
  }

  #keepAliveAt(): number {
    const last = Math.max(this.#sentAt ?? 0, this.#current?.answeredAt ?? 0);
    // the two ends do not send at the same moment: the answer to the first one's keeps the other's mapping alive, too
    return last + this.#own().keepAlive + (this.peer < this.#deps.self ? 1_000 : 0);
  }

  #hasPath(): boolean {
    return this.#current !== undefined && this.#current.state !== 'dead';
  }

  #isDirect(): boolean {
    return this.#hasPath() && this.#current?.class !== 'relay';
  }

  #isActive(now: Millis): boolean {
    return this.#dataAt !== undefined && now - this.#dataAt < IDLE_MS;
  }

  #isTrying(now: Millis): boolean {
    return this.#attempts.some((attempt) => !attempt.isOver(now));
  }

  #whyRelayed(now: Millis): PathReason {
    const { nat, udpBlocked } = this.#own();
    const met = whatWasMet(this.#attempts.at(-1)?.direction, this.#pairs.length, this.#refused);
    return whyRelayed({ own: nat, udpBlocked, ...met, trying: this.#isTrying(now), died: this.#directDied });
  }
}
