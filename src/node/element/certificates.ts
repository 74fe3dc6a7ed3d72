import type { Millis, NodeId } from '../../base/brands.ts';
import type { PathAddress } from '../../base/path-address.ts';
import { evenly, RateTable } from '../../base/rate-table.ts';
import { CREDENTIAL_SIZE, verifyCaPart } from '../../crypto/credential.ts';
import { DOMAIN_KEYS } from '../../dprp/constants.ts';
import { certificateDomain, certificateKey, openCertificate, sealCertificate } from '../../nat/certificate-query.ts';
import type { ElementMeans } from './element-means.ts';
import { ELEMENT } from './tuning.ts';

/** Asked of one node about one certificate, and answered to one source, each second. */
const ASKED = 2;
const ANSWERED = 20;

export interface CertificateCalls {
  /** asks by the GEN above; false when it does not carry this way */
  askAbove(node: NodeId, target: PathAddress): boolean;
  /** a certificate came that was not there */
  came(node: NodeId, bytes: Uint8Array, now: Millis): void;
}

/**
 * CA parts of elements on the path and of the ends, which more than one hop name by reference (protocol.md 2.3): those that were
 * met, and those that were asked for. Each is verified when it comes, and again whenever it counts.
 */
export class Certificates {
  readonly #means: ElementMeans;
  readonly #calls: CertificateCalls;
  readonly #known = new Map<NodeId, Uint8Array>();
  readonly #missed = new Set<NodeId>();
  readonly #asked = new RateTable<NodeId>(evenly(ASKED), ELEMENT.certificates);
  readonly #answered = new RateTable<PathAddress>(evenly(ANSWERED), ELEMENT.sessions);

  constructor(means: ElementMeans, calls: CertificateCalls) {
    this.#means = means;
    this.#calls = calls;
  }

  /** The bytes, or undefined: then it is remembered that they were missed. */
  find(node: NodeId): Uint8Array | undefined {
    const known = this.at(node);
    if (known === undefined && this.#missed.size < ELEMENT.certificates) this.#missed.add(node);
    return known;
  }

  at(node: NodeId): Uint8Array | undefined {
    const identity = this.#means.node.keys.identity();
    if (node === identity.caPart.nodeId) return identity.credential.slice(0, CREDENTIAL_SIZE.caPart);
    return this.#known.get(node);
  }

  /** Asks for what was missed since the last call: somebody on this way has it. False when nothing was. */
  askMissed(target: PathAddress, now: Millis): boolean {
    if (this.#missed.size === 0) return false;
    for (const node of this.#missed) this.ask(node, target, now);
    this.#missed.clear();
    return true;
  }

  ask(node: NodeId, target: PathAddress, now: Millis): void {
    if (!this.#asked.take(node, now) || this.#calls.askAbove(node, target)) return;
    const { keys } = this.#means.node;
    const [domain] = keys.domain();
    if (domain) this.#send({ type: 'query', node }, domain, target);
  }

  /** Takes a certificate from whoever brings it: it is the authority's signature that counts. */
  learn(bytes: Uint8Array, now: Millis): void {
    const { node, provider } = this.#means;
    const part = verifyCaPart(provider, bytes, node.keys.authorities(), node.keys.unixNow());
    if (typeof part === 'string') return node.counters.add('element-certificate-refused');
    const isNew = !this.#known.has(part.nodeId);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size < ELEMENT.certificates) break;
      this.#known.delete(oldest);
    }
    this.#known.set(part.nodeId, bytes.slice());
    if (isNew) this.#calls.came(part.nodeId, bytes, now);
  }

  /** True for a message of this kind. Nobody outside of the domain gets an answer. */
  handleDatagram(bytes: Uint8Array, from: PathAddress, now: Millis): boolean {
    const low = certificateDomain(bytes);
    if (low === undefined) return false;
    const { node, provider } = this.#means;
    const domain = node.keys.domain().find(({ v }) => v % DOMAIN_KEYS === low);
    const message = domain && openCertificate(provider, certificateKey(provider, domain.kDde), bytes);
    if (domain === undefined || message === undefined || typeof message === 'string')
      node.counters.add('element-certificate-refused');
    else if (message.type === 'answer') this.learn(message.caPart, now);
    else {
      const caPart = this.at(message.node);
      if (caPart && this.#answered.take(from, now)) this.#send({ type: 'answer', caPart }, domain, from);
    }
    return true;
  }

  #send(
    message: Parameters<typeof sealCertificate>[4],
    domain: { readonly v: number; readonly kDde: Uint8Array },
    to: PathAddress,
  ): void {
    const { node, provider } = this.#means;
    const key = certificateKey(provider, domain.kDde);
    const bytes = sealCertificate(provider, key, node.random(24), domain.v % DOMAIN_KEYS, message);
    node.effects.push({ kind: 'send', bytes, to });
  }
}
