import type { Millis, NodeId, SaIndex } from '../base/brands.ts';
import { toHex, wipe } from '../base/bytes.ts';
import type { Cid } from '../base/cid.ts';
import { DATAGRAM } from '../base/datagram-kinds.ts';
import type { PathAddress } from '../base/path-address.ts';
import { decodeCdn } from './cdn.ts';
import type { SideName } from './constants.ts';
import { type Dde, decodeDde, raiseHops } from './dde.ts';
import type { DdeBox } from './dde-box.ts';
import { domainOf } from './dde-maker.ts';
import { hashDde, openDde } from './dde-seal.ts';
import { slotTag, usedSlots } from './dde-tags.ts';
import type { EphemeralSource } from './ephemeral.ts';
import { HINT_BYTES, type HopActionBox } from './hop-action.ts';
import { type HopBinding, hopAuthor, type OrderDirection, openHopOrder, sealHopRecord } from './hop-box.ts';
import { allowsOrder, checkInstall, type InstallDeps } from './hop-install.ts';
import { formFor } from './hop-record.ts';
import { type HopNegotiation, HopState, type PassedDde, tookRoute } from './hop-state.ts';
import { decodeMpit } from './mpit.ts';
import type { NegotiationDeps } from './negotiation-deps.ts';
import type { RelayEntry } from './relay-table.ts';
import { appendRecord, decodeRgi, type Rgi, rgiCore } from './rgi.ts';
import { HOP_RECORDS_PER_DDE, HOP_ROUTES } from './tuning.ts';

/*
 * The on-path GE (GEN or GEA): its part in a negotiation between two others (protocol.md 2.3).
 *
 *   DDE  I → R   opens the box under D, raises hops              remembers (addresses, idx_I)
 *   RGI  I ← R   appends its own record, signed and boxed for I  remembers (H(DDE), H(RGI core))
 *   MPIT I → R   opens its action, sends on unchanged            provisional
 *   CDN  I ← R   opens its confirmation, sends on unchanged      relay entry, under rule H4
 *
 * What is not for it, it sends on untouched; what is malformed, or orders something that it refuses, it drops. It never
 * holds a session key. All it remembers is gone after 20 s; the relay entries belong to the composer.
 */

/** Where a datagram came from and goes to. side: what this element protects of that way (`s`: the sender is inside). */
export interface HopPassage {
  readonly from: PathAddress;
  readonly to: PathAddress;
  readonly side: SideName;
}

export type HopEffect =
  | { readonly kind: 'relay-entry'; readonly entry: RelayEntry }
  /** The certificate of this node is needed: fetch it, then call `signerKnown`. */
  | { readonly kind: 'fetch-ca-part'; readonly node: NodeId }
  | { readonly kind: 'counter'; readonly name: string; readonly cid?: Cid };

/** What to send on, or null to drop. */
export interface HopStep {
  readonly forward: Uint8Array | null;
  readonly effects: readonly HopEffect[];
}

export interface HopDeps extends InstallDeps, Pick<NegotiationDeps, 'identity' | 'groups' | 'domain' | 'settings'> {
  readonly ephemerals: EphemeralSource;
}

export class OnPathElement {
  readonly #deps: HopDeps;
  readonly #state = new HopState();

  constructor(deps: HopDeps) {
    this.#deps = deps;
  }

  /** Takes a datagram of kind 01 to 04 that passes between two others; all else passes as the caller's policy says. */
  handle(bytes: Uint8Array, passage: HopPassage, now: Millis): HopStep {
    this.#state.expire(now);
    switch (bytes[0]) {
      case DATAGRAM.dde:
        return this.#dde(bytes, passage, now);
      case DATAGRAM.rgi:
        return this.#rgi(bytes, passage, now);
      case DATAGRAM.mpit:
        return this.#mpit(bytes, passage);
      case DATAGRAM.cdn:
        return this.#cdn(bytes, passage);
      default:
        return pass(bytes);
    }
  }

  /** A certificate has come: what waited for it may now be installed. */
  signerKnown(now: Millis): readonly HopEffect[] {
    this.#state.expire(now);
    return this.#state.waiting().flatMap((negotiation) => this.#install(negotiation));
  }

