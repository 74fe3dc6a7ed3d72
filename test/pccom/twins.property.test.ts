import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, toHex } from '../../src/base/bytes.ts';
import {
  type PacketPrimitives,
  PRIMITIVE_COUNTERS,
  RUN,
  SA_STATS,
  SUITE,
  type Suite,
} from '../../src/base/primitives.ts';
import { noblePacketCipher } from '../../src/pccom/noble-packet-cipher.ts';
import { nodePacketCipher } from '../../src/pccom/node-packet-cipher.ts';
import { TypescriptPrimitives } from '../../src/pccom/typescript-primitives.ts';
import { addonOrReason, withBench } from './implementations.ts';
import { headerBytes, type InnerPacket, innerPacket, payloadOf } from './inner-packet.ts';
import {
  type Edit,
  edited,
  edits,
  soundFields,
  type Train,
  trainPackets,
  trainPayload,
  trains,
} from './packet-arbitraries.ts';
import {
  asDatagrams,
  coalesceBytes,
  counted,
  forge,
  laneKeys,
  type MessageInput,
  type Opened,
  openMessages,
  type PacketInput,
  runsOf,
  sealPackets,
  sendRows,
} from './primitive-kit.ts';

/** A plaintext that only a member with the key could send: a packet with some bytes changed. */
interface Hostile {
  readonly fields: Partial<InnerPacket>;
  readonly size: number;
  readonly changes: readonly Edit[];
  readonly cut: number;
  readonly flags: number;
  readonly lane: number;
  readonly counter: number;
}

/** What the network does to the datagrams, one after the other. */
type Mishap =
  | { readonly kind: 'drop' | 'repeat' | 'swap'; readonly at: number }
  | { readonly kind: 'edit'; readonly at: number; readonly changes: readonly Edit[] }
  | { readonly kind: 'cut'; readonly at: number; readonly to: number };

interface Row {
  readonly kind?: number;
  readonly gsoSize?: number;
  readonly headerLength?: number;
  readonly l4Offset?: number;
  readonly offset?: number;
  readonly length?: number;
}

interface Scenario {
  readonly seed: number;
  readonly suite: Suite;
  readonly windowBits: number;
  readonly prefixed: boolean;
  readonly trains: readonly Train[];
  readonly lanes: readonly number[];
  readonly rows: readonly { readonly at: number; readonly row: Row }[];
  readonly room: number;
  readonly sendRows: number;
  readonly hostile: readonly Hostile[];
  readonly mishaps: readonly Mishap[];
  readonly recordRows: number;
  readonly runRows: number;
  readonly verdicts: readonly number[];
  readonly pieceRoom: number;
}

const index = fc.nat({ max: 400 });
const mishap: fc.Arbitrary<Mishap> = fc.oneof(
  fc.record({ kind: fc.constantFrom('drop' as const, 'repeat' as const, 'swap' as const), at: index }),
  fc.record({ kind: fc.constant('edit' as const), at: index, changes: edits }),
  fc.record({ kind: fc.constant('cut' as const), at: index, to: fc.nat({ max: 80 }) }),
);

const row: fc.Arbitrary<Row> = fc.oneof(
  fc.record({ kind: fc.constantFrom(0, 1, 2, 3, 0x100, 0x101, 0x102, 0x103, -1) }),
  fc.record({ gsoSize: fc.constantFrom(0, -1, 1, 7, 999_999_999) }),
  fc.record({ headerLength: fc.integer({ min: -1, max: 700 }) }),
  fc.record({ l4Offset: fc.integer({ min: -1, max: 100 }) }),
  fc.record({ offset: fc.constantFrom(-1, 3, 40_000, 0x7fff_ffff) }),
  fc.record({ length: fc.constantFrom(-1, 0, 1, 40, 0x7fff_ffff) }),
);

const hostile: fc.Arbitrary<Hostile> = fc.record({
  fields: fc.tuple(soundFields, fc.record({ fragment: fc.constantFrom(0x4000, 0x4000, 0x2000, 1, 0x8000) })).map(merge),
  size: fc.nat({ max: 400 }),
  changes: edits,
  cut: fc.oneof(fc.constant(0), fc.nat({ max: 90 })),
  flags: fc.constantFrom(0, 0, 1, 1, 2),
  lane: fc.nat({ max: 3 }),
  counter: fc.oneof(fc.nat({ max: 300 }), fc.constantFrom(2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 40)),
});

function merge([fields, more]: readonly [Partial<InnerPacket>, Partial<InnerPacket>]): Partial<InnerPacket> {
  return { ...fields, ...more };
}

