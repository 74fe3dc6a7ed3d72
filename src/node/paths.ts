import type { Millis, NodeId } from '../base/brands.ts';
import { formatPath, type PathAddress, type PathParts, parsePath } from '../base/path-address.ts';
import { MESSAGE, type PacketPrimitives } from '../base/primitives.ts';
import { sharedFloat64, sharedInt32 } from '../base/shared-arrays.ts';
import { type AddressPrefix, covers, type OwnPlace, outerFault } from '../nat/outer-address.ts';
import { routeOf } from '../nat/path-route.ts';
import { encodeFrame } from '../nat/relay-frame.ts';

/** How datagrams reach a peer now. */
export interface PeerPath {
  readonly peer: NodeId;
  /** path slot of the primitives, shared by all SAs with this peer */
  readonly slot: number;
  /** proved by a handshake or by PATH-RESPONSE; undefined before */
  current: PathAddress | undefined;
  /** where to try first: from the configuration, or from the last run */
  hints: readonly PathAddress[];
}

const WORDS = 7;
const SLOTS = 65_536;
/** A time before every other. */
const NEVER = -1e12;
const NONE: readonly PathAddress[] = [];
/** A path that was sent by for so long without an answer is silent: by then it was challenged, too (protocol.md 6.7). */
export const SILENT_MS = 1_500;

/** The paths of all peers (protocol.md 6). A path is believed only after proof; hints are merely tried. */
export class PathBook {
  readonly #primitives: PacketPrimitives;
  readonly #peers = new Map<NodeId, PeerPath>();
  /** by slot: family, four address words as they lie in memory, port, channel */
  readonly words = sharedInt32(SLOTS * WORDS);
  readonly #detours = new Map<PathAddress, Pick<PathParts, 'family' | 'address' | 'port'>>();
  /** by slot: when something authentic came last by the path in use */
  readonly heard = sharedFloat64(SLOTS);
  /** by slot: when the first thing left that was not followed by anything heard */
  readonly unanswered = sharedFloat64(SLOTS);
  /** hints that the server gave, and nobody else before it */
  readonly #told = new Map<NodeId, readonly PathAddress[]>();
  #place: OwnPlace = { interfaces: [], overlay: [], outer: [] };

  constructor(primitives: PacketPrimitives) {
    this.#primitives = primitives;
  }

  peer(id: NodeId): PeerPath {
    const known = this.#peers.get(id);
    if (known) return known;
    const made: PeerPath = { peer: id, slot: this.#primitives.pathReserve(), current: undefined, hints: NONE };
    this.#peers.set(id, made);
    this.heard[made.slot] = NEVER;
    this.unanswered[made.slot] = NEVER;
    return made;
  }

  peers(): IterableIterator<PeerPath> {
    return this.#peers.values();
  }

  /** An address to try before anything is proved; a later call goes in front. True when it was not known. */
  hint(id: NodeId, path: PathAddress): boolean {
    const peer = this.peer(id);
    const isNew = !peer.hints.includes(path);
    if (isNew) peer.hints = peer.hints.length === 0 ? [path] : [path, ...peer.hints];
    return isNew;
  }

  /**
   * Where the server says that a peer is, the best first; what it said before and says no more is forgotten, unless it says
   * nothing at all. True when any of it was not known.
   */
  tell(id: NodeId, told: readonly PathAddress[]): boolean {
    if (told.length === 0) return false;
    const peer = this.peer(id);
    const { hints } = peer;
    const before = this.#told.get(id) ?? [];
    const others = hints.filter((hint) => !before.includes(hint) && !told.includes(hint));
    const own = told.filter((path) => before.includes(path) || !hints.includes(path));
    const isNew = told.some((path) => !hints.includes(path));
    peer.hints = told.concat(others);
    this.#told.set(id, own);
    return isNew;
  }

  /** What this node knows of its own place now: it forbids some addresses. */
  setPlace(place: OwnPlace): void {
    this.#place = place;
  }

  /** Is this address in a network that an interface of this node is in? */
  isNear(address: Uint8Array): boolean {
    return this.#place.interfaces.some((own) => own.length > 0 && covers(own, address));
  }

  /** Is it an address of the overlay's own ranges, whoever has it? */
  isOverlay(address: Uint8Array): boolean {
    return this.#place.overlay.some((range) => covers(range, address));
  }

  /** Does a network share addresses with the overlay's own ranges? */
  meetsOverlay(network: AddressPrefix): boolean {
    const { address, length } = network;
    return this.#place.overlay.some((range) =>
      length < range.length ? covers(network, range.address) : covers(range, address),
    );
  }

