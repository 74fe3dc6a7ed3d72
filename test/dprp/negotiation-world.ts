import {
  type GroupId,
  groupId,
  keyVersion,
  type Millis,
  millis,
  type NodeId,
  type SaIndex,
  saIndex,
  type UnixSeconds,
  unixSeconds,
} from '../../src/base/brands.ts';
import { concat, toHex, utf8 } from '../../src/base/bytes.ts';
import type { Cid } from '../../src/base/cid.ts';
import { MODE, type ModeName, NODE_TYPE } from '../../src/base/datagram-kinds.ts';
import { padAddress, parseAddress } from '../../src/base/ip-address.ts';
import { type PathAddress, pathAddress } from '../../src/base/path-address.ts';
import { SUITE, type Suite } from '../../src/base/primitives.ts';
import { type AddressPrefix, isIpv4 } from '../../src/crypto/address-prefix.ts';
import { encodeCaPart } from '../../src/crypto/credential.ts';
import { createIdentity, type Identity } from '../../src/crypto/identity.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import { rosterCoverage } from '../../src/crypto/roster-coverage.ts';
import type { Member } from '../../src/crypto/roster-entry.ts';
import type { DprpEffect, Purpose } from '../../src/dprp/effects.ts';
import type {
  DomainVersion,
  GroupVersion,
  GroupView,
  LiveSa,
  NegotiationDeps,
  NegotiationSettings,
} from '../../src/dprp/negotiation-deps.ts';
import { Negotiations } from '../../src/dprp/negotiations.ts';
import type { EndType } from '../../src/dprp/wire-names.ts';

/** Nodes joined in memory with made-up time and repeatable randomness: whole negotiations without a socket. */

export const NOW_UNIX = unixSeconds(1_800_000_000);
const YEAR = 365 * 86_400;

/** Repeatable bytes. */
export function counterRandom(seed: string): (length: number) => Uint8Array {
  let counter = 0;
  return (length) => {
    const out = new Uint8Array(length);
    for (let at = 0; at < length; at += 32)
      out.set(nodeProvider.sha256(utf8(`${seed} ${counter++}`)).subarray(0, length - at), at);
    return out;
  };
}

export function address(text: string): Uint8Array {
  const bytes = parseAddress(text);
  if (bytes === null) throw new Error(text);
  return padAddress(bytes);
}

export function flow(source: string, destination: string, port = 80): Cid {
  const [from, to] = [address(source), address(destination)];
  const family = isIpv4(from) ? 4 : 6;
  return { family, protocol: 6, source: from, destination: to, sourcePort: 40_000, destinationPort: port };
}

/** Keys of one version, the same at every holder. */
export function version(group: GroupId, v: number, change: Partial<GroupVersion> = {}): GroupVersion {
  const key = (name: string) => nodeProvider.sha256(utf8(`${group} ${v} ${name}`));
  return {
    r: 0,
    v: keyVersion(v),
    state: 'current',
    kTag: key('tag'),
    kStale: key('stale'),
    kPsk: key('psk'),
    rosterSeq: 3,
    rosterHead: key('head'),
    notAfter: unixSeconds(NOW_UNIX + YEAR),
    retired: undefined,
    ...change,
  };
}

export function retired(
  group: GroupId,
  v: number,
  at: number,
  cause: 'schedule' | 'removal' = 'schedule',
): GroupVersion {
  return version(group, v, { state: 'retired', retired: { at: millis(at), cause } });
}

export function domainVersion(v: number): DomainVersion {
  const key = (name: string) => nodeProvider.sha256(utf8(`domain ${v} ${name}`));
  return { v: keyVersion(v), r: 0, kDde: key('dde'), kTag: key('tag'), kStale: key('stale') };
}

export interface NodeOptions {
  readonly vips: readonly string[];
  readonly routes?: readonly AddressPrefix[];
  readonly mode?: ModeName;
  readonly type?: EndType;
  readonly suites?: readonly Suite[];
  readonly lanes?: number;
  readonly noGms?: boolean;
  readonly provider?: CryptoProvider;
  readonly caSeed?: Uint8Array;
  /** what the certificate says, where that differs from `type` */
  readonly certifiedType?: keyof typeof NODE_TYPE;
  /** another run of the same node draws other random bytes */
  readonly seed?: string;
  /** made before, by an earlier node of these options */
  readonly identity?: Identity;
}

export const GROUP_A = groupId('aa'.repeat(16));
export const GROUP_B = groupId('bb'.repeat(16));
export const CA_SEED = nodeProvider.sha256(utf8('the CA'));

