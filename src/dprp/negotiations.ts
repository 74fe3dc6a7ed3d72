import {
  type GroupId,
  type KeyVersion,
  type Millis,
  millis,
  type NodeId,
  type SaIndex,
  saIndex,
} from '../base/brands.ts';
import { DATAGRAM } from '../base/datagram-kinds.ts';
import type { PathAddress } from '../base/path-address.ts';
import { groupsTowards } from './admission.ts';
import { chainLives } from './chain.ts';
import { SIZE } from './constants.ts';
import type { DprpEffect, Failure, RefreshEffect } from './effects.ts';
import { handleDde, reviewHeld, reviewUnreadable } from './end-detect.ts';
import { handleMpit } from './end-make.ts';
import { type EndState, endState, forget, type Offered } from './end-state.ts';
import { fetchName, HintLimit } from './hint-limit.ts';
import { count, type NegotiationContext, negotiationContext } from './negotiation-context.ts';
import type { NegotiationDeps } from './negotiation-deps.ts';
import { fail } from './start-detect.ts';
import { begin, type StartInput, startDeadline, stepStart } from './start-machine.ts';
import type { StartBase, StartRequest, StartState, StartStep } from './start-state.ts';
import { GIVE_UP_MS } from './tuning.ts';

/**
 * All negotiations of one node: those that it started, by own index, and those that it answers. Sans-io: bytes and times
 * go in, effects come out. Hostile bytes never throw (W2); what they did is in the counters.
 */
export class Negotiations {
  readonly #context: NegotiationContext;
  readonly #end: EndState;
  readonly #starts = new Map<SaIndex, StartState>();
  /** at most one open handshake of this node's own per peer (protocol.md 2.5) */
  readonly #byPeer = new Map<NodeId, SaIndex>();
  readonly #hints = new HintLimit();
  #domainSeen = 0;

  constructor(deps: NegotiationDeps) {
    this.#context = negotiationContext(deps);
    this.#end = endState(this.#context);
  }

