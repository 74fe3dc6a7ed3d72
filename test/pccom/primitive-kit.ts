import type { SaIndex } from '../../src/base/brands.ts';
import { saIndex } from '../../src/base/brands.ts';
import { concat } from '../../src/base/bytes.ts';
import {
  MESSAGE,
  PACKET,
  PARTIAL_CHECKSUM,
  type PacketPrimitives,
  PRIMITIVE_COUNTERS,
  RECORD_ROW,
  RUN,
  RUN_KIND,
  SEND,
  SUITE,
  type Suite,
} from '../../src/base/primitives.ts';
import { nodePacketCipher } from '../../src/pccom/node-packet-cipher.ts';
import { be } from './inner-packet.ts';

/** Keys of one lane in one direction, the same on each run. */
export interface LaneKeys {
  readonly suite: Suite;
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
}

export function laneKeys(seed: number, suite: Suite = SUITE.aes256gcm): LaneKeys {
  const byte = (i: number) => (seed * 101 + i * 57 + 13) & 0xff;
  return {
    suite,
    key: Uint8Array.from({ length: 32 }, (_, i) => byte(i)),
    iv: Uint8Array.from({ length: 12 }, (_, i) => byte(i + 99)),
  };
}

/** A lane that sends to itself: what it seals, it opens. */
export interface Loop {
  readonly index: SaIndex;
  readonly path: number;
  readonly keys: LaneKeys;
}

export interface LoopOptions {
  readonly seed?: number;
  readonly suite?: Suite;
  readonly windowBits?: number;
  readonly prefix?: Uint8Array;
  readonly random?: number;
}

/** Everything that a test takes of the primitives, given back by `close`, since the addon's slots belong to the process. */
export class Bench {
  readonly primitives: PacketPrimitives;
  readonly #indices: SaIndex[] = [];
  readonly #paths: number[] = [];

  constructor(primitives: PacketPrimitives) {
    this.primitives = primitives;
  }

  reserve(random = 0x5a5a5a5a): SaIndex {
    const base = this.primitives.saReserve(random);
    if (base === 0) throw new Error('no SA slot left');
    this.#indices.push(base);
    return base;
  }

  path(prefix: Uint8Array | null = null): number {
    const path = this.primitives.pathReserve();
    if (path === 0) throw new Error('no path slot left');
    this.#paths.push(path);
    this.primitives.pathSet(path, Uint8Array.of(192, 0, 2, 1), 47_247, prefix);
    return path;
  }

  loop(options: LoopOptions = {}): Loop {
    const keys = laneKeys(options.seed ?? 1, options.suite);
    const index = this.reserve(options.random);
    const path = this.path(options.prefix ?? null);
    const installed =
      this.primitives.saInstallRx(index, keys.suite, keys.key, keys.iv, options.windowBits ?? 8_192) &&
      this.primitives.saInstallTx(index, keys.suite, keys.key, keys.iv, index) &&
      this.primitives.saPath(index, path);
    if (!installed) throw new Error('a fresh lane refused its keys');
    return { index, path, keys };
  }

