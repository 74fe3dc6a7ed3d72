import { groupId, keyVersion, type Millis, millis, type NodeId, saIndex, unixSeconds } from '../../src/base/brands.ts';
import { concat, utf8 } from '../../src/base/bytes.ts';
import type { Cid } from '../../src/base/cid.ts';
import { MODE, NODE_TYPE } from '../../src/base/datagram-kinds.ts';
import { type PathAddress, pathAddress } from '../../src/base/path-address.ts';
import { SUITE } from '../../src/base/primitives.ts';
import { CaPartMemory } from '../../src/crypto/ca-part-memory.ts';
import { type CaPart, encodeCaPart, verifyCaPart } from '../../src/crypto/credential.ts';
import { createIdentity, type Identity } from '../../src/crypto/identity.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import type { KeyPair } from '../../src/crypto/provider.ts';
import { decodeCdn, encodeCdn } from '../../src/dprp/cdn.ts';
import type { SideName } from '../../src/dprp/constants.ts';
import { decodeDde } from '../../src/dprp/dde.ts';
import { makeDde } from '../../src/dprp/dde-maker.ts';
import { hashDde } from '../../src/dprp/dde-seal.ts';
import { EphemeralSource } from '../../src/dprp/ephemeral.ts';
import { plainHeader } from '../../src/dprp/header.ts';
import { type HopDeps, type HopEffect, OnPathElement } from '../../src/dprp/hop.ts';
import type { HopOrder } from '../../src/dprp/hop-action.ts';
import {
  type HopBinding,
  hopAuthor,
  openHopRecord,
  sealHopAction,
  sealHopConfirmation,
} from '../../src/dprp/hop-box.ts';
import { decodeHopRecord, formFor } from '../../src/dprp/hop-record.ts';
import { decodeMpit, encodeMpit } from '../../src/dprp/mpit.ts';
import { mpitPayloadBytes } from '../../src/dprp/mpit-payload.ts';
import type { GroupView } from '../../src/dprp/negotiation-deps.ts';
import { decodeRgi, encodeRgi, rgiCore } from '../../src/dprp/rgi.ts';

/** One negotiation with on-path elements between two ends that only do what the hop boxes need, step by step. */

export const provider = nodeProvider;
const NOW = unixSeconds(1_800_000_000);
const DAY = 86_400;
const CA = provider.sha256(utf8('the CA'));
const CA_PK = provider.ed25519KeyPair(CA).publicKey;
export const DOMAIN = { v: keyVersion(3), r: 0, kDde: key('kdde'), kTag: key('ktag'), kStale: key('kstale') };
export const INDEX = { start: saIndex(0x1000), end: saIndex(0x2000) } as const;
export const LIFETIME = 120;

export function key(name: string): Uint8Array {
  return provider.sha256(utf8(name));
}

/** Repeatable bytes. */
function bytesOf(seed: string): (length: number) => Uint8Array {
  let counter = 0;
  return (length) => {
    const out = new Uint8Array(length);
    for (let at = 0; at < length; at += 32) out.set(key(`${seed} ${counter++}`).subarray(0, length - at), at);
    return out;
  };
}

export function identity(
  name: string,
  type: keyof typeof NODE_TYPE,
  mode: keyof typeof MODE = 'op',
  ca = CA,
): Identity {
  const seed = key(`${name} ed`);
  const certificate = {
    type: NODE_TYPE[type],
    mode: MODE[mode],
    edPk: provider.ed25519KeyPair(seed).publicKey,
    vip6: key(name).slice(0, 16),
    vip4: undefined,
    notBefore: unixSeconds(NOW - DAY),
    notAfter: unixSeconds(NOW + 30 * DAY),
    serial: new Uint8Array(8).fill(7),
    routes: [],
    moreRoutes: false,
  };
  const made = createIdentity(provider, seed, encodeCaPart(provider, certificate, ca), key(`${name} x`), NOW);
  if (typeof made === 'string') throw new Error(made);
  return made;
}

export function caPartBytes({ credential }: Identity): Uint8Array {
  return credential.slice(0, 200);
}

/** A group in which versions of these numbers are held. */
export function group(name: string, ...held: readonly number[]): GroupView {
  return {
    id: groupId(name.repeat(32).slice(0, 32)),
    roster: { members: new Map(), covers: () => undefined, memberCovers: () => false, joinedAfter: () => false },
    retainFlow: false,
    stopped: false,
    versions: held.map((v, at) => ({
      r: 1,
      v: keyVersion(v),
      state: at === 0 ? 'current' : 'tagonly',
      kTag: key(`tag ${name} ${v}`),
      kStale: key('stale'),
      kPsk: key('psk'),
      rosterSeq: 1,
      rosterHead: key('head'),
      notAfter: unixSeconds(NOW + DAY),
      retired: undefined,
    })),
  };
}