  /** Half-open handshakes at the end GE, and own ones under way: for `status`. */
  get open(): { readonly answered: number; readonly started: number } {
    return { answered: this.#end.offered.size, started: this.#starts.size };
  }

  /** Whether a handshake is open that may still need K_psk of a version (protocol.md 10.5 V7). */
  usesVersion(group: GroupId, version: KeyVersion): boolean {
    return [...this.#starts.values()].some(
      (state) =>
        state.phase === 'detecting' && state.tags.some((tag) => tag?.group.id === group && tag.version.v === version),
    );
  }

  /**
   * Starts a handshake, or lets the flow wait for the one that is open with the same peer. May fail at once.
   * A rekey or migration during an open handshake does nothing: it is asked for again later.
   */
  start(request: StartRequest, now: Millis): DprpEffect[] {
    const purpose = this.#purposeOf(request);
    if ('failure' in purpose) return this.#failAtOnce(request, purpose.failure, now);
    const open = this.#byPeer.get(purpose.expected);
    if (open !== undefined) {
      if (request.purpose !== 'flow') return [count('handshake-open')];
      return this.#step(open, { kind: 'wait', cid: request.cid }, now);
    }
    const index = this.#context.deps.reserveIndex();
    if (index === 0) return this.#failAtOnce(request, 'no-free-index', now);
    const base: StartBase = { ...newBase(request, now), ...purpose, index };
    this.#byPeer.set(base.expected, index);
    return this.#keep(index, undefined, begin(this.#context, base, now), now);
  }

  /** A datagram of kinds 01 to 07. */
  handleDatagram(bytes: Uint8Array, from: PathAddress, now: Millis): DprpEffect[] {
    if (bytes.length < SIZE.header) return [count('short')];
    switch (bytes[0]) {
      case DATAGRAM.dde:
        return this.#limited(handleDde(this.#context, this.#end, bytes, from, now), now);
      case DATAGRAM.mpit:
        return this.#limited(handleMpit(this.#context, this.#end, bytes, from, now), now);
      case DATAGRAM.rgi:
      case DATAGRAM.cdn:
      case DATAGRAM.cookie:
      case DATAGRAM.stale:
      case DATAGRAM.nogroup:
        return this.#step(receiverOf(bytes), { kind: 'datagram', bytes, from }, now);
      default:
        return [count('dprp-kind')];
    }
  }

  /** The first authentic datagram came in on the SA of this own index (any lane): it confirms a handshake without CDN (protocol.md 3.1). */
  confirmedByData(index: SaIndex, now: Millis): DprpEffect[] {
    const base = saIndex(index & ~7);
    return this.#starts.has(base) ? this.#step(base, { kind: 'data' }, now) : [];
  }

  /** A path towards a peer became known while a handshake is open. */
  pathFound(peer: NodeId, path: PathAddress, now: Millis, isAgain = false): DprpEffect[] {
    const index = this.#byPeer.get(peer);
    return index === undefined ? [] : this.#step(index, { kind: 'path', path, isAgain }, now);
  }

  /** Call after every change of a group's or the domain's versions: what waited for newer keys goes on. */
  versionsChanged(now: Millis): DprpEffect[] {
    const effects = [...this.#starts.keys()].flatMap((index) => this.#step(index, { kind: 'versions' }, now));
    const held = [...this.#reviewUnreadable(now), ...reviewHeld(this.#context, this.#end, true, now)];
    return [...effects, ...this.#limited(held, now)];
  }

  /**
   * R4: REMOVE in a group ends its half-opens. Own ones fail where only this group led to the node, and begin anew in all
   * other cases. Call after the views show the removal.
   */
  removeMember(group: GroupId, node: NodeId, now: Millis): DprpEffect[] {
    this.#dropOffered((offered) => offered.match.group.id === group);
    return this.#restartWhere(
      (state) => concerns(state, group),
      (state) => (partnerOf(state) === node && !this.#hasOtherWay(state, group) ? 'removed' : undefined),
      now,
    );
  }

  /** Ends half-opens under versions below `below`, which may admit nobody any more; own ones begin anew. */
  dropVersions(group: GroupId, below: KeyVersion, now: Millis): DprpEffect[] {
    this.#dropOffered(({ match }) => match.group.id === group && match.version.v < below);
    const old = (state: StartState) => concerns(state, group) && (state.phase !== 'making' || state.sa.version < below);
    return this.#restartWhere(old, () => undefined, now);
  }

  /** K4: nothing of what is half-open survives; the composer drops the SAs. */
  dropAll(reason: Failure, now: Millis): DprpEffect[] {
    this.#dropOffered(() => true);
    this.#end.answered.removeWhere(() => true);
    this.#end.held.clear();
    this.#end.unreadable.clear();
    return [...this.#starts.keys()].flatMap((index) => this.#step(index, { kind: 'abort', reason }, now));
  }

  tick(now: Millis): DprpEffect[] {
    this.#context.ephemerals.prepare(now);
    // a version of the domain may come into force by the clock alone
    const newer = this.#newestDomain() === this.#domainSeen ? [] : this.versionsChanged(now);
    const due = [...this.#starts].filter(([, state]) => (startDeadline(state) ?? now + 1) <= now);
    const effects = due.flatMap(([index]) => this.#step(index, { kind: 'tick' }, now));
    for (const offered of this.#end.offered.expire(now, this.#underLoad(now))) forget(this.#context, offered);
    this.#end.answered.expire(now, false);
    this.#end.budget.expire(now);
    const owed = this.#hints.due((effect) => this.#isAwaited(effect), now);
    return [...newer, ...effects, ...owed, ...this.#limited(reviewHeld(this.#context, this.#end, false, now), now)];
  }

  /** When `tick` wants to be called next. */
  nextDeadline(): Millis | undefined {
    const times = [...this.#starts.values()].map(startDeadline);
    for (const { until } of this.#end.held.values()) times.push(until);
    const halfOpen = this.#end.offered.nextExpiry(false);
    if (halfOpen !== undefined) times.push(millis(halfOpen));
    const known = times.filter((time) => time !== undefined);
    return known.length === 0 ? undefined : millis(Math.min(...known));
  }

  /** Who is expected to answer, and which slots are listed; a failure where nobody can. */
  #purposeOf(request: StartRequest): Pick<StartBase, 'expected' | 'only'> | { readonly failure: Failure } {
    const { deps } = this.#context;
    if (request.purpose !== 'flow') {
      const old = request.replaces === undefined ? undefined : deps.liveSa(request.replaces);
      if (old === undefined) return { failure: 'dropped' };
      const held = deps.groups().find(({ id }) => id === old.group);
      // whether the peer holds this version for retired is not known here, so that a chain always proves itself
      const stays = request.purpose === 'rekey' && held !== undefined && chainLives(held, old.chain);
      const chained = stays ? old.version : undefined;
      return { expected: old.peer, only: { group: old.group, chained } };
    }
    const own = deps.identity().caPart.nodeId;
    const [nearest] = groupsTowards(deps.groups(), own, request.cid.destination).sort(byId);
    const expected = nearest?.roster.covers(request.cid.destination);
    return expected === undefined ? { failure: 'no-group-covers' } : { expected, only: undefined };
  }

  #failAtOnce(request: StartRequest, reason: Failure, now: Millis): DprpEffect[] {
    const base = { ...newBase(request, now), expected: this.#context.deps.identity().caPart.nodeId, only: undefined };
    const hint = { reason, peerMode: undefined, peerType: undefined };
    return [...fail({ ...base, index: saIndex(0) }, hint).effects];
  }

  #step(index: SaIndex, input: StartInput, now: Millis): DprpEffect[] {
    const state = this.#starts.get(index);
    if (state === undefined)
      return [count(this.#context.deps.liveSa(index) === undefined ? 'dprp-unknown-index' : 'dprp-late')]; // S5
    return this.#keep(index, state, stepStart(this.#context, state, input, now), now);
  }

  /** Puts a new state in its place; an index on which nothing was installed goes back. */
  #keep(index: SaIndex, before: StartState | undefined, step: StartStep, now: Millis): DprpEffect[] {
    const { state } = step;
    if (state.phase === 'over') this.#starts.delete(index);
    else this.#starts.set(index, state);
    if (state.phase === 'over' || (state.phase === 'making' && state.keyed)) this.#closePeer(index);
    if (state.phase === 'over' && before?.phase !== 'making') this.#context.deps.freeIndex(index);
    return this.#limited(step.effects, now);
  }

  #closePeer(index: SaIndex): void {
    for (const [peer, open] of this.#byPeer) if (open === index) this.#byPeer.delete(peer);
  }

  #dropOffered(select: (offered: Offered) => boolean): void {
    for (const offered of this.#end.offered.removeWhere(select)) forget(this.#context, offered);
  }

  /** Ends own handshakes: with a failure where there is a reason, else with a new DDE in their place. */
  #restartWhere(
    select: (state: StartState) => boolean,
    failure: (state: StartState) => Failure | undefined,
    now: Millis,
  ): DprpEffect[] {
    return [...this.#starts]
      .filter(([, state]) => select(state))
      .flatMap(([index, state]) => {
        const reason = failure(state);
        const ended = this.#step(index, { kind: 'abort', reason: reason ?? 'dropped' }, now);
        if (reason !== undefined || state.phase === 'over') return ended;
        const others = ended.filter(({ kind }) => kind !== 'failed');
        if (others.length === ended.length) return ended;
        const { request, waiting } = state.base;
        const again = waiting.flatMap((cid) => this.start({ ...request, cid }, now));
        return [...others, ...this.start(request, now), ...again];
      });
  }

  #hasOtherWay(state: StartState, group: GroupId): boolean {
    if (state.phase === 'over') return false;
    const { deps } = this.#context;
    const towards = groupsTowards(deps.groups(), deps.identity().caPart.nodeId, state.base.request.cid.destination);
    return towards.some(({ id }) => id !== group);
  }

  #newestDomain(): number {
    return this.#context.deps.domain()[0]?.v ?? 0;
  }

  #reviewUnreadable(now: Millis): DprpEffect[] {
    const newest = this.#newestDomain();
    if (newest === this.#domainSeen) return [];
    this.#domainSeen = newest;
    return reviewUnreadable(this.#context, this.#end, now);
  }

  /** A negotiation of this node's own still waits for what this fetch would bring. */
  #isAwaited(wanted: RefreshEffect): boolean {
    const name = fetchName(wanted);
    return [...this.#starts.values()].some(
      (state) =>
        state.phase === 'refreshing' && (state.until.what === 'domain' ? 'domain' : state.until.group) === name,
    );
  }

  #underLoad(now: Millis): boolean {
    return this.#end.guard.underLoad(this.#end.offered.size, now);
  }

  #limited(effects: readonly DprpEffect[], now: Millis): DprpEffect[] {
    return this.#hints.limit(effects, now);
  }
}

function newBase(request: StartRequest, now: Millis) {
  return { request, startedAt: now, giveUpAt: millis(now + GIVE_UP_MS), waiting: [], repeated: false };
}

function byId(a: { readonly id: GroupId }, b: { readonly id: GroupId }): number {
  return a.id < b.id ? -1 : 1;
}

/** idx_receiver of a DPRP header. */
function receiverOf(bytes: Uint8Array): SaIndex {
  return saIndex(new DataView(bytes.buffer, bytes.byteOffset).getUint32(8));
}

/** The peer as far as it is known. */
function partnerOf(state: StartState): NodeId | undefined {
  if (state.phase === 'over') return undefined;
  return state.phase === 'making' ? state.sa.peer : state.base.expected;
}

/** Whether a negotiation stands, or might come to stand, on a group. */
function concerns(state: StartState, group: GroupId): boolean {
  switch (state.phase) {
    case 'making':
      return state.sa.group === group;
    case 'detecting':
      return state.tags.some((tag) => tag?.group.id === group);
    case 'refreshing':
    case 'over':
      return false;
  }
}
