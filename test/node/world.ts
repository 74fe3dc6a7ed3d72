import { type Millis, millis, type UnixSeconds, unixSeconds } from '../../src/base/brands.ts';
import { type PathAddress, parsePath, pathAddress } from '../../src/base/path-address.ts';
import {
  MESSAGE,
  PACKET,
  type PacketPrimitives,
  PRIMITIVE_COUNTERS,
  type PrimitiveCounter,
  RECORD_ROW,
  RUN,
  SEND,
} from '../../src/base/primitives.ts';
import type { LeaseClock } from '../../src/crypto/lease-clock.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import type { Hedge } from '../../src/dprp/ephemeral.ts';
import { routeOf } from '../../src/nat/path-route.ts';
import { BundleKeys, type PersistedKeys } from '../../src/node/bundle-keys.ts';
import { framed } from '../../src/node/effects.ts';
import { Engine } from '../../src/node/engine.ts';
import type { NodeEffect } from '../../src/node/node-effects.ts';
import type { EngineSettings } from '../../src/node/node-state.ts';
import type { ResumedKeys } from '../../src/node/resumed-keys.ts';
import { nodePacketCipher } from '../../src/pccom/node-packet-cipher.ts';
import { TypescriptPrimitives } from '../../src/pccom/typescript-primitives.ts';
import { Authority } from './authority.ts';
import { seededRandom } from './seeded-random.ts';

/** 2026-01-01, when every world begins. */
const BEGIN = 1_767_225_600;
const ARENA = 512 * 1024;

/** One datagram on its way. */
export interface Flying {
  readonly from: PathAddress;
  readonly to: PathAddress;
  readonly bytes: Uint8Array;
  readonly arrives: Millis;
}

/** What a test does with a datagram: undefined lets it pass. */
export type Wire = (datagram: Flying) => readonly Flying[] | undefined;

export interface SimOptions {
  readonly hedge?: Hedge;
  /** what an earlier run of the node kept */
  readonly persisted?: PersistedKeys;
  readonly settings?: Partial<EngineSettings>;
  /** keys that an earlier run kept, instead of a bundle; with the seed of its identity */
  readonly resumed?: { readonly keys: ResumedKeys; readonly edSeed: Uint8Array; readonly clock: LeaseClock };
  /** how far its wall clock is off, in seconds */
  readonly clockError?: number;
  /** its keys come from a server: versions that were replaced have a grace of a minute */
  readonly served?: boolean;
  /** stands between the engine and the TypeScript primitives */
  readonly wrap?: (primitives: PacketPrimitives) => PacketPrimitives;
}

/** A whole node without a kernel: engine and TypeScript primitives, with what its TUN would have got. */
export class SimNode {
  readonly name: string;
  /** where it is in the network; `World.move` changes it */
  path: PathAddress;
  readonly keys: BundleKeys;
  readonly engine: Engine;
  readonly primitives: PacketPrimitives;
  /** packets written to TUN, in order */
  readonly received: Uint8Array[] = [];
  readonly log: NodeEffect[] = [];
  clockError: number;
  readonly #arena = new Uint8Array(ARENA);
  readonly #view = new DataView(this.#arena.buffer);
  readonly #out = new Uint8Array(ARENA);
  readonly #sends = new Int32Array(256 * SEND.stride);
  readonly #records = new Int32Array(512 * RECORD_ROW.stride);
  readonly #runs = new Int32Array(512 * RUN.stride);