export interface ElementOptions {
  readonly type?: 'gen' | 'gea';
  readonly mode?: 'op' | 'cl';
  readonly side?: SideName;
  /** what its certificate says, where that differs from what it states */
  readonly certified?: { readonly type: 'ges' | 'gen' | 'gea'; readonly mode: 'op' | 'cl' };
  readonly groups?: readonly GroupView[];
  readonly domain?: HopDeps['domain'];
  /** certificates at hand beside those in boxes */
  readonly known?: Map<NodeId, Uint8Array>;
}

/** An on-path element with the addresses that it sees on both sides. */
export class BenchElement {
  readonly identity: Identity;
  readonly side: SideName;
  readonly known: Map<NodeId, Uint8Array>;
  readonly element: OnPathElement;

  constructor(name: string, options: ElementOptions = {}) {
    const { type = 'gen', mode = 'cl', side = 's' } = options;
    const certified = options.certified ?? { type, mode };
    const own = identity(name, certified.type, certified.mode);
    this.identity = own;
    this.side = side;
    this.known = options.known ?? new Map();
    const random = bytesOf(name);
    this.element = new OnPathElement({
      provider,
      caParts: new CaPartMemory(provider),
      authorities: () => [CA_PK],
      unixNow: () => NOW,
      caPartOf: (node) => this.known.get(node),
      identity: () => own,
      groups: () => options.groups ?? [],
      domain: options.domain ?? (() => [DOMAIN]),
      settings: { type, mode, suites: [SUITE.aes256gcm], lanes: 1, mtu: 1400, noGms: false, lifetime: LIFETIME },
      ephemerals: new EphemeralSource(provider, random, { key: key('hedge'), bootCounter: 1 }),
    });
  }
}

const MIRROR: Readonly<Record<SideName, SideName>> = { s: 'd', d: 's', n: 'n', b: 'b' };

/** Everything that happened to one datagram on its way. */
export interface Crossing {
  readonly arrived: Uint8Array | null;
  readonly effects: readonly HopEffect[];
}

/** What an end makes of an element. */
export interface SeenHop {
  readonly binding: HopBinding;
  readonly record: Uint8Array;
  readonly node: NodeId;
}

export class HopBench {
  readonly start = identity('start', 'ges');
  readonly end = identity('end', 'ges');
  readonly startPath: PathAddress = pathAddress('10.0.0.1:47247');
  readonly endPath: PathAddress = pathAddress('10.0.9.9:47247');
  readonly startKey: KeyPair;
  readonly endKey: KeyPair;
  readonly dde: Uint8Array;
  readonly elements: readonly BenchElement[];
  now: Millis = millis(1_000);
  readonly cid: Cid = {
    family: 6,
    protocol: 6,
    source: key('source').slice(0, 16),
    destination: key('destination').slice(0, 16),
    sourcePort: 40_000,
    destinationPort: 443,
  };

  constructor(elements: readonly BenchElement[], listed: readonly GroupView[] = [], seed = 'bench') {
    this.elements = elements;
    this.startKey = provider.x25519KeyPair(key(`${seed} e_I`));
    this.endKey = provider.x25519KeyPair(key(`${seed} e_R`));
    this.dde = makeDde(provider, bytesOf(seed), {
      ephemeral: this.startKey.publicKey,
      index: INDEX.start,
      rekeyIndex: 0,
      domain: DOMAIN,
      listed: listed.map((view) => ({ group: view, current: view.versions[0], previous: undefined })),
      cid: this.cid,
      suites: [SUITE.aes256gcm],
      mtu: 1400,
      caps: { lanes: 1, noGms: false, type: 'ges' },
    }).bytes;
  }

  /** Sends a datagram past all elements, from I to R or back; null once one of them drops it. */
  cross(bytes: Uint8Array, direction: 'towards-end' | 'towards-start'): Crossing {
    const out = direction === 'towards-end';
    const effects: HopEffect[] = [];
    let arrived: Uint8Array | null = bytes;
    for (const { element, side } of out ? this.elements : this.elements.toReversed()) {
      if (arrived === null) break;
      const [from, to] = out ? [this.startPath, this.endPath] : [this.endPath, this.startPath];
      const step = element.handle(arrived, { from, to, side: out ? side : MIRROR[side] }, this.now);
      arrived = step.forward;
      effects.push(...step.effects);
    }
    return { arrived, effects };
  }

  /** R's answer to a DDE: the ciphertext fields are random, as the elements can't tell. */
  rgi(dde: Uint8Array, seed = 'rgi'): Uint8Array {
    const decoded = decodeDde(dde);
    if (typeof decoded === 'string') throw new Error(decoded);
    const random = bytesOf(seed);
    return encodeRgi({
      header: plainHeader(INDEX.end, INDEX.start),
      slot: 0,
      hopCount: decoded.header.hops,
      ephemeral: this.endKey.publicKey,
      encStatic: random(48),
      encPayload: random(352),
    });
  }

