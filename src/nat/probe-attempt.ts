import { type Millis, millis, type NodeId } from '../base/brands.ts';
import { compareBytes, toHex, wipe } from '../base/bytes.ts';
import type { PathAddress } from '../base/path-address.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { type CandidatePair, learntPair } from './candidate-order.ts';
import { CANDIDATES_MAX, TEMP_KEY_MS } from './constants.ts';
import { type OwnPlace, outerFault } from './outer-address.ts';
import type { PathEffect } from './path-effects.ts';
import type { ProbeLimiter } from './probe-limiter.ts';
import type { RouteDirection } from './signal-message.ts';
import { ATTEMPT_DATAGRAMS, ATTEMPT_MS, PROBE_GAP_MS, PROBE_ROUNDS_MS } from './tuning.ts';
import { encodeTunnelProbe, isAuthenticProbe, type SignedProbe } from './tunnel-probe.ts';

/** What every attempt shares. */
export interface ProbeDeps {
  readonly provider: CryptoProvider;
  random(length: number): Uint8Array;
  readonly self: NodeId;
  readonly limiter: ProbeLimiter;
}

/** An address of the peer while it is probed. */
interface Probed {
  readonly pair: CandidatePair;
  sent: number;
  nextAt: Millis;
  answered: boolean;
}

/** A Tunnel Response that was waited for: this pair works in both directions. */
export interface Answered {
  readonly pair: CandidatePair;
  readonly rtt: number;
}

/** Answers of one attempt, so that nobody makes this node send by repeating requests under a live TempKey. */
const RESPONSES_MAX = 64;
const LEARNT_MAX = 4;
const ATTEMPTS_MAX = 2;

/**
 * One try to reach a peer directly under one TempKey (protocol.md 6.1): Tunnel Requests to all of its addresses, best
 * ones first, in rounds, one datagram per 10 ms and 30 in all; and answers to the peer's own. Both ends do the same at
 * the same time, which is what opens NATs that let in only whom they have sent to.
 */
export class ProbeAttempt {
  /** what the DC said; its TempKey belongs to the attempt, and `wipe` overwrites it */
  readonly direction: RouteDirection;
  readonly #deps: ProbeDeps;
  readonly #place: OwnPlace;
  readonly #startedAt: Millis;
  readonly #probed: Probed[];
  readonly #asked = new Map<string, { readonly probed: Probed; readonly at: Millis }>();
  readonly #answeredTxids = new Set<string>();
  #sent = 0;
  #sentAt: Millis;

  constructor(
    deps: ProbeDeps,
    direction: RouteDirection,
    pairs: readonly CandidatePair[],
    place: OwnPlace,
    now: Millis,
  ) {
    this.#deps = deps;
    this.#place = place;
    this.direction = direction;
    this.#startedAt = now;
    this.#sentAt = millis(now - PROBE_GAP_MS);
    this.#probed = pairs.map((pair) => ({ pair, sent: 0, nextAt: now, answered: false }));
  }

  /** Requests of its own are over; the peer's are answered for as long as the TempKey lives. */
  isOver(now: Millis): boolean {
    return this.nextDeadline() === undefined || now - this.#startedAt >= ATTEMPT_MS;
  }

