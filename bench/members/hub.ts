import { type Millis, millis } from '../../src/base/brands.ts';
import { type PathAddress, parsePath } from '../../src/base/path-address.ts';
import { MESSAGE, PACKET, type PacketPrimitives, RECORD_ROW, RUN, SEND } from '../../src/base/primitives.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import type { BundleKeys } from '../../src/node/bundle-keys.ts';
import { Engine } from '../../src/node/engine.ts';
import type { EngineSettings } from '../../src/node/node-state.ts';
import { START } from '../../src/node/rehearsal-keys.ts';

const ARENA = 512 * 1024;
/** Messages and packets in one batch, at most. */
export const BATCH = 64;

/** As an agent sets its engine up by itself. */
const SETTINGS: EngineSettings = {
  ...{ type: 'ges', mode: 'op', suites: [1, 2], lanes: 1, mtu: 1_400, noGms: true, lifetime: 600 },
  pitCapacity: 262_144,
  rekeyVolume: 2 ** 33,
  pitLimits: { entriesPerPeer: 32_768, newPerSecond: 1_000 },
  windowBits: 65_536,
};

export interface HubTools {
  readonly provider: CryptoProvider;
  random(length: number): Uint8Array;
  readonly primitives: PacketPrimitives;
  readonly keys: BundleKeys;
  readonly settings?: Partial<EngineSettings>;
  /** its data datagrams come back as well, copied; absent: they are only counted */
  readonly keepsData?: boolean;
}

/** One datagram that a node sends or gets. */
export interface Datagram {
  readonly bytes: Uint8Array;
  /** where it goes to, or comes from */
  readonly path: PathAddress;
}

/** A whole node with the addon, without TUN and sockets: what it computes takes the time that it takes, and nothing else does. */
export class Hub {
  readonly engine: Engine;
  readonly #arena = new Uint8Array(ARENA);
  readonly #view = new DataView(this.#arena.buffer);
  readonly #out = new Uint8Array(ARENA);
  readonly #packets = new Int32Array(BATCH * PACKET.stride);
  readonly #sends = new Int32Array(BATCH * SEND.stride);
  readonly #messages = new Int32Array(BATCH * MESSAGE.stride);
  readonly #records = new Int32Array(BATCH * RECORD_ROW.stride);
  readonly #runs = new Int32Array(BATCH * RUN.stride);
  readonly #keepsData: boolean;
  /** inner packets that came out, and data datagrams that left */
  delivered = 0;
  sealed = 0;
  /** spent in the node so far, without what this class does to hand things over */
  nanoseconds = 0;

  constructor({ settings, keepsData = false, ...tools }: HubTools) {
    this.#keepsData = keepsData;
    this.engine = new Engine({ ...tools, settings: { ...SETTINGS, ...settings } });
  }

  /** Datagrams as one batch of the socket; returns what leaves in answer. */
  receive(datagrams: readonly Datagram[], now: Millis): Datagram[] {
    let at = 0;
    this.#messages.fill(0);
    datagrams.forEach(({ bytes, path }, number) => {
      const { address, port } = parsePath(path);
      const row = number * MESSAGE.stride;
      this.#arena.set(bytes, at);
      this.#messages[row + MESSAGE.offset] = at;
      this.#messages[row + MESSAGE.length] = bytes.length;
      this.#messages[row + MESSAGE.segment] = bytes.length;
      this.#messages[row + MESSAGE.family] = 4;
      new Uint8Array(this.#messages.buffer).set(address, 4 * (row + MESSAGE.address));
      this.#messages[row + MESSAGE.port] = port;
      at += (bytes.length + 15) & ~15;
    });
    return this.#opened(datagrams.length, now);
  }

  /** Inner packets as one batch of the TUN device; returns what leaves. */
  send(packets: readonly Uint8Array[], now: Millis): Datagram[] {
    let at = 0;
    this.#packets.fill(0);
    packets.forEach((packet, number) => {
      const row = number * PACKET.stride;
      this.#arena.set(packet, at);
      this.#packets[row + PACKET.offset] = at;
      this.#packets[row + PACKET.length] = packet.length;
      this.#packets[row + PACKET.segments] = 1;
      at += (packet.length + 15) & ~15;
    });
    this.#measured(() => this.engine.handleOutgoing(this.#arena, this.#view, this.#packets, packets.length, now));
    return [...this.#seal(packets.length), ...this.#effects()];
  }

  tick(now: Millis): Datagram[] {
    this.#measured(() => this.engine.tick(now));
    return this.#effects();
  }

  #measured<T>(act: () => T): T {
    const before = process.hrtime.bigint();
    const result = act();
    this.nanoseconds += Number(process.hrtime.bigint() - before);
    return result;
  }

  #opened(count: number, now: Millis): Datagram[] {
    const { primitives } = this.engine.node;
    const [messages, records, runs] = [this.#messages, this.#records, this.#runs];
    const opened = this.#measured(() => {
      const rows = this.engine.elements.sort(this.#arena, messages, count, now);
      const found = primitives.openBatch(this.#arena, messages, rows, records, runs);
      this.engine.handleIncoming(this.#arena, this.#view, messages, records, runs, found, now);
      primitives.coalesceBatch(this.#arena, records, runs, found, true, this.#out);
      return found;
    });
    for (let at = 0; at < opened * RUN.stride; at += RUN.stride)
      if (runs[at + RUN.verdict] === 1) this.delivered += runs[at + RUN.count] ?? 0;
    return this.#effects();
  }

  #seal(count: number): Datagram[] {
    const { primitives, paths } = this.engine.node;
    const kept: Datagram[] = [];
    const sends = this.#measured(() => primitives.sealBatch(this.#arena, this.#packets, count, this.#out, this.#sends));
    for (let at = 0; at < sends * SEND.stride; at += SEND.stride) {
      this.sealed += this.#sends[at + SEND.count];
      const path = this.#keepsData ? paths.destination(this.#sends[at + SEND.path]) : undefined;
      if (path === undefined) continue;
      const offset = this.#sends[at + SEND.offset];
      kept.push({ bytes: this.#out.slice(offset, offset + this.#sends[at + SEND.length]), path });
    }
    return kept;
  }

  #effects(): Datagram[] {
    const sent: Datagram[] = [];
    for (const effect of this.engine.takeEffects())
      if (effect.kind === 'send') sent.push({ bytes: effect.bytes, path: effect.to });
      else if (effect.kind === 'deliver') this.delivered += 1;
      else if (effect.kind === 'seal') {
        this.#packets.fill(0);
        this.#arena.set(effect.packet.bytes);
        this.#packets[PACKET.length] = effect.packet.bytes.length;
        this.#packets[PACKET.sa] = effect.sa;
        sent.push(...this.#seal(1));
      }
    return sent;
  }
}

/** When every hub begins. */
export const BEGIN: Millis = millis(START + 1_000);