  constructor(world: World, name: string, path: string, options: SimOptions) {
    const { settings, persisted, hedge, resumed, served = false, wrap = (it) => it } = options;
    this.name = name;
    this.clockError = options.clockError ?? 0;
    this.path = pathAddress(path);
    this.primitives = wrap(new TypescriptPrimitives(nodePacketCipher));
    // a node that starts again draws other bytes
    const random = seededRandom(`node ${world.seed} ${name} ${world.now}`);
    const wall = () => unixSeconds(world.wall() + this.clockError);
    const deps = {
      provider: nodeProvider,
      random,
      wall,
      boot: () => world.now,
      persisted,
      longGrace: !served,
      ...resumed,
    };
    this.keys = new BundleKeys(resumed?.keys ?? world.authority.bundle(name), deps, world.now);
    this.engine = new Engine({
      primitives: this.primitives,
      provider: nodeProvider,
      random,
      keys: this.keys,
      settings: { ...SETTINGS, noGms: !served, ...this.#stated(), ...settings },
      ...(hedge && { hedge }),
      wallMillis: () => BEGIN * 1_000 + world.now,
    });
  }

  /** What it says of itself is what its certificate says. */
  #stated(): Pick<EngineSettings, 'type' | 'mode'> {
    const { type, mode } = this.keys.self();
    return { type: type === 'gen' || type === 'gea' ? type : 'ges', mode: mode === 'cl' ? 'cl' : 'op' };
  }

  /** Own overlay address of a family, 4 or 16 bytes. */
  address(family: 4 | 6): Uint8Array {
    const vip = this.keys.self().vips.find((each) => (each[0] === 0) === (family === 4));
    if (!vip) throw new Error('no address');
    return family === 4 ? vip.subarray(12) : vip;
  }

