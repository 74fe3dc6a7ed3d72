import type { Millis, NodeId } from '../../base/brands.ts';
import { toHex } from '../../base/bytes.ts';
import { MODE, NODE_TYPE } from '../../base/datagram-kinds.ts';
import { padAddress } from '../../base/ip-address.ts';
import { type PathAddress, relayPath } from '../../base/path-address.ts';
import { evenly, RateTable } from '../../base/rate-table.ts';
import { prefixCovers } from '../../crypto/address-prefix.ts';
import { type CaPart, caPartCovers, verifyCaPart } from '../../crypto/credential.ts';
import { DOMAIN_KEYS } from '../../dprp/constants.ts';
import {
  decodeElementMessage,
  type ElementMessage,
  encodeElementMessage,
  PLACE_ENDPOINTS,
} from '../../nat/element-message.ts';
import {
  answerElement,
  type ElementAnswerer,
  type ElementHead,
  type ElementSession,
  elementPsk,
} from '../../nat/element-session.ts';
import { knownPath } from '../path-cache.ts';
import { type ElementMeans, ownHalf, provedBy, randomWord } from './element-means.ts';
import { ELEMENT } from './tuning.ts';

/** An element below this GEN: it proved itself, and sends from this address alone. */
export interface Below {
  readonly caPart: CaPart;
  readonly path: PathAddress;
  readonly session: ElementSession;
  /** by channel: where its datagrams go; by where they go: the channel */
  readonly targets: Map<number, PathAddress>;
  readonly channels: Map<PathAddress, number>;
  /** what is below it in turn */
  readonly further: Map<NodeId, CaPart>;
  heardAt: Millis;
}

/** Where an outer address is, as this GEN sends there: itself, or a channel of a GEN above; undefined while it asks for one. */
export interface DeskCalls {
  /** `ready` is called at once, or when the GEN above has answered */
  reach(endpoint: PathAddress, ready: (target: PathAddress | undefined) => void, now: Millis): void;
  endpointOf(target: PathAddress): PathAddress;
  /** where others reach this GEN */
  place(): readonly PathAddress[];
  /** an element came: those above are to know */
  joined(caPart: Uint8Array, now: Millis): void;
  /** an element below needs this certificate, which somebody towards `endpoint` has */
  wanted(node: NodeId, endpoint: PathAddress, below: Below, now: Millis): void;
}

interface Opening {
  readonly answerer: ElementAnswerer;
  readonly from: PathAddress;
  readonly query: string;
  readonly since: Millis;
}

/** A GEN's side of protocol.md 8.4: who is below it, and which channels they have. Bounded in every direction, and timed. */
export class ElementDesk {
  readonly #means: ElementMeans;
  readonly #calls: DeskCalls;
  /** by own index */
  readonly #openings = new Map<number, Opening>();
  readonly #below = new Map<number, Below>();
  readonly #byPath = new Map<PathAddress, Below>();
  readonly #perSource = new RateTable<PathAddress>(evenly(ELEMENT.queriesPerSource), ELEMENT.sessions);
  readonly #inAll = new RateTable<string>(evenly(ELEMENT.queriesPerSecond), 1);

  constructor(means: ElementMeans, calls: DeskCalls) {
    this.#means = means;
    this.#calls = calls;
  }

  /** Elements that proved themselves and are there. */
  elements(): IterableIterator<Below> {
    return this.#below.values();
  }

  /** The element that sends from this address (N5). */
  at(path: PathAddress): Below | undefined {
    return this.#byPath.get(path);
  }

  get size(): number {
    return this.#below.size;
  }