  /** I's view of the records of an RGI, in their order: the first one stands nearest to R. */
  seen(rgi: Uint8Array): SeenHop[] {
    const decoded = decodeRgi(rgi);
    if (typeof decoded === 'string') throw new Error(decoded);
    return decoded.records.map((record) => {
      const outer = decodeHopRecord(record);
      if (typeof outer === 'string') throw new Error(outer);
      const binding = this.binding(rgi, outer.ephemeral);
      const opened = openHopRecord(provider, this.shared(this.startKey, outer.ephemeral), binding, record);
      if (typeof opened === 'string') throw new Error(opened);
      const node = opened.signer.form === 'reference' ? opened.signer.node : this.verified(opened.signer.caPart).nodeId;
      return { binding, record, node };
    });
  }

  binding(rgi: Uint8Array, eG: Uint8Array): HopBinding {
    const eI = this.startKey.publicKey;
    const eR = this.endKey.publicKey;
    return { dde: hashDde(provider, this.dde), rgi: provider.sha256(rgiCore(rgi)), eG, eI, eR };
  }

  /** MPIT with one action per element; `change` alters what is sealed for it. */
  mpit(seen: readonly SeenHop[], change: Change = {}): Uint8Array {
    const who = change.start ?? this.start;
    const actions = seen.map(({ binding, record, node }) => {
      const order = change.order ?? { action: 'relay', lifetime: LIFETIME };
      const parties = {
        hop: change.hop ?? node,
        start: who.caPart.nodeId,
        end: (change.end ?? this.end).caPart.nodeId,
      };
      const shared = this.shared(this.startKey, binding.eG);
      const decided = { order, parties, record: change.record ?? record };
      const author = hopAuthor(who, change.form ?? formFor(seen.length));
      const edSecret = change.signAs?.edSecret ?? author.edSecret;
      return sealHopAction(provider, shared, { ...binding, ...change.binding }, decided, { ...author, edSecret });
    });
    const header = plainHeader(INDEX.start, INDEX.end);
    const encPayload = bytesOf('payload')(mpitPayloadBytes(seen.length, false) + 16);
    return encodeMpit({ header, encStatic: bytesOf('s')(48), encPayload, actions });
  }

  /** CDN with one confirmation per element. */
  cdn(seen: readonly SeenHop[], change: Change = {}): Uint8Array {
    const who = change.end ?? this.end;
    const confirmations = seen.map(({ binding, node }) => {
      const order = change.order ?? { action: 'relay', lifetime: LIFETIME };
      const start = (change.start ?? this.start).caPart.nodeId;
      const parties = { hop: change.hop ?? node, start, end: who.caPart.nodeId };
      const author = hopAuthor(who, change.form ?? formFor(seen.length));
      const edSecret = change.signAs?.edSecret ?? author.edSecret;
      const shared = this.shared(this.endKey, binding.eG);
      return sealHopConfirmation(
        provider,
        shared,
        { ...binding, ...change.binding },
        { order, parties },
        { ...author, edSecret },
      );
    });
    const header = plainHeader(INDEX.end, INDEX.start);
    return encodeCdn({ header, encPayload: bytesOf('cdn')(64), confirmations });
  }

  /** Runs DDE and RGI, and gives what I then knows. */
  detect(): { readonly rgi: Uint8Array; readonly seen: SeenHop[] } {
    const rgi = this.arrives(this.rgi(this.arrives(this.dde, 'towards-end')), 'towards-start');
    return { rgi, seen: this.seen(rgi) };
  }

  /** Sends a datagram that must arrive. */
  arrives(bytes: Uint8Array, direction: 'towards-end' | 'towards-start'): Uint8Array {
    const { arrived, effects } = this.cross(bytes, direction);
    if (arrived === null) throw new Error(`dropped: ${JSON.stringify(effects)}`);
    return arrived;
  }

  shared(own: KeyPair, other: Uint8Array): Uint8Array {
    const secret = provider.x25519(own.secretKey, other);
    if (secret === null) throw new Error('weak key');
    return secret;
  }

  verified(bytes: Uint8Array): CaPart {
    const part = verifyCaPart(provider, bytes, [CA_PK], NOW);
    if (typeof part === 'string') throw new Error(part);
    return part;
  }
}

/** What a dishonest end seals instead. */
export interface Change {
  readonly order?: HopOrder;
  readonly hop?: NodeId;
  readonly start?: Identity;
  readonly end?: Identity;
  readonly record?: Uint8Array;
  readonly binding?: Partial<HopBinding>;
  readonly signAs?: Identity;
  readonly form?: 'value' | 'reference';
}

/** Lengths that a decoder accepted, for tests that alter one box in a datagram. */
export function boxesAt(datagram: Uint8Array): number {
  const decoded = datagram[0] === 3 ? decodeMpit(datagram) : decodeCdn(datagram);
  if (typeof decoded === 'string') throw new Error(decoded);
  const boxes = 'actions' in decoded ? decoded.actions : decoded.confirmations;
  return datagram.length - concat(...boxes).length;
}
