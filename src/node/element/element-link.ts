import { type Millis, millis, type NodeId } from '../../base/brands.ts';
import { NODE_TYPE } from '../../base/datagram-kinds.ts';
import { padAddress } from '../../base/ip-address.ts';
import { type PathAddress, relayPath } from '../../base/path-address.ts';
import { prefixCovers } from '../../crypto/address-prefix.ts';
import type { CaPart } from '../../crypto/credential.ts';
import { DOMAIN_KEYS } from '../../dprp/constants.ts';
import { decodeElementMessage, type ElementMessage, encodeElementMessage } from '../../nat/element-message.ts';
import { ElementAsker, type ElementHead, type ElementSession, elementPsk } from '../../nat/element-session.ts';
import { knownPath } from '../path-cache.ts';
import { type ElementMeans, ownHalf, provedBy, randomWord } from './element-means.ts';
import { ELEMENT } from './tuning.ts';

export interface LinkCalls {
  /** frames of this channel are taken from the GEN from now on, or not any more */
  open(gen: PathAddress, channel: number): void;
  close(gen: PathAddress, channel: number): void;
  /** the GEN has proved itself, or the last one is gone */
  changed(caPart: CaPart | undefined, now: Millis): void;
  /** the GEN is reached elsewhere now, and this node with it */
  placed(now: Millis): void;
  /** a certificate that was wanted */
  certificate(bytes: Uint8Array, now: Millis): void;
}

interface Question {
  readonly asker: ElementAsker;
  readonly gateway: PathAddress;
  tries: number;
  nextAt: Millis;
}

interface Link {
  readonly gen: PathAddress;
  readonly caPart: CaPart;
  readonly session: ElementSession;
  readonly hello: Uint8Array;
  readonly since: Millis;
  /** the GEN has the credential: it said something inside the session */
  isUp: boolean;
  /** where others reach it */
  place: readonly PathAddress[];
  keepAt: Millis;
  unanswered: number;
}

interface Wanted {
  readonly request: number;
  readonly ready: ((target: PathAddress | undefined) => void)[];
  tries: number;
  nextAt: Millis;
}

/**
 * The lower element's side of protocol.md 8.4: asks its default gateways whether one is a GEN of this network, believes it only
 * after Noise under the domain key and by its certificate (C5), and has its datagrams carried in channels that it assigns.
 *
 *   seek ─QUERY─► ◄─ANSWER─ ─HELLO─► ◄─KEPT─ up ─OPEN─► ◄─CHANNEL─
 */
export class ElementLink {
  readonly #means: ElementMeans;
  readonly #calls: LinkCalls;
  readonly #questions = new Map<number, Question>();
  #gateways: readonly PathAddress[] = [];
  #seekAt: Millis | undefined;
  #rounds = 0;
  /** a GEN was above in this very network, and fell silent */
  #isLost = false;
  #index = 0;
  #link: Link | undefined;
  readonly #paths = new Map<PathAddress, PathAddress>();
  readonly #endpoints = new Map<PathAddress, PathAddress>();
  /** what was reached through GENs before */
  readonly #former = new Map<PathAddress, PathAddress>();
  /** what the GEN has inside, or does not carry */
  readonly #refused = new Set<PathAddress>();
  readonly #wanted = new Map<PathAddress, Wanted>();

  constructor(means: ElementMeans, calls: LinkCalls) {
    this.#means = means;
    this.#calls = calls;
  }

  /** The GEN above, once it has proved itself. */
  get above(): Pick<Link, 'gen' | 'caPart' | 'place'> | undefined {
    return this.#link?.isUp ? this.#link : undefined;
  }

