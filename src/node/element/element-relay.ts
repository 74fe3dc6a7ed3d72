import { type Millis, type NodeId, type SaIndex, saIndex } from '../../base/brands.ts';
import { toHex } from '../../base/bytes.ts';
import type { Cid } from '../../base/cid.ts';
import { DATAGRAM } from '../../base/datagram-kinds.ts';
import { wordsOfCid } from '../../base/flow-cid.ts';
import { FLOW } from '../../base/flow-words.ts';
import type { PathAddress } from '../../base/path-address.ts';
import { evenly, RateTable } from '../../base/rate-table.ts';
import { CaPartMemory } from '../../crypto/ca-part-memory.ts';
import { MAX_HOPS } from '../../dprp/constants.ts';
import { decodeDde } from '../../dprp/dde.ts';
import { domainOf } from '../../dprp/dde-maker.ts';
import { openDde } from '../../dprp/dde-seal.ts';
import { type HopEffect, OnPathElement } from '../../dprp/hop.ts';
import { encodeNoEntryHop } from '../../dprp/no-entry-hop.ts';
import { RelayTable } from '../../dprp/relay-table.ts';
import { decodeTunnelProbe } from '../../nat/tunnel-probe.ts';
import type { Certificates } from './certificates.ts';
import type { Below, ElementDesk } from './element-desk.ts';
import type { ElementMeans } from './element-means.ts';
import { Flights } from './flights.ts';
import { PassedRuns } from './passed-runs.ts';
import { isProbe } from './probe-kind.ts';
import { ELEMENT } from './tuning.ts';
import { type OpenedDde, Turns } from './turns.ts';

/*
 * What a GEN passes on between the elements below it and the outside (protocol.md 2.3, 8.4): DPRP, in which it takes part with
 * its record and is told its action, and then the ciphertext of the SA pairs that both ends vouched for. It reads nothing of it.
 *
 *   below ─ frame 20 ─► up ──► OnPathElement ──► outside
 *   below ◄─ frame 20 ─ down ◄─ OnPathElement ◄── outside       01: by the address that its CID names; else by its index
 *
 *   probes 38, 39: by the path id of which an element below sent one first
 *
 * Whatever else comes in a frame is dropped and counted. The addresses seen are the element's own and the outer one.
 */

const HEADER = 12;
/** CDNs that wait for a certificate, so that what follows them finds its entry. */
const WAITING = 256;

/** Why something from below is not passed on; also the name of the counter that counts it. */
type Refusal = 'element-foreign-dde' | 'element-unasked' | 'element-index-taken';

interface WaitingCdn {
  readonly bytes: Uint8Array;
  readonly to: PathAddress;
  readonly since: Millis;
  /** whose certificates it waits for */
  readonly needs: readonly NodeId[];
}

export class ElementRelay {
  readonly relays = new RelayTable();
  readonly #means: ElementMeans;
  readonly #desk: ElementDesk;
  readonly #certificates: Certificates;
  readonly #onPath: OnPathElement;
  /** negotiations whose start or end with this index is below */
  readonly #inside = new Flights();
  /** negotiations whose start is outside, by its index: only what answers them comes up */
  readonly #asked = new Flights();
  /** probes of elements below, by path id */
  readonly #probes = new Flights();
  readonly #probeRate = new RateTable<PathAddress>(evenly(ELEMENT.probesPerSecond), ELEMENT.sessions);
  readonly #noEntry = new RateTable<PathAddress>(evenly(ELEMENT.noEntryPerSecond), ELEMENT.sessions);
  /** ciphertext of the batch that is being looked at */
  readonly #runs: PassedRuns;
  #waiting: WaitingCdn[] = [];
  readonly #turns: Turns;
  readonly #answer: (bytes: Uint8Array, from: PathAddress, now: Millis) => void;