/** A node whose keys, rosters and clock a test may change at will. */
export class TestNode {
  readonly name: string;
  readonly path: PathAddress;
  readonly identity: Identity;
  readonly id: NodeId;
  readonly member: Member;
  readonly sas = new Map<SaIndex, LiveSa>();
  readonly seen: DprpEffect[] = [];
  readonly freed: SaIndex[] = [];
  /** the place of its ADD in every roster */
  joinedAt = 0;
  /** certificates of on-path elements that name themselves by reference */
  readonly certificates = new Map<NodeId, Uint8Array>();
  readonly negotiations: Negotiations;
  groups: GroupView[] = [];
  domain: DomainVersion[] = [domainVersion(1)];
  unix: UnixSeconds = NOW_UNIX;
  authorities: Uint8Array[];
  settings: NegotiationSettings;
  room = true;
  freeIndices = 1_000_000;
  #nextIndex: number;

  constructor(name: string, path: string, options: NodeOptions) {
    this.name = name;
    this.path = pathAddress(path);
    this.identity = options.identity ?? makeIdentity(name, options);
    this.id = this.identity.caPart.nodeId;
    this.authorities = [nodeProvider.ed25519KeyPair(CA_SEED).publicKey];
    this.member = {
      nodeId: this.id,
      edPk: this.identity.edPublic,
      vips: options.vips.map(address),
      routes: options.routes ?? [],
      check: 'ca-only',
    };
    this.settings = {
      type: options.type ?? 'ges',
      mode: options.mode ?? 'op',
      suites: options.suites ?? [SUITE.aes256gcm, SUITE.chacha20poly1305],
      lanes: options.lanes ?? 1,
      mtu: 1_400,
      noGms: options.noGms ?? false,
      lifetime: 3_600,
    };
    this.#nextIndex = 8 * (1 + nodeProvider.sha256(utf8(name))[0]) * 256;
    this.negotiations = new Negotiations(this.#deps(options.provider ?? nodeProvider, `${name} ${options.seed ?? ''}`));
  }

  /** Carries out what can be carried out without a packet path, and keeps everything for the test. */
  apply(effects: readonly DprpEffect[]): DprpEffect[] {
    for (const effect of effects) {
      this.seen.push(effect);
      if (effect.kind === 'install-receive') this.sas.set(effect.sa.local, { ...effect.sa });
      if (effect.kind === 'advance') this.advance(effect.group, effect.version);
    }
    return [...effects];
  }

  /** Makes a version CURRENT, the former one RETIRED by schedule. */
  advance(group: GroupId, v: number, at: Millis = millis(0)): void {
    this.groups = this.groups.map((view) => {
      if (view.id !== group) return view;
      const versions = view.versions.map((held): GroupVersion => {
        if (held.v === v) return { ...held, state: 'current', retired: undefined };
        return held.v < v && held.state === 'current'
          ? { ...held, state: 'retired', retired: { at, cause: 'schedule' } }
          : held;
      });
      return { ...view, versions };
    });
  }

  counters(): string[] {
    return this.seen.flatMap((effect) => (effect.kind === 'counter' ? [effect.name] : []));
  }

  of<K extends DprpEffect['kind']>(kind: K): Extract<DprpEffect, { kind: K }>[] {
    return this.seen.filter((effect): effect is Extract<DprpEffect, { kind: K }> => effect.kind === kind);
  }

  #deps(provider: CryptoProvider, seed: string): NegotiationDeps {
    const self = this;
    return {
      provider,
      random: counterRandom(seed),
      hedge: { key: nodeProvider.sha256(utf8(`hedge ${this.name}`)), bootCounter: 7 },
      identity: () => self.identity,
      authorities: () => self.authorities,
      caPartOf: (node) => self.certificates.get(node),
      groups: () => self.groups,
      domain: () => self.domain,
      unixNow: () => self.unix,
      reserveIndex: () => {
        if (self.freeIndices === 0) return 0;
        self.freeIndices -= 1;
        self.#nextIndex += 8;
        return saIndex(self.#nextIndex);
      },
      freeIndex: (index) => {
        self.freeIndices += 1;
        self.freed.push(index);
      },
      liveSa: (index) => self.sas.get(index),
      admitEntry: () => self.room,
      roundTrip: () => undefined,
      get settings() {
        return self.settings;
      },
    };
  }
}

function makeIdentity(name: string, options: NodeOptions): Identity {
  const edSeed = nodeProvider.sha256(utf8(`ed ${name}`));
  const vip = (family: 4 | 6) => options.vips.map(address).find((one) => isIpv4(one) === (family === 4));
  const caPart = encodeCaPart(
    nodeProvider,
    {
      type: NODE_TYPE[options.certifiedType ?? options.type ?? 'ges'],
      mode: MODE[options.mode ?? 'op'],
      edPk: nodeProvider.ed25519KeyPair(edSeed).publicKey,
      vip6: vip(6),
      vip4: vip(4)?.slice(12),
      notBefore: unixSeconds(NOW_UNIX - 60),
      notAfter: unixSeconds(NOW_UNIX + YEAR),
      serial: new Uint8Array(8),
      routes: options.routes ?? [],
      moreRoutes: false,
    },
    options.caSeed ?? CA_SEED,
  );
  const identity = createIdentity(nodeProvider, edSeed, caPart, nodeProvider.sha256(utf8(`x ${name}`)), NOW_UNIX);
  if (typeof identity === 'string') throw new Error(identity);
  return identity;
}

/** A group as its members see it. */
export function groupView(
  id: GroupId,
  members: readonly TestNode[],
  versions: readonly GroupVersion[],
  change: Partial<GroupView> = {},
): GroupView {
  const map = new Map(members.map(({ member }) => [member.nodeId, member]));
  const joinedAfter = (node: NodeId, seq: number) => (members.find(({ id }) => id === node)?.joinedAt ?? 0) > seq;
  const roster = { members: map, joinedAfter, ...rosterCoverage(map) };
  return { id, roster, retainFlow: false, stopped: false, versions, ...change };
}

export interface Datagram {
  readonly from: TestNode;
  readonly to: PathAddress;
  readonly bytes: Uint8Array;
}

/** The wire between nodes: a queue that a test delivers, drops, repeats or changes. */
export class World {
  readonly nodes: readonly TestNode[];
  now: Millis = millis(1_000);
  wire: Datagram[] = [];
  /** every datagram ever sent */
  readonly log: Datagram[] = [];

