import { type Millis, millis, type NodeId } from '../../base/brands.ts';
import { DATAGRAM, NODE_TYPE } from '../../base/datagram-kinds.ts';
import type { PathAddress } from '../../base/path-address.ts';
import { MESSAGE } from '../../base/primitives.ts';
import { decodeNoEntryHop } from '../../dprp/no-entry-hop.ts';
import { decodeElementHead } from '../../nat/element-session.ts';
import { isRelayable } from '../../nat/relay-frame.ts';
import type { Sa } from '../../pccom/sa.ts';
import { knownPath, sourceOf } from '../path-cache.ts';
import type { FrameGate } from '../reach/frame-gate.ts';
import { Certificates } from './certificates.ts';
import { type Below, ElementDesk } from './element-desk.ts';
import { ElementLink } from './element-link.ts';
import type { ElementMeans } from './element-means.ts';
import { ElementRelay } from './element-relay.ts';
import { MessageFilter } from './message-filter.ts';
import { isProbe } from './probe-kind.ts';
import { ELEMENT } from './tuning.ts';

const FRAME = 8;
const DATA_HEADER = 16;

export interface ElementsCalls {
  readonly gate: FrameGate;
  /** where others reach this node now */
  place(): readonly PathAddress[];
  /** the GEN above tells where others reach it, and so this node; undefined without one */
  placed(above: Elements['above'], now: Millis): void;
  /** a peer can be reached by this way now */
  pathFound(peer: NodeId, path: PathAddress, now: Millis): void;
  rekey(sa: Sa, now: Millis): void;
  /** an RGI whose elements are known only now */
  again(bytes: Uint8Array, from: PathAddress, now: Millis): void;
}

interface UnsignedRgi {
  readonly bytes: Uint8Array;
  readonly from: PathAddress;
  readonly until: Millis;
}

/**
 * Elements in between (protocol.md 8.4): this node below a GEN, this node as a GEN with elements below, or both; joins
 * what the parts decide.
 *
 *   ElementLink  ── to the GEN above ──►  channels for outer addresses
 *   ElementDesk  ◄── elements below ───   their channels
 *   ElementRelay ── what passes between ──► OnPathElement, relay entries
 *   Certificates ── CA parts that more than one hop names by reference
 */
export class Elements {
  readonly relay: ElementRelay;
  readonly certificates: Certificates;
  readonly #means: ElementMeans;
  readonly #calls: ElementsCalls;
  readonly #desk: ElementDesk;
  readonly #link: ElementLink;
  readonly #filter = new MessageFilter();
  /** who below waits for a certificate */
  readonly #waiting = new Map<NodeId, Set<Below>>();
  readonly #rekeyedAt = new Map<number, Millis>();
  #unsigned: UnsignedRgi[] = [];