  /** Asks these gateways; called with every change of the default routes. `isMoved`: they may be others with the same addresses. */
  seek(gateways: readonly PathAddress[], isMoved: boolean, now: Millis): void {
    if (!isMoved && `${gateways}` === `${this.#gateways}`) return;
    this.#gateways = gateways;
    this.#means.node.home.doubt();
    if (this.#link && (isMoved || !gateways.includes(this.#link.gen))) this.#end(now);
    this.#seekAt = now;
    this.#rounds = 0;
    this.#isLost = false;
    this.tick(now);
  }

  /** By which way this outer address is reached: at once, or when the GEN has answered; undefined when it does not carry it. */
  reach(endpoint: PathAddress, ready: (target: PathAddress | undefined) => void, now: Millis): void {
    if (!this.above || this.isBeside(endpoint)) return ready(endpoint);
    const known = this.#paths.get(endpoint);
    if (known !== undefined) return ready(known);
    const wanted = this.#wanted.get(endpoint);
    if (wanted) {
      wanted.ready.push(ready);
      return;
    }
    if (this.#wanted.size >= ELEMENT.channels) return ready(undefined);
    const request = randomWord(this.#means.node);
    this.#wanted.set(endpoint, { request, ready: [ready], tries: 1, nextAt: millis(now + ELEMENT.retryMs) });
    this.#tell({ type: 'open', request, endpoint });
  }

  /** The outer address that a way leads to, or led to. */
  endpointOf(target: PathAddress): PathAddress {
    return this.#endpoints.get(target) ?? this.#former.get(target) ?? target;
  }

  /** Whether an outer address is reached without the GEN above: it is inside of it, or in a network of this node's own. */
  isBeside(endpoint: PathAddress): boolean {
    if (this.#refused.has(endpoint) || endpoint === this.#link?.gen) return true;
    const { address } = knownPath(endpoint);
    const padded = padAddress(address);
    if (this.#link?.caPart.routes.some((route) => prefixCovers(route, padded))) return true;
    return this.#means.node.paths.isNear(address);
  }

  /** Says who is below this GEN in turn. */
  report(caPart: Uint8Array): void {
    if (this.above) this.#tell({ type: 'below', caPart });
  }

  /** Asks the GEN above for a certificate that somebody towards `target` has; false when the GEN does not carry that. */
  want(node: NodeId, target: PathAddress): boolean {
    const endpoint = this.#endpoints.get(target);
    if (!this.above || endpoint === undefined) return false;
    this.#tell({ type: 'wanted', node, endpoint });
    return true;
  }

  handleAnswer({ index }: ElementHead, bytes: Uint8Array, from: PathAddress, now: Millis): void {
    const question = this.#questions.get(index);
    if (question === undefined || question.gateway !== from) return this.#count('element-unknown');
    const answer = question.asker.handleAnswer(bytes);
    if (typeof answer === 'string') return this.#count(`element-answer-${answer}`);
    this.#questions.delete(index);
    const caPart = provedBy(this.#means, answer);
    if (caPart?.type !== NODE_TYPE.gen || caPart.nodeId === this.#means.node.keys.self().id) {
      question.asker.wipe();
      return this.#count('element-answer-credential'); // C5
    }
    this.#end(now);
    const { hello, session } = answer.accept();
    this.#index = index;
    const keepAt = millis(now + ELEMENT.retryMs);
    this.#link = { gen: from, caPart, session, hello, since: now, isUp: false, keepAt, unanswered: 0, place: [] };
    this.#send(hello, from);
  }

  /** True when the index is this link's. */
  handleSealed({ index }: ElementHead, bytes: Uint8Array, from: PathAddress, now: Millis): boolean {
    const link = this.#link;
    if (link === undefined || this.#index !== index) return false;
    const plain = link.gen === from ? link.session.open(bytes) : 'channel';
    const message = typeof plain === 'string' ? plain : decodeElementMessage(plain);
    if (typeof message === 'string') this.#count(`element-sealed-${message}`);
    else this.#handle(link, message, now);
    return true;
  }

  tick(now: Millis): void {
    if (this.#seekAt !== undefined && now >= this.#seekAt) this.#ask(now);
    for (const [index, question] of this.#questions) this.#repeat(index, question, now);
    if (this.#link && now >= this.#link.keepAt) this.#keep(this.#link, now);
    for (const [endpoint, wanted] of this.#wanted) {
      if (now < wanted.nextAt) continue;
      if (wanted.tries++ >= ELEMENT.tries) this.#settle(endpoint, undefined);
      else {
        wanted.nextAt = millis(now + ELEMENT.retryMs * 2 ** (wanted.tries - 1));
        this.#tell({ type: 'open', request: wanted.request, endpoint });
      }
    }
  }

  #ask(now: Millis): void {
    const { node, provider, ephemerals } = this.#means;
    const [domain] = node.keys.domain();
    const [first, most] = this.#isLost ? [ELEMENT.lostMs, ELEMENT.lostMost] : [ELEMENT.againMs, ELEMENT.againMost];
    const again = domain ? Math.min(first * 2 ** this.#rounds, most) : ELEMENT.noKeyMs;
    this.#seekAt = this.#gateways.length > 0 ? millis(now + again) : undefined;
    if (this.#link || domain === undefined) return;
    this.#rounds += 1;
    for (const gateway of this.#gateways) {
      const index = randomWord(node);
      const psk = elementPsk(provider, domain.kTag);
      const own = { ...ownHalf(node.keys.identity()), ephemeral: ephemerals.keyPair(now), psk, index };
      const asker = new ElementAsker(provider, own, domain.v % DOMAIN_KEYS);
      this.#questions.set(index, { asker, gateway, tries: 1, nextAt: millis(now + ELEMENT.retryMs) });
      this.#send(asker.query, gateway);
    }
  }

  #repeat(index: number, question: Question, now: Millis): void {
    if (now < question.nextAt) return;
    if (question.tries++ >= ELEMENT.tries) {
      question.asker.wipe();
      this.#questions.delete(index);
      return;
    }
    question.nextAt = millis(now + ELEMENT.retryMs * 2 ** (question.tries - 1));
    this.#send(question.asker.query, question.gateway);
  }

  /** HELLO again until the GEN has said something; then KEEP, and the end when it is silent. */
  #keep(link: Link, now: Millis): void {
    const most = link.isUp ? ELEMENT.keepTries : ELEMENT.tries;
    if (link.unanswered++ >= most) {
      this.#isLost ||= link.isUp;
      this.#end(now);
      this.#seekAt = now;
      this.#rounds = 0;
      return;
    }
    if (link.isUp) this.#tell({ type: 'keep' });
    else this.#send(link.hello, link.gen);
    link.keepAt = millis(now + (link.isUp ? ELEMENT.keepMs : ELEMENT.retryMs * 2 ** link.unanswered));
  }

  #handle(link: Link, message: ElementMessage, now: Millis): void {
    link.unanswered = 0;
    this.#means.node.home.prove(link.caPart.nodeId, link.gen);
    if (!link.isUp) {
      link.isUp = true;
      link.keepAt = millis(now + ELEMENT.keepMs);
      this.#means.node.log('info', 'element-above', { node: link.caPart.nodeId, path: link.gen });
      this.#calls.changed(link.caPart, now);
    }
    if (message.type === 'kept') return;
    if (message.type === 'certificate') return this.#calls.certificate(message.caPart, now);
    if (message.type === 'place') return this.#placed(link, message.endpoints, now);
    if (message.type === 'refused') return this.#refuse(message.request, message.reason === 'inside');
    if (message.type !== 'channel') return this.#count('element-sealed-message');
    const target = relayPath(link.gen, message.channel);
    if (!this.#paths.has(message.endpoint) && this.#paths.size >= 2 * ELEMENT.channels)
      return this.#count('element-full');
    this.#paths.set(message.endpoint, target);
    this.#endpoints.set(target, message.endpoint);
    this.#calls.open(link.gen, message.channel);
    this.#settle(message.endpoint, target);
  }

  #placed(link: Link, place: readonly PathAddress[], now: Millis): void {
    if (`${place}` === `${link.place}`) return;
    link.place = place;
    this.#calls.placed(now);
  }

  #refuse(request: number, isInside: boolean): void {
    for (const [endpoint, wanted] of this.#wanted) {
      if (wanted.request !== request) continue;
      if (isInside && this.#refused.size < ELEMENT.channels) this.#refused.add(endpoint);
      this.#settle(endpoint, isInside ? endpoint : undefined);
    }
  }

  #settle(endpoint: PathAddress, target: PathAddress | undefined): void {
    const wanted = this.#wanted.get(endpoint);
    this.#wanted.delete(endpoint);
    for (const ready of wanted?.ready ?? []) ready(target);
  }

  #end(now: Millis): void {
    const link = this.#link;
    if (link === undefined) return;
    this.#link = undefined;
    for (const endpoint of [...this.#wanted.keys()]) this.#settle(endpoint, undefined);
    for (const [target, endpoint] of this.#endpoints) {
      this.#calls.close(link.gen, Number(target.slice(target.lastIndexOf('#') + 1)));
      this.#paths.delete(endpoint);
      if (this.#former.size >= 2 * ELEMENT.channels) this.#former.clear();
      this.#former.set(target, endpoint);
    }
    this.#endpoints.clear();
    this.#refused.clear();
    link.session.wipe();
    if (link.isUp) this.#calls.changed(undefined, now);
  }

  #tell(message: ElementMessage): void {
    if (this.#link) this.#send(this.#link.session.seal(encodeElementMessage(message)), this.#link.gen);
  }

  #send(bytes: Uint8Array, to: PathAddress): void {
    this.#means.node.effects.push({ kind: 'send', bytes, to });
  }

  #count(name: string): void {
    this.#means.node.counters.add(name);
  }
}
