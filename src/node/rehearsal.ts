import { type Millis, millis, type UnixSeconds } from '../base/brands.ts';
import { DATAGRAM } from '../base/datagram-kinds.ts';
import { type PathAddress, parsePath, pathAddress } from '../base/path-address.ts';
import { MESSAGE, PACKET, type PacketPrimitives, RECORD_ROW, RUN, SEND } from '../base/primitives.ts';
import { CaPartMemory } from '../crypto/ca-part-memory.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { EphemeralSource } from '../dprp/ephemeral.ts';
import { OnPathElement } from '../dprp/hop.ts';
import type { BundleKeys } from './bundle-keys.ts';
import { Engine } from './engine.ts';
import type { EngineSettings } from './node-state.ts';
import { rehearsalKeys, START } from './rehearsal-keys.ts';

const ARENA = 4_096;
/** Time that a flush is given, so that the limits of DPRP against floods see separate handshakes. */
const BETWEEN = 1_000;
const FLOWS = 4;

interface Datagram {
  readonly bytes: Uint8Array;
  readonly from: Player;
}

/**
 * Two whole nodes with throw-away keys, joined in memory, with a GEN between them that takes part in every other negotiation. Playing a handshake and a few flows checks, before the first
 * real one, that this machine computes what the protocol asks for.
 */
export class Rehearsal {
  readonly #players: readonly [Player, Player];
  readonly #between: OnPathElement;
  #now = START;
  #hasElement = false;
  #port = 1_024;

  constructor(
    primitives: PacketPrimitives,
    provider: CryptoProvider,
    random: (length: number) => Uint8Array,
    settings: EngineSettings,
    wall: UnixSeconds,
  ) {
    const keys = rehearsalKeys(provider, random, wall);
    const make = (at: 0 | 1, path: string) =>
      new Player(new Engine({ primitives, provider, random, keys: keys.ends[at], settings }), pathAddress(path));
    this.#players = [make(0, '192.0.2.1:1'), make(1, '192.0.2.2:1')];
    const [a, b] = this.#players;
    a.meets(b);
    b.meets(a);
    this.#between = elementBetween(provider, random, keys.between, settings);
  }

  /**
   * One handshake and some flows; false when a packet did not arrive as it was sent. Leaves no trace in the counters. `alone`: the GEN
   * takes no part in this one.
   */
  play(flows = FLOWS, alone = false): boolean {
    const counters = this.#players[0].engine.node.primitives.counters();
    const before = counters.slice();
    this.#hasElement = !(alone || this.#hasElement);
    const good = this.#scene(flows);
    counters.set(before);
    return good;
  }

