import { type Millis, millis, type NodeId } from '../base/brands.ts';
import type { PathAddress } from '../base/path-address.ts';
import type { Elements } from './element/elements.ts';
import type { Negotiating } from './negotiating.ts';
import type { NodeState } from './node-state.ts';
import { knownPath } from './path-cache.ts';
import type { SaKeeper } from './sa-keeper.ts';

/** The parts of the engine that a move concerns; they are made after this one. */
interface MoveParts {
  readonly keeper: Pick<SaKeeper, 'tryPath'>;
  readonly negotiating: Pick<Negotiating, 'startByPath' | 'handlePath' | 'sendsElsewhere'>;
  readonly elements: Pick<Elements, 'reach' | 'endpointOf' | 'ways'>;
}

interface Move {
  readonly path: PathAddress;
  /** for the log: a code of PATH_REASONS, or that only the way there is another */
  readonly reason: string;
}

interface Waiting extends Move {
  tries: number;
  nextAt: Millis;
}

/** A handshake by a path is begun again after this, doubled each time up to the most, in milliseconds. */
const AGAIN = 1_000;
const AGAIN_MOST = 32_000;
/** A path that was heard within this time (ms) works. */
const HEARD = 2_500;

/**
 * Carries out what the choice of paths wants. An element in between passes only what it has an entry for, and it has that from a
 * handshake that went past it: traffic goes another way through one with the SA that was made there, and not before (protocol.md 8.4).
 */
export class PathMoves {
  readonly #node: NodeState;
  readonly #parts: () => MoveParts;
  /** by peer: the path of the newest handshake */
  readonly #madeOn = new Map<NodeId, PathAddress>();
  /** peers that a handshake by no relay went past elements to: one by a relay, which passes none, says nothing of that */
  readonly #behind = new Set<NodeId>();
  /** by peer: what was chosen last; the way there may be asked for yet */
  readonly #chosen = new Map<NodeId, PathAddress>();
  /** by peer: where traffic goes as soon as a handshake has proved it */
  readonly #waiting = new Map<NodeId, Waiting>();
  readonly #askedAt = new Map<string, Millis>();

  constructor(node: NodeState, parts: () => MoveParts) {
    this.#node = node;
    this.#parts = parts;
  }