const scenario: fc.Arbitrary<Scenario> = fc.record({
  seed: fc.nat({ max: 10_000 }),
  suite: fc.constantFrom(SUITE.aes256gcm, SUITE.chacha20poly1305),
  windowBits: fc.constantFrom(8_192, 65_536),
  prefixed: fc.boolean(),
  trains,
  lanes: fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 8 }),
  rows: fc.array(fc.record({ at: index, row }), { maxLength: 3 }),
  room: fc.oneof(fc.constant(600_000), fc.nat({ max: 60_000 })),
  sendRows: fc.oneof(fc.constant(1_000), fc.nat({ max: 8 })),
  hostile: fc.array(hostile, { maxLength: 12 }),
  mishaps: fc.array(mishap, { maxLength: 12 }),
  recordRows: fc.oneof(fc.constant(1_500), fc.nat({ max: 30 })),
  runRows: fc.oneof(fc.constant(1_500), fc.nat({ max: 10 })),
  verdicts: fc.array(fc.constantFrom(0, 1, 1, 1, 1, 1), { minLength: 1, maxLength: 20 }),
  pieceRoom: fc.oneof(fc.constant(600_000), fc.nat({ max: 30_000 })),
});

/** Everything that a caller can see of one walk through the primitives. */
function outcome(primitives: PacketPrimitives, plan: Scenario) {
  return withBench(primitives, (bench) => {
    const prefix = plan.prefixed ? { prefix: Uint8Array.of(0x20, 0, 0, 0, 1, 2, 3, 4) } : {};
    const options = { suite: plan.suite, windowBits: plan.windowBits, ...prefix };
    const loops = [0, 1].map((lane) =>
      bench.loop({ ...options, seed: plan.seed + lane, random: plan.seed * 0x9e3779b1 }),
    );
    const indices = [...loops.map((loop) => loop.index), 0, loops[0].index ^ 0x0100_0000];
    const sealed = counted(primitives, () =>
      sealPackets(primitives, inputsOf(plan, indices), plan.room, plan.sendRows),
    );
    const forged = plan.hostile.map((each) => forgedBy(plan, each, indices));
    const messages = messagesOf(plan, [...asDatagrams(sealed.result), ...forged]);
    const opened = counted(primitives, () => openMessages(primitives, messages, plan.recordRows, plan.runRows));
    judge(opened.result, plan.verdicts);
    const pieces = [true, false].map((vnet) =>
      counted(primitives, () => toHex(coalesceBytes(primitives, opened.result, vnet, plan.pieceRoom))),
    );
    const used = sendRows(sealed.result).at(-1) ?? [0, 0];
    return {
      indices,
      sends: [...sealed.result.sends],
      out: toHex(sealed.result.out.subarray(0, used[0] + used[1])),
      runs: [...opened.result.runs],
      records: [...opened.result.records],
      plaintexts: runsOf(opened.result).map((run) => run.records.map(toHex)),
      pieces: pieces.map((each) => each.result),
      counts: [sealed.counts, opened.counts, ...pieces.map((each) => each.counts)],
      stats: loops.map((loop) => stats(primitives, loop.index)),
    };
  });
}

function inputsOf(plan: Scenario, indices: readonly number[]): PacketInput[] {
  const inputs = plan.trains
    .flatMap((train) => trainInputs(train))
    .map((input, i) => ({
      ...input,
      sa: indices[plan.lanes[i % plan.lanes.length]],
    }));
  for (const { at, row: change } of plan.rows) {
    const i = at % inputs.length;
    inputs[i] = { ...inputs[i], ...change };
  }
  return inputs;
}

function trainInputs(train: Train): Omit<PacketInput, 'sa'>[] {
  if (!train.asSuper)
    return trainPackets(train).map((fields) => ({
      bytes: innerPacket(fields),
      kind: fields.checksum === 'partial' ? 0x100 : 0,
    }));
  const fields = { ...train.fields, payload: trainPayload(train), checksum: 'partial' } as const;
  const header = headerBytes(fields);
  const kind = fields.protocol === 'udp' ? 0x102 : 0x101;
  return [{ bytes: innerPacket(fields), kind, gsoSize: train.size, headerLength: header.all, l4Offset: header.l4 }];
}

function forgedBy(plan: Scenario, each: Hostile, indices: readonly number[]): Uint8Array {
  const packet = edited(innerPacket({ ...each.fields, payload: payloadOf(each.size) }), each.changes);
  const plaintext = packet.subarray(0, Math.max(0, packet.length - each.cut));
  const datagram = forge(
    laneKeys(plan.seed + (each.lane & 1), plan.suite),
    indices[each.lane],
    each.counter,
    plaintext,
    each.flags,
  );
  return plan.prefixed ? concat(Uint8Array.of(0x20, 0, 0, 0, 1, 2, 3, 4), datagram) : datagram;
}

/** Lets the mishaps happen and then collects equal sizes into messages, as GRO would. */
function messagesOf(plan: Scenario, sent: readonly Uint8Array[]): MessageInput[] {
  const datagrams = [...sent];
  for (const each of plan.mishaps) if (datagrams.length > 0) mishappen(datagrams, each);
  const messages: { parts: Uint8Array[]; open: boolean }[] = [];
  for (const datagram of datagrams) {
    const last = messages.at(-1);
    const size = last?.parts[0].length ?? 0;
    if (last?.open && datagram.length <= size && datagram.length > 0) {
      last.parts.push(datagram);
      last.open = datagram.length === size;
    } else {
      messages.push({ parts: [datagram], open: true });
    }
  }
  const prefix = plan.prefixed ? 8 : 0;
  return messages.map(({ parts }) => ({ bytes: concat(...parts), segment: parts[0].length, prefix }));
}

