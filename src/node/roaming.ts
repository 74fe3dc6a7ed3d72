import { type Millis, millis, type NodeId } from '../base/brands.ts';
import { equalConstantTime } from '../base/bytes.ts';
import type { PathAddress } from '../base/path-address.ts';

/** What the node must send or change: challenges go inside the SA, to the path named. */
export type RoamingEffect =
  | { readonly kind: 'challenge'; readonly peer: NodeId; readonly path: PathAddress; readonly nonce: Uint8Array }
  | { readonly kind: 'move'; readonly peer: NodeId; readonly path: PathAddress };

interface Trial {
  readonly candidate: PathAddress;
  readonly old: PathAddress;
  readonly candidateNonce: Uint8Array;
  readonly oldNonce: Uint8Array;
  readonly startedAt: Millis;
  candidateAnsweredAt: Millis | undefined;
}

/** A new candidate of a peer is tried at most this often. */
const TRIAL_LIFE = 2_000;
/** Stands for 3 RTT until a round trip was measured (protocol.md 6.2). */
const OLD_PATH_GRACE = 100;

/**
 * Roaming inside the SA (protocol.md 6.2): an authentic, newest datagram from an unknown source makes a candidate; both
 * paths are challenged; traffic moves only when the candidate answers and the old path stays silent for 3 RTT.
 *
 *   idle ──candidate──► trial ──old path answers──► idle (stays)
 *                         └──candidate answers, then 3 RTT of silence on the old path──► idle (moved)
 */
export class Roaming {
  readonly #trials = new Map<NodeId, Trial>();
  readonly #random: (length: number) => Uint8Array;

  constructor(random: (length: number) => Uint8Array) {
    this.#random = random;
  }

  handleNewSource(peer: NodeId, candidate: PathAddress, old: PathAddress, now: Millis): RoamingEffect[] {
    const running = this.#trials.get(peer);
    if (running && now - running.startedAt < TRIAL_LIFE) return [];
    const trial: Trial = {
      candidate,
      old,
      candidateNonce: this.#random(8),
      oldNonce: this.#random(8),
      startedAt: now,
      candidateAnsweredAt: undefined,
    };
    this.#trials.set(peer, trial);
    return [
      { kind: 'challenge', peer, path: candidate, nonce: trial.candidateNonce },
      { kind: 'challenge', peer, path: old, nonce: trial.oldNonce },
    ];
  }

  /** A PATH-RESPONSE came inside an SA of this peer. */
  handleResponse(peer: NodeId, nonce: Uint8Array, now: Millis): RoamingEffect[] {
    const trial = this.#trials.get(peer);
    if (!trial) return [];
    if (equalConstantTime(nonce, trial.oldNonce)) this.#trials.delete(peer);
    else if (equalConstantTime(nonce, trial.candidateNonce)) trial.candidateAnsweredAt ??= now;
    return [];
  }

  nextDeadline(): Millis | undefined {
    let next: Millis | undefined;
    for (const { candidateAnsweredAt } of this.#trials.values()) {
      if (candidateAnsweredAt === undefined) continue;
      const due = millis(candidateAnsweredAt + OLD_PATH_GRACE);
      if (next === undefined || due < next) next = due;
    }
    return next;
  }

  tick(now: Millis): RoamingEffect[] {
    const effects: RoamingEffect[] = [];
    for (const [peer, trial] of this.#trials) {
      const answered = trial.candidateAnsweredAt;
      if (answered !== undefined && now - answered >= OLD_PATH_GRACE) {
        this.#trials.delete(peer);
        effects.push({ kind: 'move', peer, path: trial.candidate });
      } else if (now - trial.startedAt >= TRIAL_LIFE) this.#trials.delete(peer);
    }
    return effects;
  }
}