  #dde(bytes: Uint8Array, { from, to, side }: HopPassage, now: Millis): HopStep {
    const dde = decodeDde(bytes);
    if (typeof dde === 'string') return drop(`dde-${dde}`);
    const domain = domainOf(dde, this.#deps.domain());
    if (domain === undefined) return pass(bytes);
    const box = openDde(this.#deps.provider, domain.kDde, bytes, dde);
    if (box === 'auth') return pass(bytes);
    if (typeof box === 'string') return drop(`dde-${box}`);
    const raised = raiseHops(bytes);
    if (raised === null) return drop('dde-hops'); // H3
    const hash = hashDde(this.#deps.provider, bytes);
    const before = this.#state.passed(from, to, dde.header.sender);
    const again = before !== undefined && toHex(before.hash) === toHex(hash);
    this.#state.putPassed({
      start: from,
      end: to,
      indexStart: dde.header.sender,
      cid: box.cid,
      hash,
      eI: dde.ephemeral,
      place: dde.header.hops + 1,
      side,
      matchedSlots: again ? before.matchedSlots : this.#matchedSlots(dde, box),
      at: now,
      answers: again ? before.answers : new Set(),
    });
    return { forward: raised, effects: [] };
  }

  #rgi(bytes: Uint8Array, { from, to }: HopPassage, now: Millis): HopStep {
    const rgi = decodeRgi(bytes);
    if (typeof rgi === 'string') return drop(`rgi-${rgi}`);
    const passed = this.#state.passed(to, from, rgi.header.receiver);
    if (passed === undefined) return pass(bytes);
    if (rgi.records.length !== rgi.hopCount - passed.place) return drop('rgi-hops', passed.cid); // H2
    const hash = this.#deps.provider.sha256(rgiCore(bytes));
    const negotiation = this.#state.negotiation(passed.hash, hash) ?? this.#begin(passed, rgi, hash, now);
    if (typeof negotiation === 'string') return drop(negotiation);
    if (!tookRoute(negotiation, to, from)) {
      if (negotiation.side !== passed.side || negotiation.routes.length >= HOP_ROUTES) return drop('rgi-routes');
      this.#state.put({ ...negotiation, routes: [...negotiation.routes, { start: to, end: from }] });
    }
    return { forward: appendRecord(bytes, negotiation.record), effects: [] };
  }

  #mpit(bytes: Uint8Array, { from, to }: HopPassage): HopStep {
    const mpit = decodeMpit(bytes);
    if (typeof mpit === 'string') return drop(`mpit-${mpit}`);
    const own = this.#own(mpit.actions, mpit.header.sender, mpit.header.receiver);
    if (own === undefined || own.negotiation.action !== null) return pass(bytes);
    if (!tookRoute(own.negotiation, from, to)) return pass(bytes);
    const action = this.#open(own.negotiation, 'action', own.box);
    if (typeof action === 'string') return drop(`mpit-hop-${action}`, own.negotiation.cid);
    if (!allowsOrder(action.order)) return drop('mpit-hop-policy', own.negotiation.cid);
    this.#state.put({ ...own.negotiation, action });
    return pass(bytes);
  }

  #cdn(bytes: Uint8Array, { from, to }: HopPassage): HopStep {
    const cdn = decodeCdn(bytes);
    if (typeof cdn === 'string') return drop(`cdn-${cdn}`);
    const own = this.#own(cdn.confirmations, cdn.header.receiver, cdn.header.sender);
    if (own === undefined || own.negotiation.action === null || own.negotiation.installed) return pass(bytes);
    if (!tookRoute(own.negotiation, to, from)) return pass(bytes);
    const confirmation = this.#open(own.negotiation, 'confirmation', own.box);
    if (typeof confirmation === 'string') return drop(`cdn-hop-${confirmation}`, own.negotiation.cid);
    const complete = { ...own.negotiation, confirmation, confirmed: { start: to, end: from } };
    this.#state.put(complete);
    return { forward: bytes, effects: this.#install(complete) };
  }

  /** Makes the one record for this answer; a limit keeps forged answers from costing a signature each. */
  #begin(passed: PassedDde, rgi: Rgi, hash: Uint8Array, now: Millis): HopNegotiation | string {
    if (passed.answers.size >= HOP_RECORDS_PER_DDE) return 'rgi-answers';
    const { provider, ephemerals, identity } = this.#deps;
    const own = ephemerals.keyPair(now);
    const sharedStart = provider.x25519(own.secretKey, passed.eI);
    const sharedEnd = provider.x25519(own.secretKey, rgi.ephemeral);
    wipe(own.secretKey);
    if (sharedStart === null || sharedEnd === null) return 'rgi-weak-key'; // A5
    const binding: HopBinding = { dde: passed.hash, rgi: hash, eG: own.publicKey, eI: passed.eI, eR: rgi.ephemeral };
    const said = { info: this.#info(passed), previous: rgi.records.at(-1) ?? null };
    const author = hopAuthor(identity(), formFor(rgi.hopCount));
    const record = sealHopRecord(provider, sharedStart, binding, said, author);
    const { start, end, side, indexStart, cid } = passed;
    const fresh = { side, at: now, action: null, confirmation: null, confirmed: null, installed: false };
    const routes = [{ start, end }];
    const indices = { indexStart, indexEnd: rgi.header.sender };
    const negotiation: HopNegotiation = { ...fresh, ...indices, cid, routes, binding, record, sharedStart, sharedEnd };
    this.#state.put(negotiation);
    this.#state.putPassed({ ...passed, answers: new Set([...passed.answers, toHex(hash)]) });
    return negotiation;
  }

  #info({ side, matchedSlots }: PassedDde) {
    const { type, mode, noGms, lanes } = this.#deps.settings;
    return { type, mode, side, matchedSlots, caps: { lanes, noGms, type } };
  }

  /** Bit i: slot i is a tag of a version that this element holds (protocol.md 2.2). */
  #matchedSlots(dde: Dde, box: DdeBox): number {
    const slots = usedSlots(dde.slots, box.preference);
    let bitmap = 0;
    for (const { versions } of this.#deps.groups())
      for (const { state, kTag } of versions) {
        if (state === 'tagonly') continue;
        const slot = slots.get(toHex(slotTag(this.#deps.provider, kTag, dde.ephemeral)));
        if (slot !== undefined) bitmap |= 1 << slot;
      }
    return bitmap;
  }

  /** The box that names this element by its ephemeral key, in a negotiation of these two indices (H1: no other is tried). */
  #own(boxes: readonly Uint8Array[], indexStart: SaIndex, indexEnd: SaIndex) {
    for (const box of boxes) {
      const negotiation = this.#state.byHint(box.subarray(0, HINT_BYTES));
      if (negotiation?.indexStart === indexStart && negotiation.indexEnd === indexEnd) return { negotiation, box };
    }
    return undefined;
  }

  #open(negotiation: HopNegotiation, direction: OrderDirection, box: Uint8Array): HopActionBox | string {
    const shared = direction === 'action' ? negotiation.sharedStart : negotiation.sharedEnd;
    return openHopOrder(this.#deps.provider, shared, negotiation.binding, direction, box);
  }

  #install(negotiation: HopNegotiation): readonly HopEffect[] {
    const { action, confirmation, confirmed, binding, record, cid } = negotiation;
    if (action === null || confirmation === null || confirmed === null) return [];
    const own = this.#deps.identity().caPart.nodeId;
    const checked = checkInstall(this.#deps, own, { binding, record, action, confirmation });
    if (typeof checked === 'string') return [...missing(this.#deps, negotiation), counter(`hop-${checked}`, cid)];
    this.#state.put({ ...negotiation, installed: true });
    wipe(negotiation.sharedStart, negotiation.sharedEnd);
    const { indexStart, indexEnd } = negotiation;
    const { order, parties } = checked;
    const nodes = { startNode: parties.start, endNode: parties.end };
    return [{ kind: 'relay-entry', entry: { ...confirmed, indexStart, indexEnd, ...nodes, ...order } }];
  }
}

/** Certificates that are named but not at hand. */
function missing(deps: HopDeps, { action, confirmation }: HopNegotiation): HopEffect[] {
  return [action, confirmation].flatMap((box) => {
    if (box === null || box.signer.form === 'value' || deps.caPartOf(box.signer.node) !== undefined) return [];
    return [{ kind: 'fetch-ca-part', node: box.signer.node }];
  });
}

function pass(bytes: Uint8Array): HopStep {
  return { forward: bytes, effects: [] };
}

function drop(reason: string, cid?: Cid): HopStep {
  return { forward: null, effects: [counter(reason, cid)] };
}

function counter(name: string, cid?: Cid): HopEffect {
  return cid ? { kind: 'counter', name, cid } : { kind: 'counter', name };
}
