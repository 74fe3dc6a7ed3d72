import { type Millis, millis, type NodeId } from '../base/brands.ts';
import { type PathAddress, parsePath } from '../base/path-address.ts';
import { sharedFloat64, sharedInt32 } from '../base/shared-arrays.ts';
import { OVERHEAD } from '../nat/constants.ts';
import { type MtuProbe, MtuSearch, type PathShape, type TooBig } from '../nat/mtu-search.ts';
import { type LargePacket, LargeSenders } from './large-senders.ts';
import type { PathBook, PeerPath } from './paths.ts';

const SLOTS = 65_536;
/** How often the paths are looked through, in milliseconds. */
const LOOK_MS = 50;
/** Paths of one peer whose measurements are kept, for when traffic comes back to them. */
const KEPT = 4;

/** Inner packets up to this pass by every path that the search can end with; only larger ones are looked at (protocol.md 6.5). */
export const FITS_ALWAYS = 1_100;

/** Sends both challenges of a probe inside the SA of this peer, by this path. False when there is none to send in. */
export type SendProbe = (peer: NodeId, path: PathAddress, probe: MtuProbe, shape: PathShape) => boolean;

/** Tells whoever sent this packet that the path carries less. */
export type TellSender = (packet: LargePacket, mtu: number) => void;

/** What is known of the MTU of a peer's path, for `status`. */
export interface PathMtu {
  readonly inner: number;
  readonly measured: boolean;
  readonly tooSmall: boolean;
}

interface Watched {
  readonly peer: NodeId;
  readonly slot: number;
  path: PathAddress;
  shape: PathShape;
  search: MtuSearch;
  readonly senders: LargeSenders;
  /** the MTU that its senders know of */
  told: number;
  /** of other paths of this peer, the last used one last */
  readonly others: Map<PathAddress, MtuSearch>;
}

/**
 * The inner MTU of every path slot (protocol.md 6.5). The packet path reads `mtu` and writes `wantedAt`; a path is searched
 * only once something large, or the beginning of a TCP connection, was sent by it. A peer that moves begins anew there, or goes
 * on with what was measured on that path before.
 */
export class PathMtus {
  /** by path slot: largest inner packet that is sent */
  readonly mtu = sharedInt32(SLOTS);
  /** by path slot: when a packet was sent that the search is of use to */
  readonly wantedAt = sharedFloat64(SLOTS).fill(Number.NEGATIVE_INFINITY);
  #interfaceMtu: number;
  readonly #random: (length: number) => Uint8Array;
  readonly #watched = new Map<number, Watched>();
  #probing = 0;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(random: (length: number) => Uint8Array, interfaceMtu: number) {
    this.#random = random;
    this.#interfaceMtu = interfaceMtu;
    this.mtu.fill(interfaceMtu);
  }

  /** True while a probe waits for its answer. */
  get isProbing(): boolean {
    return this.#probing > 0;
  }

  tick(paths: PathBook, send: SendProbe, tell: TellSender, now: Millis): void {
    if (now - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = now;
    this.#probing = 0;
    for (const peer of paths.peers()) {
      const watched = this.#follow(peer, now);
      if (!watched) continue;
      const { search, path, shape } = watched;
      search.handleLargeSent(millis(this.wantedAt[peer.slot]));
      const probe = search.tick(now);
      if (probe) send(watched.peer, path, probe, shape);
      this.#apply(watched);
      const mtu = this.mtu[peer.slot];
      if (mtu < watched.told) for (const packet of watched.senders.take(mtu, now)) tell(packet, mtu);
      watched.told = mtu;
      if (search.isProbing) this.#probing++;
    }
  }

  /** Who is to be told when this path shrinks; undefined before it is looked at for the first time. */
  senders(slot: number): LargeSenders | undefined {
    return this.#watched.get(slot)?.senders;
  }

  /** PATH-RESPONSE from this peer: true when it answered a challenge of its path's search. */
  handleResponse(slot: number, token: Uint8Array, now: Millis): boolean {
    const watched = this.#watched.get(slot);
    if (!watched?.search.handleResponse(token, now)) return false;
    this.#apply(watched);
    return true;
  }

  /** True when it made a probe leave with the next tick (protocol.md N6). */
  handleTooBig(slot: number, tooBig: TooBig, now: Millis): boolean {
    return this.#watched.get(slot)?.search.handleTooBig(tooBig, now) ?? false;
  }

  /** The machine is in another network: what was measured holds no more. */
  restart(now: Millis): void {
    for (const watched of this.#watched.values()) {
      watched.others.clear();
      watched.search.restart(now);
      this.#apply(watched);
    }
  }

  /** The interface takes packets of another size now: every path is searched anew, up to that. */
  setInterface(mtu: number): void {
    this.#interfaceMtu = mtu;
    this.#watched.clear();
    this.#probing = 0;
    this.wantedAt.fill(Number.NEGATIVE_INFINITY);
    this.mtu.fill(mtu);
  }

  of(slot: number): PathMtu {
    const watched = this.#watched.get(slot);
    if (!watched) return { inner: this.mtu[slot], measured: false, tooSmall: false };
    const { state } = watched.search;
    const { tooSmall } = watched.search.usable(watched.shape);
    return { inner: this.mtu[slot], measured: state === 'searching' || state === 'complete', tooSmall };
  }

  #apply({ slot, search, shape }: Watched): void {
    this.mtu[slot] = Math.min(this.#interfaceMtu, search.usable(shape).mtu);
  }

  /** The search of the path that traffic of this peer takes now. */
  #follow({ peer, slot, current }: PeerPath, now: Millis): Watched | undefined {
    const watched = this.#watched.get(slot);
    if (current === undefined) return undefined;
    if (watched?.path === current) return watched;
    if (!watched) {
      if (this.wantedAt[slot] === Number.NEGATIVE_INFINITY) return undefined;
      const shape = shapeOf(current);
      const senders = new LargeSenders();
      const made = {
        peer,
        slot,
        path: current,
        shape,
        search: this.#search(shape, now),
        senders,
        told: this.#interfaceMtu,
        others: new Map(),
      };
      this.#watched.set(slot, made);
      return made;
    }
    const { others } = watched;
    watched.search.pause();
    others.set(watched.path, watched.search);
    for (const oldest of others.keys()) if (others.size > KEPT) others.delete(oldest);
    watched.path = current;
    watched.shape = shapeOf(current);
    watched.search = others.get(current) ?? this.#search(watched.shape, now);
    others.delete(current);
    return watched;
  }

  #search({ family, frames }: PathShape, now: Millis): MtuSearch {
    return new MtuSearch(this.#random, this.#interfaceMtu + OVERHEAD[family] + frames * OVERHEAD.frame, now);
  }
}

function shapeOf(path: PathAddress): PathShape {
  const { family, channel } = parsePath(path);
  return { family, frames: channel === 0 ? 0 : 1 };
}
