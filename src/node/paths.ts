import type { NodeId } from '../base/brands.ts';
import { type PathAddress, parsePath } from '../base/path-address.ts';
import { MESSAGE, type PacketPrimitives } from '../base/primitives.ts';

/** How datagrams reach a peer now. */
export interface PeerPath {
  readonly peer: NodeId;
  /** path slot of the primitives, shared by all SAs with this peer */
  readonly slot: number;
  /** proved by a handshake or by PATH-RESPONSE; undefined before */
  current: PathAddress | undefined;
  /** where to try first: from the configuration, or from the last run */
  readonly hints: PathAddress[];
}

const WORDS = 6;

/** The paths of all peers (protocol.md 6). A path is believed only after proof; hints are merely tried. */
export class PathBook {
  readonly #primitives: PacketPrimitives;
  readonly #peers = new Map<NodeId, PeerPath>();
  /** by slot: family, four address words as they lie in memory, port */
  #words = new Int32Array(64 * WORDS);

  constructor(primitives: PacketPrimitives) {
    this.#primitives = primitives;
  }

  peer(id: NodeId): PeerPath {
    const known = this.#peers.get(id);
    if (known) return known;
    const made: PeerPath = { peer: id, slot: this.#primitives.pathReserve(), current: undefined, hints: [] };
    this.#peers.set(id, made);
    return made;
  }

  peers(): IterableIterator<PeerPath> {
    return this.#peers.values();
  }

  /** An address to try before anything is proved; a later call goes in front. True when it was not known. */
  hint(id: NodeId, path: PathAddress): boolean {
    const { hints } = this.peer(id);
    const isNew = !hints.includes(path);
    if (isNew) hints.unshift(path);
    return isNew;
  }

  /** Where handshake datagrams go: the proved path first, then the hints. */
  candidates(id: NodeId): PathAddress[] {
    const known = this.#peers.get(id);
    if (!known) return [];
    const { current, hints } = known;
    return current === undefined ? [...hints] : [current, ...hints.filter((hint) => hint !== current)];
  }

  /** Moves all traffic of this peer: only after a handshake on it, or a PATH-RESPONSE (protocol.md N1). */
  believe(id: NodeId, path: PathAddress): PeerPath {
    const peer = this.peer(id);
    if (peer.current === path) return peer;
    const { family, address, port } = parsePath(path);
    this.#primitives.pathSet(peer.slot, address, port, null);
    peer.current = path;
    this.#store(peer.slot, family, address, port);
    return peer;
  }

  /** Forgets what was proved, so that the next handshake starts from the hints again. */
  forget(id: NodeId): void {
    const known = this.#peers.get(id);
    if (known) known.current = undefined;
  }

  /** True when the message in row `at` of a MESSAGE table came from where this slot sends to. */
  matches(slot: number, messages: Int32Array, at: number): boolean {
    const words = this.#words;
    const base = slot * WORDS;
    if (words[base] !== messages[at + MESSAGE.family] || words[base + 5] !== messages[at + MESSAGE.port]) return false;
    for (let word = 0; word < 4; word++)
      if (words[base + 1 + word] !== messages[at + MESSAGE.address + word]) return false;
    return true;
  }

  #store(slot: number, family: number, address: Uint8Array, port: number): void {
    if ((slot + 1) * WORDS > this.#words.length) {
      const grown = new Int32Array(Math.max(this.#words.length * 2, (slot + 1) * WORDS));
      grown.set(this.#words);
      this.#words = grown;
    }
    const memory = new Int32Array(4);
    new Uint8Array(memory.buffer).set(address);
    const base = slot * WORDS;
    this.#words[base] = family;
    this.#words.set(memory, base + 1);
    this.#words[base + 5] = port;
  }
}