  /** `answer` takes a DDE that this node answers itself. */
  constructor(
    means: ElementMeans,
    desk: ElementDesk,
    certificates: Certificates,
    answer: (bytes: Uint8Array, from: PathAddress, now: Millis) => void,
  ) {
    this.#answer = answer;
    this.#turns = new Turns(means);
    this.#runs = new PassedRuns(means.node.effects);
    const { node, provider, ephemerals } = means;
    this.#means = means;
    this.#desk = desk;
    this.#certificates = certificates;
    this.#onPath = new OnPathElement({
      provider,
      caParts: new CaPartMemory(provider),
      ephemerals,
      authorities: () => node.keys.authorities(),
      unixNow: () => node.keys.unixNow(),
      caPartOf: (id) => certificates.find(id),
      identity: () => node.keys.identity(),
      groups: () => node.keys.groups(),
      domain: () => node.keys.domain(),
      settings: node.settings,
    });
  }

  /** A batch of the socket: between both, ciphertext is gathered. */
  beginBatch(): void {
    this.#runs.begin();
  }

  endBatch(): void {
    this.#runs.flush();
  }

  /** A datagram of an element below, in one of its channels. */
  up(below: Below, channel: number, bytes: Uint8Array, now: Millis): void {
    const outer = below.targets.get(channel);
    if (outer === undefined) return this.#count('element-channel-unknown');
    below.heardAt = now;
    if (bytes[0] === DATAGRAM.data) return this.#dataUp(below, outer, bytes, now);
    if (isProbe(bytes[0])) return this.#probeUp(below, outer, bytes, now);
    if (bytes.length < HEADER || bytes[0] < DATAGRAM.dde || bytes[0] > DATAGRAM.nogroup)
      return this.#count('element-frame-kind');
    const refusal = this.#refusal(below, outer, bytes, now);
    if (refusal !== undefined) return this.#count(refusal);
    const own = bytes[0] === DATAGRAM.nogroup ? this.#turns.refused(bytes, below, outer, now) : undefined;
    if (own) {
      this.#count('element-own-turn');
      return this.#answer(own, outer, now);
    }
    const passage = { from: below.path, to: outer, side: bytes[0] === DATAGRAM.dde ? 's' : 'd' } as const;
    this.#pass(bytes, passage, outer, outer, now);
  }

  /** DPRP from outside; false when it is for no element below. */
  down(bytes: Uint8Array, outer: PathAddress, now: Millis): boolean {
    if (this.#desk.size === 0 || bytes.length < HEADER) return false;
    const isDde = bytes[0] === DATAGRAM.dde;
    const below = isDde
      ? this.#addressee(bytes, outer, now)
      : this.#inside.find(flightOf(outer, indexAt(bytes, 8)), now);
    if (below === undefined) return false;
    const to = this.#desk.down(below, outer);
    if (to === undefined) return true;
    if (isDde) {
      if (!this.#asked.claim(flightOf(outer, indexAt(bytes, 4)), below, now)) this.#count('element-index-taken');
      this.#desk.announce(below, outer);
    }
    this.#pass(bytes, { from: outer, to: below.path, side: isDde ? 'd' : 's' }, to, outer, now);
    return true;
  }

  /** A probe of the peer of an element below; false when it names no path of theirs. */
  probeDown(bytes: Uint8Array, outer: PathAddress, now: Millis): boolean {
    const probe = decodeTunnelProbe(bytes);
    const below = typeof probe === 'string' ? undefined : this.#probes.find(toHex(probe.pathId), now);
    if (below === undefined) return false;
    const to = this.#desk.down(below, outer);
    if (to === undefined || !this.#probeRate.take(below.path, now)) this.#count('element-probe-rate');
    else {
      this.#desk.announce(below, outer);
      this.#send(bytes, to);
    }
    return true;
  }

  /** Ciphertext from outside for an element below; false when there is no entry. */
  dataDown(bytes: Uint8Array, outer: PathAddress, now: Millis): boolean {
    const entry = this.relays.findFrom(outer, indexAt(bytes, 4), bytes.length, now);
    if (entry === undefined) return false;
    const below = this.#desk.at(outer === entry.start ? entry.end : entry.start);
    const to = below && this.#desk.down(below, outer);
    if (to === undefined || entry.action !== 'relay') this.#count('element-data-discarded');
    else this.#runs.add(bytes, to);
    return true;
  }

  /** A certificate came: what waited for it is installed, and goes on. */
  certificateCame(now: Millis): void {
    this.#carry(this.#onPath.signerKnown(now), now);
    const isReady = ({ needs }: WaitingCdn) => needs.every((id) => this.#certificates.find(id) !== undefined);
    const ready = this.#waiting.filter(isReady);
    this.#waiting = this.#waiting.filter((each) => !isReady(each));
    for (const { bytes, to } of ready) this.#send(bytes, to);
  }

  tick(now: Millis): void {
    this.relays.expire(now);
    this.#turns.tick(now);
    this.#inside.tick(now);
    this.#asked.tick(now);
    this.#probes.tick(now);
    const isInTime = ({ since }: WaitingCdn) => now - since < ELEMENT.certificateMs;
    for (const waiting of this.#waiting) if (!isInTime(waiting)) this.#count('element-certificate-late');
    this.#waiting = this.#waiting.filter(isInTime);
  }

  /** Why this may not go up: a DDE must be one of this network, and all else belong to a negotiation that is known. */
  #refusal(below: Below, outer: PathAddress, bytes: Uint8Array, now: Millis): Refusal | undefined {
    const own = indexAt(bytes, 4);
    const isNamed = bytes[0] === DATAGRAM.dde || bytes[0] === DATAGRAM.rgi;
    if (bytes[0] === DATAGRAM.dde && this.#opened(bytes) === undefined) return 'element-foreign-dde';
    const isAnswer = bytes[0] !== DATAGRAM.dde && bytes[0] !== DATAGRAM.mpit;
    if (isAnswer && this.#asked.find(flightOf(outer, indexAt(bytes, 8)), now) !== below) return 'element-unasked';
    if (bytes[0] === DATAGRAM.mpit && this.#inside.find(flightOf(outer, own), now) !== below) return 'element-unasked';
    if (!isNamed) return undefined;
    // an index of this GEN's own would draw off what is for itself
    const isFree = this.#means.node.sas.byIndex(saIndex((own & ~7) >>> 0)) === undefined;
    return isFree && this.#inside.claim(flightOf(outer, own), below, now) ? undefined : 'element-index-taken';
  }

  /** Who below answers a DDE: whose its destination is, or a GEN further inside whose turn it is. */
  #addressee(bytes: Uint8Array, outer: PathAddress, now: Millis): Below | undefined {
    const opened = this.#opened(bytes);
    if (opened === undefined) return undefined;
    const { destination } = opened.box.cid;
    const owner = this.#desk.covering(destination);
    if (owner) return owner;
    const gen = this.#desk.genOver(destination);
    // one element more on the path has no room in the messages
    if (!gen || opened.dde.header.hops >= MAX_HOPS || !this.#turns.isBelow(opened, gen, now)) return undefined;
    this.#turns.ask(opened, bytes, gen, outer, now);
    return gen;
  }

  #opened(bytes: Uint8Array): OpenedDde | undefined {
    const dde = decodeDde(bytes);
    if (typeof dde === 'string') return undefined;
    const domain = domainOf(dde, this.#means.node.keys.domain());
    const box = domain && openDde(this.#means.provider, domain.kDde, bytes, dde);
    return domain === undefined || box === undefined || typeof box === 'string' ? undefined : { dde, box, domain };
  }

  #pass(
    bytes: Uint8Array,
    passage: Parameters<OnPathElement['handle']>[1],
    to: PathAddress,
    outer: PathAddress,
    now: Millis,
  ): void {
    const { forward, effects } = this.#onPath.handle(bytes, passage, now);
    const needs = effects.flatMap((effect) => (effect.kind === 'fetch-ca-part' ? [effect.node] : []));
    this.#carry(effects, now);
    this.#certificates.askMissed(outer, now);
    if (forward === null) return;
    if (needs.length === 0) return this.#send(forward, to);
    if (this.#waiting.length >= WAITING) return this.#count('element-full');
    this.#waiting.push({ bytes: forward.slice(), to, since: now, needs });
  }

  /** Only who has the key of a path id can make or answer its probes; here it says whose they are. */
  #probeUp(below: Below, outer: PathAddress, bytes: Uint8Array, now: Millis): void {
    const probe = decodeTunnelProbe(bytes);
    if (typeof probe === 'string') return this.#count('element-frame-kind');
    if (!this.#probeRate.take(below.path, now)) return this.#count('element-probe-rate');
    if (!this.#probes.claim(toHex(probe.pathId), below, now)) return this.#count('element-probe-taken');
    this.#send(bytes, outer);
  }

  #dataUp(below: Below, outer: PathAddress, bytes: Uint8Array, now: Millis): void {
    if (bytes.length < HEADER) return this.#count('element-frame-kind');
    const index = indexAt(bytes, 4);
    const entry = this.relays.find(below.path, outer, index, bytes.length, now);
    if (entry?.action === 'relay') return this.#runs.add(bytes, outer);
    this.#count(entry === undefined ? 'element-no-entry' : 'element-data-discarded');
    if (entry === undefined && this.#noEntry.take(below.path, now)) this.#send(encodeNoEntryHop(index), below.path);
  }

  #carry(effects: readonly HopEffect[], now: Millis): void {
    const { node } = this.#means;
    for (const effect of effects)
      if (effect.kind === 'relay-entry') {
        this.relays.install(effect.entry, now);
        const { startNode, endNode, action } = effect.entry;
        node.log('info', 'relay-entry', { start: startNode, end: endNode, action });
      } else if (effect.kind === 'counter') this.#befell(`element-hop-${effect.name}`, effect.cid, now);
  }

  #befell(name: string, cid: Cid | undefined, now: Millis): void {
    if (cid === undefined) return this.#count(name);
    const words = new Int32Array(FLOW.stride);
    wordsOfCid(cid, words);
    this.#means.node.incident(name, now, words);
  }

  /** A copy: the bytes lie in memory that the next datagrams are received into. */
  #send(bytes: Uint8Array, to: PathAddress): void {
    this.#means.node.effects.push({ kind: 'send', bytes: bytes.slice(), to });
  }

  #count(name: string): void {
    this.#means.node.counters.add(name);
  }
}

function flightOf(outer: PathAddress, index: SaIndex): string {
  return `${outer} ${index}`;
}

function indexAt(bytes: Uint8Array, at: number): SaIndex {
  return saIndex(((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0);
}