  /** When the next request may leave; undefined when none is left to send. */
  nextDeadline(): Millis | undefined {
    const due = this.#waiting().reduce((least, { nextAt }) => Math.min(least, nextAt), Number.POSITIVE_INFINITY);
    return due === Number.POSITIVE_INFINITY ? undefined : millis(Math.max(due, this.#sentAt + PROBE_GAP_MS));
  }

  wipe(): void {
    wipe(this.direction.tempKey);
  }

  tick(now: Millis): PathEffect[] {
    if (now - this.#startedAt >= ATTEMPT_MS) for (const probed of this.#probed) probed.sent = PROBE_ROUNDS_MS.length;
    if (this.isOver(now) || now - this.#sentAt < PROBE_GAP_MS) return [];
    for (const probed of this.#waiting()) {
      if (now < probed.nextAt) continue;
      this.#schedule(probed, now);
      const right = this.#deps.limiter.take(probed.pair.address, now);
      if (right !== 'ok') return [{ kind: 'counter', name: `probe-held-${right}` }];
      return [this.#request(probed, now)];
    }
    return [];
  }

  /** A probe that decoded and names this path. Adds what is to be sent to `effects`. */
  handleProbe(
    bytes: Uint8Array,
    probe: SignedProbe,
    from: PathAddress,
    now: Millis,
    effects: PathEffect[],
  ): Answered | undefined {
    const fault = this.#faultOf(bytes, probe, from, now);
    if (fault) {
      effects.push({ kind: 'counter', name: fault });
      return undefined;
    }
    this.#deps.limiter.handleAnswer(from);
    if (probe.kind === 'response') return this.#response(probe, from, now, effects);
    this.#answer(probe, from, now, effects);
    return undefined;
  }

  /** Who may still be asked: in the order of priority, and nobody who is worse than one that answered. */
  #waiting(): Probed[] {
    if (this.#sent >= ATTEMPT_DATAGRAMS) return [];
    const best = this.#probed.reduce(
      (most, { answered, pair }) => (answered ? Math.max(most, pair.priority) : most),
      0,
    );
    return this.#probed.filter(
      ({ answered, sent, pair }) => !answered && sent < PROBE_ROUNDS_MS.length && pair.priority > best,
    );
  }

  #schedule(probed: Probed, now: Millis): void {
    probed.sent++;
    const [before, next] = [PROBE_ROUNDS_MS[probed.sent - 1] ?? 0, PROBE_ROUNDS_MS[probed.sent]];
    if (next !== undefined) probed.nextAt = millis(now + next - before);
  }

  #request(probed: Probed, now: Millis): PathEffect {
    const { provider, random, self } = this.#deps;
    const { tempKey, peer, pathId } = this.direction;
    const txid = random(12);
    const destination = probed.pair.address;
    this.#asked.set(toHex(txid), { probed, at: now });
    this.#sent++;
    this.#sentAt = now;
    const key = { tempKey, sender: self, receiver: peer };
    const probe = { kind: 'request', pathId, txid, destination, seen: undefined } as const;
    return { kind: 'send', bytes: encodeTunnelProbe(provider, key, probe), to: destination };
  }

  #faultOf(bytes: Uint8Array, probe: SignedProbe, from: PathAddress, now: Millis): string | undefined {
    const { provider, self } = this.#deps;
    const { tempKey, peer } = this.direction;
    if (now - this.#startedAt >= TEMP_KEY_MS) return 'probe-late';
    // protocol.md 6.4: what must not be a destination must not be a source
    if (outerFault(from, this.#place)) return 'probe-forbidden-source';
    const key = { tempKey, sender: peer, receiver: self };
    return isAuthenticProbe(provider, key, bytes, probe) ? undefined : 'probe-forged';
  }

  /** Only from where the request was sent to: an answer from elsewhere proves nothing of that address. */
  #response(probe: SignedProbe, from: PathAddress, now: Millis, effects: PathEffect[]): Answered | undefined {
    const txid = toHex(probe.txid);
    const asked = this.#asked.get(txid);
    if (!asked || asked.probed.pair.address !== from) {
      effects.push({ kind: 'counter', name: 'probe-unasked' });
      return undefined;
    }
    this.#asked.delete(txid);
    asked.probed.answered = true;
    return { pair: asked.probed.pair, rtt: now - asked.at };
  }

  /** Each txid is answered once (protocol.md N3). */
  #answer({ txid }: SignedProbe, from: PathAddress, now: Millis, effects: PathEffect[]): void {
    const { provider, self } = this.#deps;
    const { tempKey, peer, pathId } = this.direction;
    const name = toHex(txid);
    if (this.#answeredTxids.has(name) || this.#answeredTxids.size >= RESPONSES_MAX) {
      effects.push({ kind: 'counter', name: 'probe-repeated' });
      return;
    }
    this.#answeredTxids.add(name);
    const key = { tempKey, sender: self, receiver: peer };
    const response = { kind: 'response', pathId, txid, destination: from, seen: from } as const;
    effects.push({ kind: 'send', bytes: encodeTunnelProbe(provider, key, response), to: from });
    this.#learn(from, now);
  }

  /** The peer's NAT may have made an address that nobody knew: it is asked at once, and again if it stays silent. */
  #learn(from: PathAddress, now: Millis): void {
    const known = this.#probed.find(({ pair }) => pair.address === from);
    if (known) {
      // the way is open from there: what was sent before may have been filtered
      if (!known.answered && known.sent < PROBE_ROUNDS_MS.length) known.nextAt = now;
      return;
    }
    if (this.#probed.length >= CANDIDATES_MAX + LEARNT_MAX) return;
    const pair = learntPair(from, this.#place);
    if (pair) this.#probed.push({ pair, sent: 0, nextAt: now, answered: false });
  }
}

/** The attempt whose probes carry this path id. */
export function attemptOf(attempts: readonly ProbeAttempt[], pathId: Uint8Array): ProbeAttempt | undefined {
  return attempts.find(({ direction }) => compareBytes(direction.pathId, pathId) === 0);
}

/** Whether this very direction is being tried: same path id, and the peer is said to be where it was. */
export function isRepeated(attempts: readonly ProbeAttempt[], { pathId, candidates }: RouteDirection): boolean {
  const known = attemptOf(attempts, pathId)?.direction.candidates;
  return known?.length === candidates.length && known.every(({ address }, at) => address === candidates[at]?.address);
}

/** Adds an attempt in the place of an earlier one with its path id, or else of the oldest where there are too many. */
export function takeUp(attempts: ProbeAttempt[], attempt: ProbeAttempt): void {
  const same = attemptOf(attempts, attempt.direction.pathId);
  const former = same ?? (attempts.length >= ATTEMPTS_MAX ? attempts[0] : undefined);
  if (former) {
    attempts.splice(attempts.indexOf(former), 1);
    former.wipe();
  }
  attempts.push(attempt);
}