  constructor(means: ElementMeans, calls: ElementsCalls) {
    this.#means = means;
    this.#calls = calls;
    this.#link = new ElementLink(means, {
      open: (gen, channel) => calls.gate.open(gen, channel, true),
      close: (gen, channel) => calls.gate.close(gen, channel),
      changed: (_, now) => this.#linkChanged(now),
      placed: (now) => calls.placed(this.above, now),
      certificate: (bytes, now) => this.certificates.learn(bytes, now),
    });
    this.#desk = new ElementDesk(means, {
      reach: (endpoint, ready, now) => this.#link.reach(endpoint, ready, now),
      endpointOf: (target) => this.#link.endpointOf(target),
      place: () => calls.place(),
      joined: (caPart, now) => {
        this.certificates.learn(caPart, now);
        this.#link.report(caPart);
      },
      wanted: (node, endpoint, below, now) => this.#wanted(node, endpoint, below, now),
    });
    this.certificates = new Certificates(means, {
      askAbove: (node, target) => this.#link.want(node, target),
      came: (node, bytes, now) => this.#certificateCame(node, bytes, now),
    });
    this.relay = new ElementRelay(means, this.#desk, this.certificates, (bytes, from, now) =>
      calls.again(bytes, from, now),
    );
  }

  /** The default gateways' UDP addresses: one of them may be a GEN of this network. */
  seek(gateways: readonly PathAddress[], now: Millis, isMoved = false): void {
    this.#link.seek(gateways, isMoved, now);
  }

  /** The GEN that this node is below, once it has proved itself. */
  get above():
    | { readonly node: NodeId; readonly gen: PathAddress; readonly place: readonly PathAddress[] }
    | undefined {
    const above = this.#link.above;
    return above && { node: above.caPart.nodeId, gen: above.gen, place: above.place };
  }

  below(): readonly { readonly node: NodeId; readonly path: PathAddress }[] {
    return [...this.#desk.elements()].map(({ caPart, path }) => ({ node: caPart.nodeId, path }));
  }

  /** The same ways, as they lead through the GEN above; those for which it is asked first follow by `pathFound`. */
  ways(peer: NodeId, paths: readonly PathAddress[] | undefined, now: Millis): readonly PathAddress[] | undefined {
    const neighbour = this.#neighbour(peer);
    if (neighbour !== undefined) return [neighbour];
    if (paths === undefined) return undefined;
    const found: PathAddress[] = [];
    let isOver = false;
    for (const path of paths)
      this.reach(
        this.endpointOf(path),
        (target) => {
          if (isOver) this.#calls.pathFound(peer, target, now);
          else if (!found.includes(target)) found.push(target);
        },
        now,
      );
    isOver = true;
    return found;
  }

  /** Where the GEN above, or an element directly below, has proved itself from: nothing is in between. */
  #neighbour(peer: NodeId): PathAddress | undefined {
    const { above } = this;
    if (above?.node === peer) return above.gen;
    return this.below().find(({ node }) => node === peer)?.path;
  }

  /** Tells how datagrams get to an outer address: straight, or in a channel of the GEN above, for which it may be asked first. */
  reach(endpoint: PathAddress, ready: (target: PathAddress) => void, now: Millis): void {
    // by a relay it is as without a GEN
    if (knownPath(endpoint).channel !== 0) return ready(endpoint);
    this.#link.reach(
      endpoint,
      (target) => {
        if (target !== undefined) ready(target);
      },
      now,
    );
  }

  /** The outer address that a way through a GEN leads to; every other way as it is. */
  endpointOf(path: PathAddress): PathAddress {
    return this.#link.endpointOf(path);
  }

  /** A datagram for this node was looked at: certificates that it named and that are not there are asked for. */
  handled(bytes: Uint8Array, from: PathAddress, now: Millis): void {
    if (!this.certificates.askMissed(from, now) || bytes[0] !== DATAGRAM.rgi) return;
    if (this.#unsigned.length >= ELEMENT.sessions) return this.#means.node.counters.add('element-full');
    this.#unsigned.push({ bytes: bytes.slice(), from, until: millis(now + ELEMENT.certificateMs) });
  }

  /**
   * Received messages before they are opened: takes off frames, passes on what is for elements below, and takes out what is
   * not for this node. Returns the new number of rows.
   */
  sort(arena: Uint8Array, messages: Int32Array, count: number, now: Millis): number {
    this.relay.beginBatch();
    const left = this.#frames(arena, messages, count, now);
    const passed = this.#calls.gate.pass(arena, messages, left);
    const own = this.#data(arena, messages, this.#straight(arena, messages, passed), now);
    this.relay.endBatch();
    return own;
  }

  /** Frames of elements below. */
  #frames(arena: Uint8Array, messages: Int32Array, count: number, now: Millis): number {
    if (this.#desk.size === 0) return count;
    return this.#filter.pass(arena, messages, count, (bytes, rows, at) => {
      if (bytes[0] !== DATAGRAM.frame) return false;
      const below = this.#desk.at(sourceOf(rows, at));
      if (below === undefined) return false;
      const channel = bytes.length > FRAME ? new DataView(bytes.buffer, bytes.byteOffset).getUint32(4) : 0;
      this.relay.up(below, channel, bytes.subarray(FRAME), now);
      return true;
    });
  }

  /** Below a GEN nothing comes past it: what a router carried there as well is none of this node's (protocol.md 8.4). */
  #straight(arena: Uint8Array, messages: Int32Array, count: number): number {
    if (!this.#link.above) return count;
    let out = 0;
    for (let at = 0; at < count * MESSAGE.stride; at += MESSAGE.stride) {
      const kind = arena[messages[at + MESSAGE.offset]];
      const isOurs = isRelayable(kind) || isProbe(kind);
      if (isOurs && messages[at + MESSAGE.channel] === 0 && !this.#link.isBeside(sourceOf(messages, at)))
        this.#means.node.counters.add('element-past-gen');
      else messages.copyWithin(MESSAGE.stride * out++, at, at + MESSAGE.stride);
    }
    return out;
  }

  /** Ciphertext that passes to elements below. */
  #data(arena: Uint8Array, messages: Int32Array, count: number, now: Millis): number {
    if (this.relay.relays.size === 0) return count;
    return this.#filter.pass(arena, messages, count, (bytes, rows, at) => {
      const isData = bytes[0] === DATAGRAM.data && bytes.length >= DATA_HEADER;
      return isData && this.relay.dataDown(bytes, sourceOf(rows, at), now);
    });
  }

  /** DPRP for an element below, and the messages of this folder; false for what is for somebody else. */
  handleDatagram(bytes: Uint8Array, from: PathAddress, now: Millis): boolean {
    if (bytes[0] >= DATAGRAM.dde && bytes[0] <= DATAGRAM.nogroup) return this.relay.down(bytes, from, now);
    if (isProbe(bytes[0])) return this.relay.probeDown(bytes, from, now);
    if (knownPath(from).channel !== 0) return false;
    if (bytes[0] === DATAGRAM.noEntryHop) {
      this.#noEntryHop(bytes, from, now);
      return true;
    }
    if (bytes[0] !== DATAGRAM.elementQuery) return false;
    if (!this.certificates.handleDatagram(bytes, from, now)) this.#element(bytes, from, now);
    return true;
  }

  tick(now: Millis): void {
    this.#link.tick(now);
    this.#desk.tick(now);
    this.relay.tick(now);
    const isInTime = ({ until }: UnsignedRgi) => now < until;
    for (const rgi of this.#unsigned) if (!isInTime(rgi)) this.#means.node.counters.add('element-certificate-late');
    this.#unsigned = this.#unsigned.filter(isInTime);
  }

  #element(bytes: Uint8Array, from: PathAddress, now: Millis): void {
    const head = decodeElementHead(bytes);
    const { counters, keys } = this.#means.node;
    if (typeof head === 'string') return counters.add(`element-${head}`);
    const isGen = keys.identity().caPart.type === NODE_TYPE.gen;
    if (head.type === 'answer') this.#link.handleAnswer(head, bytes, from, now);
    else if (head.type === 'sealed') {
      const isTaken =
        this.#link.handleSealed(head, bytes, from, now) || this.#desk.handleSealed(head, bytes, from, now);
      if (!isTaken) counters.add('element-unknown');
    } else if (!isGen) counters.add('element-not-gen');
    else if (head.type === 'query') this.#desk.handleQuery(head, bytes, from, now);
    else this.#desk.handleHello(head, bytes, from, now);
  }

  /** C4: an unauthenticated hint, from the GEN above alone, may only make this node rekey, and seldom. */
  #noEntryHop(bytes: Uint8Array, from: PathAddress, now: Millis): void {
    const { counters, sas } = this.#means.node;
    const hint = decodeNoEntryHop(bytes);
    if (typeof hint === 'string' || from !== this.#link.above?.gen) return counters.add('element-no-entry-hop-ignored');
    const sa = [...sas.sas()].find(({ remote }) => remote >>> 3 === hint.unknown >>> 3);
    if (sa === undefined) return counters.add('element-no-entry-hop-ignored');
    for (const [index, at] of this.#rekeyedAt) if (now - at >= ELEMENT.rekeyMs) this.#rekeyedAt.delete(index);
    if (this.#rekeyedAt.has(sa.local)) return;
    this.#rekeyedAt.set(sa.local, now);
    this.#calls.rekey(sa, now);
  }

  /** What was reached without the GEN, or through another one, is negotiated anew on the new way (protocol.md 8.5). */
  #linkChanged(now: Millis): void {
    const { sas } = this.#means.node;
    this.#calls.placed(this.above, now);
    if (this.#link.above) for (const bytes of this.#belowParts()) this.#link.report(bytes);
    for (const sa of [...sas.sas()]) if (sas.isSender(sa)) this.#calls.rekey(sa, now);
  }

  #belowParts(): Uint8Array[] {
    const nodes = [...this.#desk.elements()].flatMap(({ caPart, further }) => [caPart.nodeId, ...further.keys()]);
    return nodes.flatMap((node) => this.certificates.at(node) ?? []);
  }

  #wanted(node: NodeId, endpoint: PathAddress, below: Below, now: Millis): void {
    const known = this.certificates.at(node);
    if (known) return this.#desk.handDown(below, known);
    const waiting = this.#waiting.get(node) ?? new Set();
    if (!this.#waiting.has(node) && this.#waiting.size >= ELEMENT.sessions) this.#waiting.clear();
    this.#waiting.set(node, waiting.add(below));
    this.#link.reach(
      endpoint,
      (target) => {
        if (target !== undefined) this.certificates.ask(node, target, now);
      },
      now,
    );
  }

  #certificateCame(node: NodeId, bytes: Uint8Array, now: Millis): void {
    for (const below of this.#waiting.get(node) ?? []) this.#desk.handDown(below, bytes);
    this.#waiting.delete(node);
    this.relay.certificateCame(now);
    const unsigned = this.#unsigned;
    this.#unsigned = [];
    for (const { bytes: rgi, from, until } of unsigned) if (now < until) this.#calls.again(rgi, from, now);
  }
}