  /** May outer datagrams go to this address, or be taken from it (protocol.md 6.4)? Where a relay leads is the relay's affair. */
  allows(path: PathAddress): boolean {
    return parsePath(path).channel !== 0 || outerFault(path, this.#place) === undefined;
  }

  /** Where handshake datagrams go: the proved path first, then the hints. */
  candidates(id: NodeId): PathAddress[] {
    const known = this.#peers.get(id);
    if (!known) return [];
    const { current } = known;
    const hints = known.hints.filter((hint) => this.allows(hint));
    return current === undefined ? hints : [current, ...hints.filter((hint) => hint !== current)];
  }

  /** Moves all traffic of this peer: only after a handshake on it, or a PATH-RESPONSE (protocol.md N1). */
  believe(id: NodeId, path: PathAddress): PeerPath {
    const peer = this.peer(id);
    if (peer.current === path) return peer;
    this.#aim(peer.slot, path);
    peer.current = path;
    this.#store(peer.slot, parsePath(path));
    return peer;
  }

  /** Where datagrams by this path are handed over to the system: at the peer, the relay, or what stands in for the relay. */
  outer(path: PathAddress): PathParts {
    const parts = parsePath(path);
    const stand = parts.channel === 0 ? undefined : this.#detours.get(routeOf(path).address);
    return stand ? { ...parts, ...stand } : parts;
  }

  /** Where the datagrams of a slot are handed over to the system, for an implementation that has to ask. */
  destination(slot: number): PathAddress | undefined {
    for (const peer of this.#peers.values()) {
      if (peer.slot !== slot || peer.current === undefined) continue;
      const { family, address, port } = this.outer(peer.current);
      return formatPath(family, address, port);
    }
    return undefined;
  }

  /** What goes to this relay goes to another address, which sees to it that it arrives; undefined ends that. */
  detour(relay: PathAddress, stand: PathAddress | undefined): void {
    if (stand === undefined) this.#detours.delete(relay);
    else {
      const { family, address, port } = parsePath(stand);
      this.#detours.set(relay, { family, address, port });
    }
    for (const { slot, current } of this.#peers.values())
      if (current !== undefined && routeOf(current).address === relay) this.#aim(slot, current);
  }

  /** Forgets what was proved, so that the next handshake starts from the hints again. */
  forget(id: NodeId): void {
    const known = this.#peers.get(id);
    if (known) known.current = undefined;
  }

  /** True when the message in row `at` of a MESSAGE table came from where this slot sends to: it was heard there now. */
  hears(slot: number, messages: Int32Array, at: number, now: Millis): boolean {
    if (!cameBy(this.words, slot, messages, at)) return false;
    this.heard[slot] = now;
    return true;
  }

  /** When something authentic came last by the path in use. */
  heardAt(slot: number): number {
    return this.heard[slot];
  }

  /** Data leaves by this slot now; true when what left before stayed without an answer for too long. */
  sends(slot: number, now: Millis): boolean {
    const since = this.unanswered[slot];
    if (this.heard[slot] < since) return now - since >= SILENT_MS;
    this.unanswered[slot] = now;
    return false;
  }

  /** This node stood still: every path counts as silent until something is heard on it. */
  doubt(now: Millis): void {
    for (const { slot } of this.#peers.values())
      if (this.heard[slot] < now) this.unanswered[slot] = Math.max(now - SILENT_MS, this.heard[slot] + 1);
  }

  #aim(slot: number, path: PathAddress): void {
    const { address, port, channel } = this.outer(path);
    this.#primitives.pathSet(slot, address, port, channel === 0 ? null : encodeFrame(channel));
  }

  #store(slot: number, { family, address, port, channel }: PathParts): void {
    const memory = new Int32Array(4);
    new Uint8Array(memory.buffer).set(address);
    const base = slot * WORDS;
    this.words[base] = family;
    this.words.set(memory, base + 1);
    this.words[base + 5] = port;
    this.words[base + 6] = channel;
    this.heard[slot] = NEVER;
  }
}

/** Whether the message in row `at` came from where a slot sends to, by the `words` of a PathBook. */
export function cameBy(words: Int32Array, slot: number, messages: Int32Array, at: number): boolean {
  const base = slot * WORDS;
  if (words[base] !== messages[at + MESSAGE.family] || words[base + 5] !== messages[at + MESSAGE.port]) return false;
  if (words[base + 6] !== messages[at + MESSAGE.channel]) return false;
  for (let word = 0; word < 4; word++)
    if (words[base + 1 + word] !== messages[at + MESSAGE.address + word]) return false;
  return true;
}