  constructor(...nodes: readonly TestNode[]) {
    this.nodes = nodes;
  }

  node(path: PathAddress): TestNode | undefined {
    return this.nodes.find((node) => node.path === path);
  }

  apply(node: TestNode, effects: readonly DprpEffect[]): void {
    for (const effect of node.apply(effects)) {
      if (effect.kind === 'send') this.#put({ from: node, to: effect.to, bytes: effect.bytes });
      if (effect.kind === 'advance') this.apply(node, node.negotiations.versionsChanged(this.now));
    }
  }

  start(from: TestNode, to: TestNode, cid: Cid, purpose: Purpose = 'flow', replaces?: SaIndex): void {
    const request = { cid, paths: [to.path], purpose, ...(replaces === undefined ? {} : { replaces }) };
    this.apply(from, from.negotiations.start(request, this.now));
  }

  /** Takes the oldest datagram off the wire. */
  take(): Datagram {
    const next = this.wire.shift();
    if (next === undefined) throw new Error('nothing on the wire');
    return next;
  }

  deliver(datagram: Datagram = this.take(), bytes: Uint8Array = datagram.bytes): void {
    const node = this.node(datagram.to);
    if (node) this.apply(node, node.negotiations.handleDatagram(bytes, datagram.from.path, this.now));
  }

  /** Delivers until the wire is silent. */
  run(keep: (datagram: Datagram) => boolean = () => true): void {
    for (let steps = 0; this.wire.length > 0; steps++) {
      if (steps > 1_000) throw new Error('no end');
      const next = this.take();
      if (keep(next)) this.deliver(next);
    }
  }

  /** Lets time pass, ticking at every deadline. */
  pass(duration: number, keep?: (datagram: Datagram) => boolean): void {
    const end = this.now + duration;
    this.run(keep);
    for (let steps = 0; steps < 10_000; steps++) {
      const deadlines = this.nodes.flatMap((node) => node.negotiations.nextDeadline() ?? []);
      const next = Math.min(end, ...deadlines.map((deadline) => Math.max(deadline, this.now)));
      if (next >= end && !deadlines.some((deadline) => deadline <= end)) break;
      this.now = millis(Math.max(next, this.now));
      for (const node of this.nodes) this.apply(node, node.negotiations.tick(this.now));
      this.run(keep);
      if (this.now >= end) break;
    }
    this.now = millis(end);
  }

  #put(datagram: Datagram): void {
    this.wire.push(datagram);
    this.log.push(datagram);
  }
}

/** Alice and Bob in one group. */
export function pair(alice: Partial<NodeOptions> = {}, bob: Partial<NodeOptions> = {}) {
  const a = new TestNode('alice', '192.0.2.1:1001', { vips: ['100.64.0.1', 'fd00::1'], ...alice });
  const b = new TestNode('bob', '192.0.2.2:1002', { vips: ['100.64.0.2', 'fd00::2'], ...bob });
  const members = [a, b];
  a.groups = [groupView(GROUP_A, members, [version(GROUP_A, 5)])];
  b.groups = [groupView(GROUP_A, members, [version(GROUP_A, 5)])];
  return { a, b, world: new World(a, b), cid: flow('100.64.0.1', '100.64.0.2') };
}

export function kindOf({ bytes }: Datagram): number {
  return bytes[0];
}

/** Keys that both ends hold for each other, in hex, by direction. */
export function agreedKeys(start: TestNode, end: TestNode) {
  const hex = (lanes: readonly { key: Uint8Array; iv: Uint8Array }[] | undefined) =>
    lanes?.map(({ key, iv }) => toHex(concat(key, iv)));
  return {
    startSends: hex(start.of('install-send').at(-1)?.lanes),
    endReceives: hex(end.of('install-receive').at(-1)?.lanes),
    endSends: hex(end.of('install-send').at(-1)?.lanes),
    startReceives: hex(start.of('install-receive').at(-1)?.lanes),
  };
}