function mishappen(datagrams: Uint8Array[], each: Mishap): void {
  const at = each.at % datagrams.length;
  if (each.kind === 'drop') datagrams.splice(at, 1);
  if (each.kind === 'repeat') datagrams.splice(at, 0, datagrams[at].slice());
  if (each.kind === 'swap') datagrams.push(...datagrams.splice(at, 1));
  if (each.kind === 'edit') datagrams[at] = edited(datagrams[at], each.changes);
  if (each.kind === 'cut') datagrams[at] = datagrams[at].slice(0, each.to);
}

function judge(opened: Opened, verdicts: readonly number[]): void {
  for (let i = 0; i < opened.runCount; i++) opened.runs[i * RUN.stride + RUN.verdict] = verdicts[i % verdicts.length];
}

function stats(primitives: PacketPrimitives, lane: Parameters<PacketPrimitives['saStats']>[0]): number[] {
  const out = new Float64Array(SA_STATS.length);
  primitives.saStats(lane, out);
  return [...out];
}

/** Counters of the devices, and what needs 256 GiB or a rare change of an index. */
const BEYOND_BATCHES: ReadonlySet<string> = new Set([
  'no-key',
  'counter-exhausted',
  'send-would-block',
  'tun-reads',
  'receives',
]);
/** Each is reached by one batch in ten or more. */
const REACHED = PRIMITIVE_COUNTERS.filter((name) => !BEYOND_BATCHES.has(name));

const twin = new TypescriptPrimitives(nodePacketCipher);

describe('the addon and its twin', () => {
  it('give the same bytes, tables, counters and statistics for any batch, hostile ones too', () => {
    const addon = addonOrReason();
    if (typeof addon === 'string') expect.fail(addon);
    const reached = new Set<string>();
    fc.assert(
      fc.property(scenario, (plan) => {
        const seen = outcome(twin, plan);
        for (const counts of seen.counts) for (const name of Object.keys(counts)) reached.add(name);
        expect(seen).toEqual(outcome(addon, plan));
      }),
      { numRuns: 250 },
    );
    const missed = REACHED.filter((name) => !reached.has(name));
    expect(missed, 'batches that never reach a counter prove nothing of it').toEqual([]);
  });

  it('give the same for messages of any bytes', () => {
    const addon = addonOrReason();
    if (typeof addon === 'string') expect.fail(addon);
    const any = fc.record({
      bytes: fc.uint8Array({ maxLength: 300 }),
      first: fc.constantFrom(0x10, 0x10, 0x10, 0x20, 0x01),
      segment: fc.integer({ min: -2, max: 310 }),
      prefix: fc.constantFrom(0, 0, 8),
      offset: fc.constantFrom(undefined, undefined, undefined, -1, 5, 0x7fff_ffff),
    });
    const messages = fc.array(any, { maxLength: 8 });
    const see = (primitives: PacketPrimitives, list: readonly MessageInput[]) =>
      withBench(primitives, (bench) => {
        const loop = bench.loop();
        return counted(primitives, () => runsOf(openMessages(primitives, aimed(list, loop.index))));
      });
    const aim = (each: { bytes: Uint8Array; first: number; offset: number | undefined }) => {
      const bytes = each.bytes.length > 0 ? each.bytes.with(0, each.first) : each.bytes;
      return each.offset === undefined ? { ...each, bytes, offset: undefined } : { ...each, bytes };
    };
    fc.assert(
      fc.property(messages, (list) => {
        const inputs = list.map(aim).map(({ offset, ...rest }) => (offset === undefined ? rest : { ...rest, offset }));
        expect(see(twin, inputs)).toEqual(see(addon, inputs));
      }),
      { numRuns: 400 },
    );
  });
});

/** Points long enough messages at a lane that exists. */
function aimed(list: readonly MessageInput[], lane: number): MessageInput[] {
  return list.map((input) => {
    const at = input.prefix === 8 ? 12 : 4;
    if (input.bytes.length < at + 4) return input;
    const bytes = input.bytes.slice();
    bytes.set([0, 0, 0], at - 3);
    new DataView(bytes.buffer).setUint32(at, lane);
    return { ...input, bytes };
  });
}

describe('the twin by noble and by node:crypto', () => {
  it('gives the same for any batch', () => {
    const noble = new TypescriptPrimitives(noblePacketCipher);
    fc.assert(
      fc.property(scenario, (plan) => {
        const small = {
          ...plan,
          trains: plan.trains.slice(0, 1).map((train) => ({ ...train, count: Math.min(train.count, 5) })),
        };
        expect(outcome(noble, small)).toEqual(outcome(twin, small));
      }),
      { numRuns: 25 },
    );
  });
});
