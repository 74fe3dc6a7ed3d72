import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { millis } from '../../../src/base/brands.ts';
import { concat } from '../../../src/base/bytes.ts';
import { MESSAGE } from '../../../src/base/primitives.ts';
import {
  RELAY_CURSOR,
  RELAY_NUMBER,
  RELAY_RUN,
  type RelayTable,
  type RelayWalk,
} from '../../../src/base/relay-primitives.ts';
import { wordsOf } from '../../../src/server/relay/channels.ts';
import { ForwardTable } from '../../../src/server/relay/forward-table.ts';
import { relayWalk } from '../../../src/server/relay/relay-walk.ts';
import { nativeWalk } from './relay-walks.ts';
import { framed } from './relay-world.ts';

/** Few channels and addresses, so that most frames meet a binding. */
const CHANNELS = [1, 0x80000001, 0xffffffff];
const ADDRESSES = [Uint8Array.of(192, 0, 2, 1), Uint8Array.of(192, 0, 2, 2), new Uint8Array(16).fill(0x20)];
const PORTS = [7, 8];

const address = fc.constantFrom(...ADDRESSES);
const port = fc.constantFrom(...PORTS);
const binding = fc.record({ end: fc.nat(2 * CHANNELS.length - 1), address, port, share: fc.nat(2) });
const odd = fc.uint8Array({ maxLength: 12 }).map((bytes) => concat(Uint8Array.of(0x20, 0, 0, 0), bytes));
const frame = fc.record({
  channel: fc.constantFrom(0, 2, ...CHANNELS),
  kind: fc.constantFrom(0x10, 0x10, 0x10, 1, 8, 0x20),
});
const datagram = fc.oneof(
  { weight: 8, arbitrary: frame.map(({ channel, kind }) => framed(channel, 5, 20, kind)) },
  { weight: 1, arbitrary: odd },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 40 }) },
  { weight: 1, arbitrary: fc.constant(new Uint8Array(96).fill(0x3c)) },
);
const message = fc.record({
  datagrams: fc.array(datagram, { maxLength: 12 }),
  address,
  port,
  segment: fc.constantFrom(29, 29, 29, 7, 0, -1, 1 << 30),
});
const limits = fc.record({ perNode: fc.nat(2_000), total: fc.nat(3_000), level: fc.nat(2_000) });
const world = fc.record({
  bindings: fc.array(binding, { maxLength: 10 }),
  messages: fc.array(message, { maxLength: 6 }),
  /** a bit for each end whose first frame is kept */
  early: fc.oneof(fc.constant(0), fc.nat(63)),
  limits,
  room: fc.integer({ min: 1, max: 20 }),
});
type World = typeof world extends fc.Arbitrary<infer T> ? T : never;

function tableOf({ bindings, early, limits: { perNode, total, level } }: World): RelayTable {
  const table = new ForwardTable();
  for (const channel of CHANNELS) table.add(channel);
  for (let end = 0; end < 2 * CHANNELS.length; end++) table.setEarly(end, ((early >> end) & 1) === 1);
  for (let share = 0; share < 3; share++) table.addShare();
  for (const each of bindings) {
    const family = each.address.length === 4 ? 4 : 6;
    table.setEnd(each.end, family, wordsOf(each.address), each.port, each.share, millis(0));
  }
  table.numbers[RELAY_NUMBER.now] = 5;
  table.numbers[RELAY_NUMBER.perNode] = perNode;
  table.numbers[RELAY_NUMBER.total] = total;
  table.numbers[RELAY_NUMBER.level] = level;
  return table;
}

function messagesOf({ messages }: World): { readonly arena: Uint8Array; readonly rows: Int32Array } {
  const rows = new Int32Array(messages.length * MESSAGE.stride);
  const bytes = messages.map(({ datagrams }) => concat(...datagrams));
  let offset = 3;
  messages.forEach((each, at) => {
    const row = rows.subarray(at * MESSAGE.stride);
    row[MESSAGE.offset] = offset;
    row[MESSAGE.length] = bytes[at].length;
    row[MESSAGE.segment] = each.segment;
    row[MESSAGE.family] = each.address.length === 4 ? 4 : 6;
    row.set(wordsOf(each.address), MESSAGE.address);
    row[MESSAGE.port] = each.port;
    offset += bytes[at].length;
  });
  return { arena: concat(new Uint8Array(3), ...bytes), rows };
}

/** All that a walk leaves: what each call filled, where it stood, and the table. */
function walked(walk: RelayWalk, made: World): unknown {
  const table = tableOf(made);
  const { arena, rows } = messagesOf(made);
  const runs = new Int32Array(made.room * RELAY_RUN.stride);
  const cursor = new Int32Array(RELAY_CURSOR.length);
  const calls: unknown[] = [];
  while (cursor[RELAY_CURSOR.message] < made.messages.length) {
    const count = walk(table, arena, rows, made.messages.length, runs, cursor);
    calls.push({ runs: [...runs.subarray(0, count * RELAY_RUN.stride)], cursor: [...cursor] });
  }
  return { calls, numbers: [...table.numbers], shares: [...table.shares], heardAt: [...table.heardAt] };
}

describe('the packet path of a relay', () => {
  it('is the same in the addon and in TypeScript, for any table and any messages', () => {
    const native = nativeWalk();
    if (typeof native === 'string') return expect.fail(native);
    fc.assert(
      fc.property(world, (made) => {
        expect(walked(native, made)).toEqual(walked(relayWalk, made));
      }),
      { numRuns: 2_000 },
    );
  });

  it('carries frames in most of those worlds, and drops for every reason', () => {
    const sums = new Array<number>(RELAY_NUMBER.length).fill(0);
    for (const made of fc.sample(world, { numRuns: 500, seed: 1 })) {
      const table = tableOf(made);
      const { arena, rows } = messagesOf(made);
      const cursor = new Int32Array(RELAY_CURSOR.length);
      const runs = new Int32Array(400);
      while (cursor[RELAY_CURSOR.message] < made.messages.length)
        relayWalk(table, arena, rows, made.messages.length, runs, cursor);
      table.numbers.forEach((value, at) => {
        sums[at] += value;
      });
    }
    expect(sums.slice(RELAY_NUMBER.datagrams).every((sum) => sum > 0)).toBe(true);
  });
});