  #scene(flows: number): boolean {
    const [a, b] = this.#players;
    let good = true;
    for (let flow = 0; flow < flows; flow++) {
      const packet = udpPacket(this.#nextPort());
      const arrived = this.#carry(a.sendPacket(packet, this.#now), a);
      good = good && arrived.length === 1 && arrived[0].every((byte, at) => byte === packet[at]);
    }
    for (const player of this.#players) player.engine.flush(true, this.#now);
    this.#now = millis(this.#now + BETWEEN);
    for (const player of this.#players) {
      player.engine.tick(this.#now);
      player.carryOut();
    }
    return good && b.engine.halfOpen === 0;
  }

  /** Gives every slot back. */
  close(): void {
    for (const player of this.#players) player.close(this.#now);
  }

  /** Lets datagrams fly until none is left; returns the packets that came out at the other end. */
  #carry(first: readonly Uint8Array[], sender: Player): Uint8Array[] {
    const [a, b] = this.#players;
    const arrived: Uint8Array[] = [];
    let flying: Datagram[] = first.map((bytes) => ({ bytes, from: sender }));
    for (let hops = 0; flying.length > 0 && hops < 16; hops++) {
      const next: Datagram[] = [];
      for (const { bytes, from } of flying) {
        const to = from === a ? b : a;
        const passed = this.#pass(bytes, from, to);
        const answers = passed ? to.receive(passed, from.path, this.#now, arrived) : [];
        for (const answer of answers) next.push({ bytes: answer, from: to });
      }
      flying = next;
    }
    return arrived;
  }

  /** The first node is below the GEN, the second outside. */
  #pass(bytes: Uint8Array, from: Player, to: Player): Uint8Array | null {
    if (!this.#hasElement || bytes[0] > DATAGRAM.cdn) return bytes;
    const side = (bytes[0] === DATAGRAM.dde) === (from === this.#players[0]) ? 's' : 'd';
    return this.#between.handle(bytes, { from: from.path, to: to.path, side }, this.#now).forward;
  }

  #nextPort(): number {
    this.#port = this.#port >= 65_000 ? 1_024 : this.#port + 1;
    return this.#port;
  }
}

/** One node of the rehearsal, with arenas of its own. */
class Player {
  readonly engine: Engine;
  readonly path: PathAddress;
  readonly #arena = new Uint8Array(ARENA);
  readonly #view = new DataView(this.#arena.buffer);
  readonly #out = new Uint8Array(ARENA);
  readonly #packet = new Int32Array(PACKET.stride);
  readonly #sends = new Int32Array(8 * SEND.stride);
  readonly #message = new Int32Array(MESSAGE.stride);
  readonly #records = new Int32Array(8 * RECORD_ROW.stride);
  readonly #runs = new Int32Array(8 * RUN.stride);

  constructor(engine: Engine, path: PathAddress) {
    this.engine = engine;
    this.path = path;
  }

  meets(other: Player): void {
    this.engine.node.paths.hint(other.engine.node.keys.self().id, other.path);
  }

  sendPacket(packet: Uint8Array, now: Millis): Uint8Array[] {
    const row = this.#packet.fill(0);
    this.#arena.set(packet);
    row[PACKET.length] = packet.length;
    row[PACKET.segments] = 1;
    this.engine.handleOutgoing(this.#arena, this.#view, row, 1, now);
    return [...this.#sealed(), ...this.carryOut()];
  }

  receive(bytes: Uint8Array, from: PathAddress, now: Millis, arrived: Uint8Array[]): Uint8Array[] {
    const { primitives } = this.engine.node;
    const { address, port } = parsePath(from);
    const row = this.#message.fill(0);
    this.#arena.set(bytes);
    row[MESSAGE.length] = bytes.length;
    row[MESSAGE.segment] = bytes.length;
    row[MESSAGE.family] = 4;
    new Uint8Array(row.buffer).set(address, MESSAGE.address * 4);
    row[MESSAGE.port] = port;
    const runs = primitives.openBatch(this.#arena, row, 1, this.#records, this.#runs);
    this.engine.handleIncoming(this.#arena, this.#view, row, this.#records, this.#runs, runs, now);
    const used = primitives.coalesceBatch(this.#arena, this.#records, this.#runs, runs, false, this.#out);
    if (used > 0) arrived.push(this.#out.slice(4, used));
    return this.carryOut(arrived);
  }

  carryOut(arrived: Uint8Array[] = []): Uint8Array[] {
    const sent: Uint8Array[] = [];
    for (const effect of this.engine.takeEffects()) {
      if (effect.kind === 'send') sent.push(effect.bytes);
      else if (effect.kind === 'deliver') arrived.push(effect.packet);
      else if (effect.kind === 'seal') {
        this.#arena.set(effect.packet.bytes);
        this.#packet.fill(0);
        this.#packet[PACKET.length] = effect.packet.bytes.length;
        this.#packet[PACKET.sa] = effect.sa;
        sent.push(...this.#sealed());
      }
    }
    return sent;
  }

  close(now: Millis): void {
    this.engine.flush(true, now);
    this.engine.takeEffects();
    for (const { slot } of this.engine.node.paths.peers()) this.engine.node.primitives.pathFree(slot);
  }

  #sealed(): Uint8Array[] {
    const { primitives } = this.engine.node;
    const count = primitives.sealBatch(this.#arena, this.#packet, 1, this.#out, this.#sends);
    return count === 0 ? [] : [this.#out.slice(0, this.#sends[SEND.length])];
  }
}

/** An IPv4 UDP packet of the rehearsal's first node to its second, without a UDP checksum. */
function udpPacket(port: number): Uint8Array {
  const packet = new Uint8Array(36);
  const view = new DataView(packet.buffer);
  packet.set([0x45, 0, 0, 36, 0, 0, 0x40, 0, 64, 17, 0, 0, 100, 64, 0, 1, 100, 64, 0, 2]);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += view.getUint16(at);
  view.setUint16(10, ~((sum & 0xffff) + (sum >>> 16)));
  view.setUint16(20, port);
  view.setUint16(22, 7);
  view.setUint16(24, 16);
  return packet;
}

function elementBetween(
  provider: CryptoProvider,
  random: (length: number) => Uint8Array,
  keys: BundleKeys,
  settings: EngineSettings,
): OnPathElement {
  return new OnPathElement({
    provider,
    caParts: new CaPartMemory(provider),
    ephemerals: new EphemeralSource(provider, random, { key: random(32), bootCounter: 1 }),
    authorities: () => keys.authorities(),
    unixNow: () => keys.unixNow(),
    caPartOf: () => undefined,
    identity: () => keys.identity(),
    groups: () => keys.groups(),
    domain: () => keys.domain(),
    settings: { ...settings, type: 'gen', mode: 'op' },
  });
}