  close(): void {
    for (const index of this.#indices) this.primitives.saFree(index);
    for (const path of this.#paths) this.primitives.pathFree(path);
  }
}

export type Counts = Readonly<Record<string, number>>;

/** What an action adds to the counters, those that stay left out. */
export function counted<T>(
  primitives: PacketPrimitives,
  action: () => T,
): { readonly result: T; readonly counts: Counts } {
  const before = primitives.counters().slice();
  const result = action();
  const after = primitives.counters();
  const counts: Record<string, number> = {};
  PRIMITIVE_COUNTERS.forEach((name, i) => {
    if (after[i] !== before[i]) counts[name] = after[i] - before[i];
  });
  return { result, counts };
}

export interface PacketInput {
  readonly bytes: Uint8Array;
  readonly sa: number;
  readonly kind?: number;
  readonly gsoSize?: number;
  readonly headerLength?: number;
  readonly l4Offset?: number;
  /** instead of where the bytes lie and how many they are */
  readonly offset?: number;
  readonly length?: number;
}

export interface Sealed {
  readonly count: number;
  /** rows of SEND, as written */
  readonly sends: Int32Array;
  readonly out: Uint8Array;
  /** the packets' arena as sealing left it */
  readonly arena: Uint8Array;
}

/** Lays the packets into an arena with a gap between them and seals them. */
export function sealPackets(
  primitives: PacketPrimitives,
  inputs: readonly PacketInput[],
  room = 400_000,
  rows = 512,
): Sealed {
  const gap = 7;
  const arena = concat(...inputs.flatMap((input) => [new Uint8Array(gap).fill(0xee), input.bytes]));
  const packets = new Int32Array(inputs.length * PACKET.stride);
  let at = 0;
  inputs.forEach((input, i) => {
    at += gap;
    const row = i * PACKET.stride;
    packets[row + PACKET.offset] = input.offset ?? at;
    packets[row + PACKET.length] = input.length ?? input.bytes.length;
    packets[row + PACKET.kind] = input.kind ?? 0;
    packets[row + PACKET.gsoSize] = input.gsoSize ?? 0;
    packets[row + PACKET.headerLength] = input.headerLength ?? 0;
    packets[row + PACKET.l4Offset] = input.l4Offset ?? 0;
    packets[row + PACKET.sa] = input.sa;
    at += input.bytes.length;
  });
  const out = new Uint8Array(room);
  const sends = new Int32Array(rows * SEND.stride);
  const count = primitives.sealBatch(arena, packets, inputs.length, out, sends);
  return { count, sends: sends.slice(0, count * SEND.stride), out, arena };
}

/** The sends as rows of [offset, length, segment, path, count]. */
export function sendRows(sealed: Sealed): number[][] {
  return Array.from({ length: sealed.count }, (_, i) => [
    ...sealed.sends.subarray(i * SEND.stride, i * SEND.stride + 5),
  ]);
}

/** Each send as the receiver's GRO hands it over: one message. */
export function asMessages(sealed: Sealed, prefix = 0): MessageInput[] {
  return sendRows(sealed).map(([offset, length, segment]) => ({
    bytes: sealed.out.slice(offset, offset + length),
    segment,
    prefix,
  }));
}

/** Each datagram of the sends by itself. */
export function asDatagrams(sealed: Sealed): Uint8Array[] {
  return asMessages(sealed).flatMap(({ bytes, segment = bytes.length }) => split(bytes, segment));
}

export function split(bytes: Uint8Array, size: number): Uint8Array[] {
  const out: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) out.push(bytes.slice(at, at + size));
  return out;
}

export interface MessageInput {
  readonly bytes: Uint8Array;
  readonly segment?: number | undefined;
  readonly prefix?: number;
  readonly offset?: number;
  readonly length?: number;
}

export interface Opened {
  readonly arena: Uint8Array;
  readonly records: Int32Array;
  readonly runs: Int32Array;
  readonly runCount: number;
  readonly recordCount: number;
}

export function openMessages(
  primitives: PacketPrimitives,
  inputs: readonly MessageInput[],
  recordRows = 1_024,
  runRows = 1_024,
): Opened {
  const arena = concat(...inputs.map((input) => input.bytes));
  const messages = new Int32Array(inputs.length * MESSAGE.stride);
  let at = 0;
  inputs.forEach((input, i) => {
    const row = i * MESSAGE.stride;
    messages[row + MESSAGE.offset] = input.offset ?? at;
    messages[row + MESSAGE.length] = input.length ?? input.bytes.length;
    messages[row + MESSAGE.segment] = input.segment ?? input.bytes.length;
    messages[row + MESSAGE.prefix] = input.prefix ?? 0;
    at += input.bytes.length;
  });
  const records = new Int32Array(recordRows * RECORD_ROW.stride);
  const runs = new Int32Array(runRows * RUN.stride);
  const runCount = primitives.openBatch(arena, messages, inputs.length, records, runs);
  const recordCount = primitives.recordCount();
  return {
    arena,
    records: records.slice(0, recordCount * RECORD_ROW.stride),
    runs: runs.slice(0, runCount * RUN.stride),
    runCount,
    recordCount,
  };
}

export interface RunView {
  readonly kind: string;
  readonly sa: number;
  readonly message: number;
  readonly newest: number;
  readonly broken: number;
  readonly flags: readonly number[];
  readonly records: readonly Uint8Array[];
}

const KIND_NAMES = new Map<number, string>(Object.entries(RUN_KIND).map(([name, kind]) => [kind, name]));

/** The runs of an opened batch, each with its records' bytes. */
export function runsOf(opened: Opened): RunView[] {
  return Array.from({ length: opened.runCount }, (_, i) => {
    const run = opened.runs.subarray(i * RUN.stride, (i + 1) * RUN.stride);
    const rows = Array.from({ length: run[RUN.count] }, (_, k) => recordRow(opened, run[RUN.firstRecord] + k));
    return {
      kind: KIND_NAMES.get(run[RUN.kind]) ?? `kind ${run[RUN.kind]}`,
      sa: run[RUN.sa] >>> 0,
      message: run[RUN.message],
      newest: run[RUN.newest],
      broken: run[RUN.broken],
      flags: rows.map((row) => row[RECORD_ROW.flags]),
      records: rows.map((row) => bytesOf(opened, row)),
    };
  });
}

/** All records of an opened batch in order. */
export function recordsOf(opened: Opened): Uint8Array[] {
  return runsOf(opened).flatMap((run) => run.records);
}

function recordRow(opened: Opened, record: number): Int32Array {
  return opened.records.subarray(record * RECORD_ROW.stride, (record + 1) * RECORD_ROW.stride);
}

function bytesOf(opened: Opened, row: Int32Array): Uint8Array {
  return opened.arena.slice(row[RECORD_ROW.offset], row[RECORD_ROW.offset] + row[RECORD_ROW.length]);
}

/** Lets all packet runs through to TUN. */
export function deliverAll(opened: Opened): Opened {
  for (let i = 0; i < opened.runCount; i++) opened.runs[i * RUN.stride + RUN.verdict] = 1;
  return opened;
}

export interface PieceView {
  readonly flags: number;
  readonly gsoType: number;
  readonly headerLength: number;
  readonly gsoSize: number;
  readonly checksumStart: number;
  readonly checksumOffset: number;
  readonly packet: Uint8Array;
}

export const NO_VNET = {
  flags: 0,
  gsoType: 0,
  headerLength: 0,
  gsoSize: 0,
  checksumStart: 0,
  checksumOffset: 0,
} as const;

/** What would be written to TUN, without the length fields. */
export function coalesce(primitives: PacketPrimitives, opened: Opened, vnet: boolean, room = 400_000): PieceView[] {
  const out = coalesceBytes(primitives, opened, vnet, room);
  const view = new DataView(out.buffer, out.byteOffset, out.byteLength);
  const pieces: PieceView[] = [];
  for (let at = 0; at < out.length; ) {
    const length = view.getUint32(at, true);
    const head = at + 4;
    const packet = head + (vnet ? 10 : 0);
    const fields = vnet ? vnetFields(view, head) : NO_VNET;
    pieces.push({ ...fields, packet: out.slice(packet, head + length) });
    at = head + length;
  }
  return pieces;
}

/** The output of one coalescing call on copies of its input. */
export function coalesceBytes(primitives: PacketPrimitives, opened: Opened, vnet: boolean, room: number): Uint8Array {
  const out = new Uint8Array(room);
  const used = primitives.coalesceBatch(opened.arena.slice(), opened.records, opened.runs, opened.runCount, vnet, out);
  return out.slice(0, used);
}

function vnetFields(view: DataView, at: number): typeof NO_VNET | Omit<PieceView, 'packet'> {
  return {
    flags: view.getUint8(at),
    gsoType: view.getUint8(at + 1),
    headerLength: view.getUint16(at + 2, true),
    gsoSize: view.getUint16(at + 4, true),
    checksumStart: view.getUint16(at + 6, true),
    checksumOffset: view.getUint16(at + 8, true),
  };
}

/** A data datagram made by hand: any counter, flags and index. */
export function forge(
  keys: LaneKeys,
  index: number,
  counter: number | bigint,
  plaintext: Uint8Array,
  flags = 0,
): Uint8Array {
  const header = concat(Uint8Array.of(0x10, flags, 0, 0), be(4, index), counterBytes(BigInt(counter)));
  const sealed = new Uint8Array(plaintext.length + 16);
  nodePacketCipher.load(keys.suite, keys.key).seal(nonceOf(keys.iv, header), header, plaintext, sealed);
  return concat(header, sealed);
}

function counterBytes(counter: bigint): Uint8Array {
  return new Uint8Array(BigUint64Array.of(counter).buffer);
}

function nonceOf(iv: Uint8Array, header: Uint8Array): Uint8Array {
  return iv.map((byte, i) => (i < 4 ? byte : byte ^ header[8 + i - 4]));
}

/** Opens an IP packet table row by hand: records without a wire, for what coalescing alone decides. */
export function handMade(packets: readonly HandMadePacket[]): Opened {
  const arena = concat(...packets.map((packet) => packet.bytes));
  const records = new Int32Array(packets.length * RECORD_ROW.stride);
  const runs = new Int32Array(packets.length * RUN.stride);
  let at = 0;
  packets.forEach((packet, i) => {
    records.set([at, packet.bytes.length, packet.partial ? 1 : 0, 0], i * RECORD_ROW.stride);
    const run = i * RUN.stride;
    runs[run + RUN.firstRecord] = i;
    runs[run + RUN.count] = 1;
    runs[run + RUN.kind] = packet.kind ?? RUN_KIND.packets;
    runs[run + RUN.sa] = saIndex(packet.sa ?? 8);
    runs[run + RUN.verdict] = packet.verdict ?? 1;
    runs[run + RUN.broken] = packet.broken ? 1 : 0;
    at += packet.bytes.length;
  });
  return { arena, records, runs, runCount: packets.length, recordCount: packets.length };
}

export interface HandMadePacket {
  readonly bytes: Uint8Array;
  readonly partial?: boolean;
  readonly sa?: number;
  readonly broken?: boolean;
  readonly verdict?: number;
  readonly kind?: number;
}

export const GSO_TCP_PARTIAL = 1 | PARTIAL_CHECKSUM;
export const GSO_UDP_PARTIAL = 2 | PARTIAL_CHECKSUM;
