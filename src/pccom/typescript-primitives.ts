import { type SaIndex, saIndex } from '../base/brands.ts';
import {
  DATA_OVERHEAD,
  PARTIAL_CHECKSUM_FLAG,
  type PacketPrimitives,
  SA_STATS,
  SUITE,
  type Suite,
} from '../base/primitives.ts';
import { BatchCoalescer } from './coalesce-batch.ts';
import { WINDOW_BITS, WINDOW_BITS_FAST } from './limits.ts';
import { BatchOpener } from './open-batch.ts';
import type { PacketCipher } from './packet-cipher.ts';
import { PathSlots } from './path-slots.ts';
import { COUNTER, makeCounters } from './primitive-counters.ts';
import { ReceiveLane } from './receive-lane.ts';
import { type Lane, SaSlots } from './sa-slots.ts';
import { BatchSealer } from './seal-batch.ts';
import { SendLane } from './send-lane.ts';

const KEY_BYTES = 32;
const IV_BYTES = 12;

/** The packet primitives without the addon: test oracle of it, and what runs where it cannot be loaded. */
export class TypescriptPrimitives implements PacketPrimitives {
  readonly implementation = 'typescript';
  readonly #cipher: PacketCipher;
  readonly #slots = new SaSlots();
  readonly #paths = new PathSlots();
  readonly #counters = makeCounters();
  readonly #sealer = new BatchSealer(this.#slots, this.#paths, this.#counters);
  readonly #opener = new BatchOpener(this.#slots, this.#counters);
  readonly #coalescer = new BatchCoalescer(this.#counters);

  constructor(cipher: PacketCipher) {
    this.#cipher = cipher;
  }

  saReserve(random: number): SaIndex {
    return saIndex(this.#slots.reserve(random));
  }

  saInstallRx(index: SaIndex, suite: Suite, key: Uint8Array, iv: Uint8Array, windowBits: number): boolean {
    const lane = this.#slots.lane(index);
    if (lane === undefined || lane.receive !== undefined || !isKeyMaterial(suite, key, iv)) return false; // K1
    if (windowBits !== WINDOW_BITS && windowBits !== WINDOW_BITS_FAST) return false;
    lane.receive = new ReceiveLane(this.#cipher.load(suite, key), iv, windowBits);
    return true;
  }

  saInstallTx(index: SaIndex, suite: Suite, key: Uint8Array, iv: Uint8Array, remote: SaIndex): boolean {
    const lane = this.#slots.lane(index);
    if (lane === undefined || lane.send !== undefined || !isKeyMaterial(suite, key, iv)) return false; // K1
    lane.send = new SendLane(this.#cipher.load(suite, key), iv, remote);
    return true;
  }

  saPath(index: SaIndex, path: number): boolean {
    const lane = this.#slots.lane(index);
    if (lane === undefined || !this.#paths.isReserved(path)) return false;
    lane.path = path;
    return true;
  }

  saStopTx(index: SaIndex): void {
    this.#slots.lane(index)?.send?.stop();
  }

  saFree(base: SaIndex): void {
    this.#slots.free(base);
  }

  saStats(index: SaIndex, out: Float64Array): boolean {
    const lane = this.#slots.lane(index);
    if (lane === undefined || (lane.receive === undefined && lane.send === undefined)) return false;
    fillStats(lane, out);
    return true;
  }

  pathReserve(): number {
    return this.#paths.reserve();
  }

  pathSet(path: number, address: Uint8Array, port: number, prefix: Uint8Array | null): boolean {
    return this.#paths.set(path, address, port, prefix);
  }

  pathFree(path: number): void {
    this.#paths.free(path);
  }

  sealBatch(arena: Uint8Array, packets: Int32Array, count: number, out: Uint8Array, sends: Int32Array): number {
    return this.#sealer.seal(arena, packets, count, out, sends);
  }

  sealOne(index: SaIndex, plaintext: Uint8Array, flags: number, out: Uint8Array): number {
    const send = this.#slots.lane(index)?.send;
    if (send === undefined || !send.alive || (flags !== 0 && flags !== PARTIAL_CHECKSUM_FLAG)) return 0;
    if (out.length < plaintext.length + DATA_OVERHEAD) return 0;
    if (!send.hasRoom(plaintext.length)) {
      this.#counters[COUNTER.counterExhausted] += 1;
      return 0;
    }
    this.#counters[COUNTER.sealed] += 1;
    return send.seal(plaintext, flags, out, new DataView(out.buffer, out.byteOffset, out.byteLength), 0);
  }

  openBatch(arena: Uint8Array, messages: Int32Array, count: number, records: Int32Array, runs: Int32Array): number {
    return this.#opener.open(arena, messages, count, records, runs);
  }

  recordCount(): number {
    return this.#opener.recordCount;
  }

  coalesceBatch(
    arena: Uint8Array,
    records: Int32Array,
    runs: Int32Array,
    count: number,
    vnet: boolean,
    out: Uint8Array,
  ): number {
    return this.#coalescer.coalesce(arena, records, runs, count, vnet, out);
  }

  counters(): Float64Array {
    return this.#counters;
  }
}

function isKeyMaterial(suite: Suite, key: Uint8Array, iv: Uint8Array): boolean {
  const known = suite === SUITE.aes256gcm || suite === SUITE.chacha20poly1305;
  return known && key.length === KEY_BYTES && iv.length === IV_BYTES;
}

function fillStats(lane: Lane, out: Float64Array): void {
  out[SA_STATS.txPackets] = lane.send?.packets ?? 0;
  out[SA_STATS.txBytes] = lane.send?.bytes ?? 0;
  out[SA_STATS.txVolume] = lane.send?.volume ?? 0;
  out[SA_STATS.rxPackets] = lane.receive?.packets ?? 0;
  out[SA_STATS.rxBytes] = lane.receive?.bytes ?? 0;
  out[SA_STATS.failedOpens] = lane.receive?.failed ?? 0;
  out[SA_STATS.rxVolume] = lane.receive?.volume ?? 0;
  out[SA_STATS.highestCounter] = lane.receive?.highestCounter ?? 0;
}