  /** PATH-CHALLENGE by this path. */
  challenge(peer: NodeId, path: PathAddress, token: Uint8Array, now: Millis): void {
    const { keeper, elements } = this.#parts();
    elements.reach(
      path,
      (way) => {
        if (!this.#needsHandshake(peer, way)) keeper.tryPath(peer, way, token, now);
        else if (!this.#isFine(peer, now)) this.#shakeHands(peer, way, now);
      },
      now,
    );
  }

  /** Where traffic of a peer goes from now on, or as soon as an SA is made there; a handshake that is open goes there, too. */
  use(peer: NodeId, path: PathAddress, reason: string, now: Millis): void {
    this.#waiting.delete(peer);
    this.#chosen.set(peer, path);
    this.#parts().elements.reach(
      path,
      (way) => {
        if (this.#chosen.get(peer) === path) this.#useWay(peer, { path: way, reason }, now);
      },
      now,
    );
  }

  #useWay(peer: NodeId, move: Move, now: Millis): void {
    const { path } = move;
    if (this.#node.paths.peer(peer).current === path) return;
    if (!this.#needsHandshake(peer, path)) return this.#move(peer, move, now);
    this.#wait(peer, move, now);
    this.tick(now);
  }

  /** A probe to an address of a peer. */
  send(bytes: Uint8Array, to: PathAddress, now: Millis): void {
    this.#parts().elements.reach(to, (way) => this.#node.effects.push({ kind: 'send', bytes, to: way }), now);
  }

  /** The SA that sends to this peer from now on was made by this path. */
  made(peer: NodeId, path: PathAddress, now: Millis): void {
    this.#madeOn.set(peer, path);
    if (this.isThrough(peer, path)) this.#behind.add(peer);
    else if (knownPath(path).channel === 0) this.#behind.delete(peer);
    this.#follow(peer, path, now);
    this.#bringOthers(peer, now);
  }

  #follow(peer: NodeId, path: PathAddress, now: Millis): void {
    const waiting = this.#waiting.get(peer);
    const { current } = this.#node.paths.peer(peer);
    const { elements } = this.#parts();
    if (waiting?.path === path) {
      this.#waiting.delete(peer);
      this.#move(peer, waiting, now);
    } else if (current !== undefined && elements.endpointOf(current) === elements.endpointOf(path))
      this.#move(peer, { path, reason: 'way' }, now);
    else if (current !== undefined && this.#needsHandshake(peer, current)) {
      // it answered probes, but the handshake was faster elsewhere
      this.#move(peer, { path, reason: 'way' }, now);
      this.#wait(peer, { path: current, reason: 'way' }, now); // this handshake has not quite ended
    }
  }

  /** SAs under other groups or chains send by the same path from now on: they are followed by such that were made there. */
  #bringOthers(peer: NodeId, now: Millis): void {
    const { current } = this.#node.paths.peer(peer);
    if (current === undefined || this.#waiting.has(peer) || !this.isThrough(peer, current)) return;
    if (this.#parts().negotiating.sendsElsewhere(peer, current))
      this.#wait(peer, { path: current, reason: 'way' }, now); // this handshake has not quite ended
  }

  /** The last SA with this peer is gone. */
  ended(peer: NodeId): void {
    this.#madeOn.delete(peer);
    this.#behind.delete(peer);
    this.#waiting.delete(peer);
  }

  tick(now: Millis): void {
    for (const [peer, waiting] of this.#waiting) {
      if (now < waiting.nextAt) continue;
      if (!this.#isWanted(peer, waiting.path)) {
        this.#waiting.delete(peer);
        continue;
      }
      waiting.nextAt = millis(now + Math.min(AGAIN * 2 ** waiting.tries++, AGAIN_MOST));
      this.#parts().negotiating.startByPath(peer, waiting.path, now);
    }
  }

  /** No coordinator knows a way, so what is configured or was told by the server is tried. */
  tryHints(peer: NodeId, now: Millis): void {
    const { negotiating, elements } = this.#parts();
    for (const path of elements.ways(peer, this.#node.paths.candidates(peer), now) ?? [])
      negotiating.handlePath(peer, path, now);
  }

  #move(peer: NodeId, { path, reason }: Move, now: Millis): void {
    const { paths, counters } = this.#node;
    const { current } = paths.peer(peer);
    if (current === path) return;
    paths.believe(peer, path);
    if (current !== undefined) counters.add('paths-moved');
    this.#node.log('info', 'path-moved', { peer: this.#node.peerName(peer), path, reason });
    this.#parts().negotiating.handlePath(peer, path, now);
  }

  #wait(peer: NodeId, move: Move, now: Millis): void {
    this.#waiting.set(peer, { ...move, tries: 0, nextAt: now });
  }

  /** An SA that other ones of this peer are to follow may have ended. */
  #isWanted(peer: NodeId, path: PathAddress): boolean {
    return this.#node.paths.peer(peer).current !== path || this.#parts().negotiating.sendsElsewhere(peer, path);
  }

  /** Whether elements are on this path, as the newest handshake found it. */
  isThrough(peer: NodeId, path: PathAddress): boolean {
    const isThroughOwn = this.#parts().elements.endpointOf(path) !== path;
    // to a relay it goes as any other datagram, also through a GEN
    const isRelayed = knownPath(path).channel !== 0;
    return isThroughOwn || (!isRelayed && this.#node.elements.towards(peer).length > 0);
  }

  #needsHandshake(peer: NodeId, path: PathAddress): boolean {
    const made = this.#madeOn.get(peer);
    if (made === undefined || made === path) return false;
    return this.isThrough(peer, path) || (knownPath(path).channel === 0 && this.#behind.has(peer));
  }

  /** The path in use has an SA of its own, and is heard: no other one is worth a handshake now. */
  #isFine(peer: NodeId, now: Millis): boolean {
    const { current, slot } = this.#node.paths.peer(peer);
    if (current === undefined || this.#madeOn.get(peer) !== current) return false;
    const isRelayed = knownPath(this.#parts().elements.endpointOf(current)).channel !== 0;
    return !isRelayed && now - this.#node.paths.heardAt(slot) < HEARD;
  }

  #shakeHands(peer: NodeId, path: PathAddress, now: Millis): void {
    for (const [name, at] of this.#askedAt) if (now - at >= AGAIN) this.#askedAt.delete(name);
    const name = `${peer} ${path}`;
    if (this.#askedAt.has(name)) return;
    this.#askedAt.set(name, now);
    this.#parts().negotiating.startByPath(peer, path, now);
  }
}