  /** Whose an inner address is: of those below, or further below. A GEN speaks for none of them (protocol.md 8.3). */
  covering(inner: Uint8Array): Below | undefined {
    for (const below of this.#below.values()) if (isIndividual(below.caPart, inner)) return below;
    for (const below of this.#below.values())
      for (const further of below.further.values()) if (isIndividual(further, inner)) return below;
    return undefined;
  }

  /** A GEN below, or one with a GEN further below, that an inner address is behind, or whose own it is. */
  genOver(inner: Uint8Array): Below | undefined {
    for (const below of this.#below.values()) if (gensOver(below, inner).length > 0) return below;
    return undefined;
  }

  /** The way down to an element for what comes from `target`; it is told of the channel. */
  down(below: Below, target: PathAddress): PathAddress | undefined {
    const channel = below.channels.get(target) ?? this.#assign(below, target);
    if (channel === undefined) return undefined;
    return relayPath(below.path, channel);
  }

  /** Tells the element below what a channel is, again: it may not have heard. */
  announce(below: Below, target: PathAddress): void {
    const channel = below.channels.get(target);
    const endpoint = this.#calls.endpointOf(target);
    if (channel !== undefined) this.#tell(below, { type: 'channel', request: 0, channel, endpoint });
  }

  /** Hands a certificate down that was wanted. */
  handDown(below: Below, caPart: Uint8Array): void {
    this.#tell(below, { type: 'certificate', caPart });
  }

  handleQuery(head: ElementHead, bytes: Uint8Array, from: PathAddress, now: Millis): void {
    if (!this.#isInside(from)) return this.#count('element-query-outside');
    const query = toHex(this.#means.provider.sha256(bytes));
    for (const { query: known, from: source, answerer } of this.#openings.values())
      if (known === query && source === from) return this.#send(answerer.answer, from); // H6
    if (!this.#perSource.take(from, now) || !this.#inAll.take('', now)) return this.#count('element-query-rate');
    if (this.#openings.size >= ELEMENT.sessions) return this.#count('element-query-rate');
    const { node, provider, ephemerals } = this.#means;
    const domain = node.keys.domain().find(({ v }) => v % DOMAIN_KEYS === head.domain);
    if (domain === undefined) return this.#count('element-query-domain');
    const index = this.#freeIndex();
    const psk = elementPsk(provider, domain.kTag);
    const own = { ...ownHalf(node.keys.identity()), ephemeral: ephemerals.keyPair(now), psk, index };
    const answerer = answerElement(provider, own, bytes);
    if (typeof answerer === 'string') return this.#count(`element-query-${answerer}`);
    this.#openings.set(index, { answerer, from, query, since: now });
    this.#send(answerer.answer, from);
  }

  handleHello({ index }: ElementHead, bytes: Uint8Array, from: PathAddress, now: Millis): void {
    const known = this.#below.get(index);
    if (known?.path === from) return this.#tell(known, { type: 'kept' }); // its KEPT was lost
    const opening = this.#openings.get(index);
    if (opening === undefined || opening.from !== from) return this.#count('element-unknown');
    const hello = opening.answerer.handleHello(bytes);
    if (typeof hello === 'string') return this.#count(`element-hello-${hello}`);
    this.#openings.delete(index);
    const caPart = provedBy(this.#means, hello);
    if (caPart === undefined || caPart.nodeId === this.#means.node.keys.self().id) {
      hello.session.wipe();
      return this.#count('element-hello-credential');
    }
    for (const [other, below] of this.#below)
      if (below.path === from || below.caPart.nodeId === caPart.nodeId) this.#forget(other, below);
    if (this.#below.size >= ELEMENT.sessions) return this.#count('element-full');
    const { session } = hello;
    const maps = { targets: new Map(), channels: new Map(), further: new Map() };
    const below: Below = { caPart, path: from, session, ...maps, heardAt: now };
    this.#below.set(index, below);
    this.#byPath.set(from, below);
    this.#tell(below, { type: 'kept' });
    this.#tellPlace(below);
    this.#means.node.log('info', 'element-below', { node: caPart.nodeId, path: from });
    this.#calls.joined(hello.credential.slice(0, 200), now);
  }

  /** True when the index is one of this desk's. */
  handleSealed({ index }: ElementHead, bytes: Uint8Array, from: PathAddress, now: Millis): boolean {
    const below = this.#below.get(index);
    if (below === undefined) return false;
    const plain = below.path === from ? below.session.open(bytes) : 'channel';
    const message = typeof plain === 'string' ? plain : decodeElementMessage(plain);
    if (typeof message === 'string') {
      this.#count(`element-sealed-${message}`);
      return true;
    }
    below.heardAt = now;
    this.#handle(below, message, now);
    return true;
  }

  tick(now: Millis): void {
    for (const [index, { since, answerer }] of this.#openings)
      if (now - since >= ELEMENT.openMs) {
        answerer.wipe();
        this.#openings.delete(index);
      }
    for (const [index, below] of this.#below) if (now - below.heardAt >= ELEMENT.silentMs) this.#forget(index, below);
  }

  #handle(below: Below, message: ElementMessage, now: Millis): void {
    switch (message.type) {
      case 'open':
        return this.#open(below, message.request, message.endpoint, now);
      case 'keep':
        this.#tell(below, { type: 'kept' });
        return this.#tellPlace(below);
      case 'below':
        return this.#further(below, message.caPart, now);
      case 'wanted':
        return this.#calls.wanted(message.node, message.endpoint, below, now);
      default:
        return this.#count('element-sealed-message');
    }
  }

  /** With every KEEP again: what it said before may have been lost, or be another now. */
  #tellPlace(below: Below): void {
    this.#tell(below, { type: 'place', endpoints: this.#calls.place().slice(0, PLACE_ENDPOINTS) });
  }

  #open(below: Below, request: number, endpoint: PathAddress, now: Millis): void {
    if (this.#isInside(endpoint)) return this.#tell(below, { type: 'refused', request, reason: 'inside' });
    if (!this.#means.node.paths.allows(endpoint))
      return this.#tell(below, { type: 'refused', request, reason: 'forbidden' });
    this.#calls.reach(
      endpoint,
      (target) => {
        if (target === undefined) return this.#tell(below, { type: 'refused', request, reason: 'forbidden' });
        const channel = below.channels.get(target) ?? this.#assign(below, target);
        if (channel === undefined) return this.#tell(below, { type: 'refused', request, reason: 'full' });
        this.#tell(below, { type: 'channel', request, channel, endpoint });
      },
      now,
    );
  }

  /** Only a GEN has elements below it; who proved itself here is not taken over by what others say. */
  #further(below: Below, bytes: Uint8Array, now: Millis): void {
    const { node, provider } = this.#means;
    const caPart = verifyCaPart(provider, bytes, node.keys.authorities(), node.keys.unixNow());
    if (typeof caPart === 'string' || below.caPart.type !== NODE_TYPE.gen)
      return this.#count('element-further-refused');
    if (below.further.size >= ELEMENT.further && !below.further.has(caPart.nodeId)) return this.#count('element-full');
    const isNew = !below.further.has(caPart.nodeId);
    below.further.set(caPart.nodeId, caPart);
    if (isNew) this.#calls.joined(bytes, now);
  }

  #assign(below: Below, target: PathAddress): number | undefined {
    if (below.targets.size >= ELEMENT.channels) {
      this.#count('element-full');
      return undefined;
    }
    let channel = randomWord(this.#means.node);
    while (below.targets.has(channel)) channel = randomWord(this.#means.node);
    below.targets.set(channel, target);
    below.channels.set(target, channel);
    return channel;
  }

  #forget(index: number, below: Below): void {
    below.session.wipe();
    this.#below.delete(index);
    if (this.#byPath.get(below.path) === below) this.#byPath.delete(below.path);
  }

  /** Inside is what the routes of this GEN's own certificate and rosters cover: its answer goes nowhere else. */
  #isInside(path: PathAddress): boolean {
    const { channel, address } = knownPath(path);
    const padded = padAddress(address);
    return channel === 0 && this.#means.node.keys.self().routes.some((route) => prefixCovers(route, padded));
  }

  #freeIndex(): number {
    let index = randomWord(this.#means.node);
    while (this.#openings.has(index) || this.#below.has(index)) index = randomWord(this.#means.node);
    return index;
  }

  #tell(below: Below, message: ElementMessage): void {
    this.#send(below.session.seal(encodeElementMessage(message)), below.path);
  }

  #send(bytes: Uint8Array, to: PathAddress): void {
    this.#means.node.effects.push({ kind: 'send', bytes, to });
  }

  #count(name: string): void {
    this.#means.node.counters.add(name);
  }
}

/** A GES or GEA speaks for its own addresses alone, and nobody else does (protocol.md 20.1). */
function isIndividual(caPart: CaPart, inner: Uint8Array): boolean {
  return caPart.type !== NODE_TYPE.gen && caPartCovers(caPart, inner);
}

/** Whether one of them is closed: it would have clear text on its outer side if somebody further outside spoke for the address. */
export function isClosedOver(below: Below, inner: Uint8Array): boolean {
  return gensOver(below, inner).some(({ mode }) => mode === MODE.cl);
}

/** The GENs, this one or further below it, that an inner address is behind, or whose own it is. */
function gensOver({ caPart, further }: Below, inner: Uint8Array): CaPart[] {
  return [caPart, ...further.values()].filter((each) => each.type === NODE_TYPE.gen && caPartCovers(each, inner));
}