  /** A packet as if an application had sent it; returns the datagrams that leave. */
  send(packets: readonly Uint8Array[], now: Millis): readonly Sent[] {
    const rows = new Int32Array(packets.length * PACKET.stride);
    let at = 0;
    packets.forEach((packet, row) => {
      this.#arena.set(packet, at);
      rows[row * PACKET.stride + PACKET.offset] = at;
      rows[row * PACKET.stride + PACKET.length] = packet.length;
      rows[row * PACKET.stride + PACKET.segments] = 1;
      at += (packet.length + 15) & ~15;
    });
    this.engine.handleOutgoing(this.#arena, this.#view, rows, packets.length, now);
    return [...this.#sealed(rows, packets.length), ...this.carryOut()];
  }

  /** One datagram from the network; returns what leaves in answer. */
  receive(bytes: Uint8Array, from: PathAddress, now: Millis): readonly Sent[] {
    const { family, address, port } = parsePath(from);
    const memory = new Int32Array(4);
    new Uint8Array(memory.buffer).set(address);
    const message = new Int32Array(MESSAGE.stride);
    this.#arena.set(bytes);
    message[MESSAGE.length] = bytes.length;
    message[MESSAGE.segment] = bytes.length;
    message[MESSAGE.family] = family;
    message.set(memory, MESSAGE.address);
    message[MESSAGE.port] = port;
    const rows = this.engine.elements.sort(this.#arena, message, 1, now);
    const count = this.primitives.openBatch(this.#arena, message, rows, this.#records, this.#runs);
    this.engine.handleIncoming(this.#arena, this.#view, message, this.#records, this.#runs, count, now);
    this.#deliver(this.#records, this.#runs, count, this.#arena);
    return this.carryOut();
  }

  tick(now: Millis): readonly Sent[] {
    this.engine.tick(now);
    return this.carryOut();
  }

  reload(world: World): readonly Sent[] {
    for (const change of this.keys.reload(world.authority.bundle(this.name), world.now))
      this.engine.handleKeyChange(change, world.now);
    return this.carryOut();
  }

  /** A counter of the node or of the held packets. */
  counter(name: string): number {
    return this.engine.node.counters.value(name) + (this.engine.node.held.dropped.get(name) ?? 0);
  }

  primitiveCounter(name: PrimitiveCounter): number {
    return this.primitives.counters()[PRIMITIVE_COUNTERS.indexOf(name)];
  }

  /** Carries out what the engine asked for. */
  carryOut(): Sent[] {
    const sent: Sent[] = [];
    for (const effect of this.engine.takeEffects()) {
      this.log.push(effect);
      if (effect.kind === 'send') sent.push({ bytes: framed(effect.bytes, effect.to), to: outerOf(effect.to) });
      else if (effect.kind === 'send-run')
        for (let at = 0; at < effect.bytes.length; at += effect.segment)
          sent.push({ bytes: effect.bytes.slice(at, at + effect.segment), to: outerOf(effect.to) });
      else if (effect.kind === 'send-tunnel') sent.push({ bytes: effect.bytes, to: effect.to, tunnel: true });
      else if (effect.kind === 'send-spare') sent.push({ bytes: effect.bytes, to: effect.to, spare: true });
      else if (effect.kind === 'deliver') this.received.push(effect.packet.slice());
      else if (effect.kind === 'seal') {
        const row = new Int32Array(PACKET.stride);
        const { bytes, kind, gsoSize, headerLength, l4Offset } = effect.packet;
        this.#arena.set(bytes);
        row[PACKET.length] = bytes.length;
        row[PACKET.kind] = kind;
        row[PACKET.gsoSize] = gsoSize;
        row[PACKET.headerLength] = headerLength;
        row[PACKET.l4Offset] = l4Offset;
        row[PACKET.sa] = effect.sa;
        sent.push(...this.#sealed(row, 1));
      }
    }
    return sent;
  }

  #sealed(rows: Int32Array, count: number): Sent[] {
    const sent: Sent[] = [];
    const sends = this.primitives.sealBatch(this.#arena, rows, count, this.#out, this.#sends);
    for (let row = 0; row < sends; row++) {
      const at = row * SEND.stride;
      const offset = this.#sends[at + SEND.offset];
      const end = offset + this.#sends[at + SEND.length];
      const to = [...this.engine.node.paths.peers()].find(({ slot }) => slot === this.#sends[at + SEND.path])?.current;
      for (let from = offset; to && from < end; from += this.#sends[at + SEND.segment])
        sent.push({
          bytes: this.#out.slice(from, Math.min(end, from + this.#sends[at + SEND.segment])),
          to: outerOf(to),
        });
    }
    return sent;
  }

  #deliver(records: Int32Array, runs: Int32Array, count: number, arena: Uint8Array): void {
    const used = this.primitives.coalesceBatch(arena, records, runs, count, false, this.#out);
    const view = new DataView(this.#out.buffer);
    for (let at = 0; at < used; at += 4 + view.getUint32(at, true))
      this.received.push(this.#out.slice(at + 4, at + 4 + view.getUint32(at, true)));
  }
}

export interface Sent {
  readonly bytes: Uint8Array;
  readonly to: PathAddress;
  /** by the socket that nothing else uses */
  readonly spare?: boolean;
  /** through the server's TCP port */
  readonly tunnel?: boolean;
}

/** Where the datagrams of a path go: to the peer, or to the relay. */
function outerOf(path: PathAddress): PathAddress {
  return routeOf(path).address;
}

export const SETTINGS: EngineSettings = {
  type: 'ges',
  mode: 'op',
  suites: [1, 2],
  lanes: 1,
  mtu: 1_400,
  noGms: true,
  lifetime: 600,
  pitCapacity: 4_096,
  rekeyVolume: 2 ** 33,
  pitLimits: { entriesPerPeer: 2_048, newPerSecond: 1_000 },
  windowBits: 8_192,
};

/** Nodes, the network between them, and a clock that only the test moves. */
export class World {
  now: Millis = millis(10_000);
  /** every datagram that any node sent */
  readonly seen: Flying[] = [];
  readonly authority: Authority;
  readonly seed: string;
  wire: Wire = () => undefined;
  /** what else happens as time passes; called after each step of it */
  meanwhile: () => void = () => undefined;
  delay = 1;
  readonly #nodes = new Map<PathAddress, SimNode>();
  #flying: Flying[] = [];

  constructor(seed = 'world') {
    this.seed = seed;
    this.authority = new Authority(seed, () => this.wall());
  }

  wall(): UnixSeconds {
    return unixSeconds(BEGIN + this.now / 1000);
  }

  /** Adds a node that knows the endpoints of all others there are, as they learn its own. */
  node(name: string, path: string, options: SimOptions = {}): SimNode {
    const others = this.all();
    const node = this.#join(new SimNode(this, name, path, options));
    for (const other of others) this.#launch(other, other.reload(this));
    return node;
  }

  /** The process of a node ends without a word and another one starts in its place, with what the options say and its bundle. */
  restart(node: SimNode, options: SimOptions = {}): SimNode {
    this.#nodes.delete(node.path);
    return this.#join(new SimNode(this, node.name, node.path, options));
  }

  #join(node: SimNode): SimNode {
    for (const other of this.#nodes.values()) {
      node.engine.node.paths.hint(other.keys.self().id, other.path);
      other.engine.node.paths.hint(node.keys.self().id, node.path);
    }
    this.#nodes.set(node.path, node);
    return node;
  }

  /** A node's address changes, as a laptop's does; nobody is told. */
  move(node: SimNode, path: string): void {
    this.#nodes.delete(node.path);
    node.path = pathAddress(path);
    this.#nodes.set(node.path, node);
  }

  /** A node is switched off: it neither hears nor ticks any more. */
  switchOff(node: SimNode): void {
    this.#nodes.delete(node.path);
  }

  /** Every node that is switched on. */
  all(): readonly SimNode[] {
    return [...this.#nodes.values()];
  }

  /** Who is at an address now. */
  at(path: PathAddress): SimNode | undefined {
    return this.#nodes.get(path);
  }

  send(node: SimNode, ...packets: Uint8Array[]): void {
    this.#launch(node, node.send(packets, this.now));
  }

  /** What a node did outside of `send`, `receive` and ticks. */
  launch(node: SimNode, sent: readonly Sent[]): void {
    this.#launch(node, sent);
  }

  /** Puts a datagram into the network, as an attacker would. */
  inject(datagram: Omit<Flying, 'arrives'>): void {
    this.#flying.push({ ...datagram, arrives: this.now });
  }

  /** Lets time pass, in steps of a millisecond while datagrams fly and of `step` otherwise. */
  run(duration: number, step = 5): void {
    const end = this.now + duration;
    while (this.now < end) {
      this.now = millis(this.now + (this.#flying.length > 0 ? 1 : Math.min(step, end - this.now)));
      this.#arrive();
      for (const node of this.#nodes.values()) this.#launch(node, node.tick(this.now));
      this.meanwhile();
    }
  }

  #arrive(): void {
    const due = this.#flying.filter(({ arrives }) => arrives <= this.now);
    this.#flying = this.#flying.filter(({ arrives }) => arrives > this.now);
    for (const { from, to, bytes } of due) {
      const node = this.#nodes.get(to);
      if (node) this.#launch(node, node.receive(bytes, from, this.now));
    }
  }

  #launch(node: SimNode, sent: readonly Sent[]): void {
    for (const { bytes, to } of sent) {
      const datagram = { from: node.path, to, bytes, arrives: millis(this.now + this.delay) };
      this.seen.push(datagram);
      this.#flying.push(...(this.wire(datagram) ?? [datagram]));
    }
  }
}

/** Two members of one group. */
export function pair(options: SimOptions = {}, seed = 'pair') {
  const world = new World(seed);
  world.authority.group('office');
  world.authority.add('a', ['office']);
  world.authority.add('b', ['office']);
  const a = world.node('a', '10.0.0.1:47247', options);
  const b = world.node('b', '10.0.0.2:47247', options);
  return { world, a, b };
}

/** Three members of one group. */
export function trio(seed = 'trio', options: SimOptions = {}) {
  const world = new World(seed);
  world.authority.group('office');
  for (const name of ['a', 'b', 'c']) world.authority.add(name, ['office']);
  const [a, b, c] = ['a', 'b', 'c'].map((name, at) => world.node(name, `10.0.0.${at + 1}:47247`, options));
  return { world, a, b, c };
}
