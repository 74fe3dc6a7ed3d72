import { expect, it } from 'vitest';
import { concat, toHex } from '../../src/base/bytes.ts';
import { describeImplementations, withBench } from './implementations.ts';
import { innerPacket, payloadOf } from './inner-packet.ts';
import {
  type Counts,
  counted,
  forge,
  type Loop,
  type MessageInput,
  openMessages,
  recordsOf,
  runsOf,
} from './primitive-kit.ts';

const EMPTY = new Uint8Array(0);

/** A datagram that must be refused, by what it is made of. */
interface Sealed {
  readonly loop: Loop;
  readonly other: number;
  readonly fine: Uint8Array;
}
const REFUSED: readonly (readonly [string, string, (sealed: Sealed) => Uint8Array])[] = [
  ['W1: reserved flag bit 1', 'bad-flags', ({ loop }) => forge(loop.keys, loop.index, 0, EMPTY, 2)],
  ['W1: reserved flag bit 7', 'bad-flags', ({ loop }) => forge(loop.keys, loop.index, 0, EMPTY, 0x81)],
  ['W1: first pad byte set', 'bad-flags', ({ fine }) => fine.with(2, 1)],
  ['W1: second pad byte set', 'bad-flags', ({ fine }) => fine.with(3, 0x80)],
  ['W1: 31 bytes', 'short', ({ fine }) => fine.slice(0, 31)],
  ['W1: the first byte alone', 'short', () => Uint8Array.of(0x10)],
  ['W1: one byte more', 'auth-failed', ({ fine }) => concat(fine, Uint8Array.of(0))],
  ['W1: one byte less', 'auth-failed', ({ fine }) => fine.slice(0, -1)],
  ['W1: partial flag on an empty record', 'bad-flags', ({ loop }) => forge(loop.keys, loop.index, 1, EMPTY, 1)],
  [
    'W1: partial flag on a control record',
    'bad-flags',
    ({ loop }) => forge(loop.keys, loop.index, 1, Uint8Array.of(9, 0, 0), 1),
  ],
  [
    'S5: an index that nobody reserved',
    'unknown-index',
    ({ loop }) => forge(loop.keys, loop.index + 8 * 50_000, 0, EMPTY),
  ],
  ['S5: index 0', 'unknown-index', ({ loop }) => forge(loop.keys, 0, 0, EMPTY)],
  [
    'S5: an older user of the slot',
    'unknown-index',
    ({ loop }) => forge(loop.keys, loop.index ^ 0x4000_0000, 0, EMPTY),
  ],
  ['S5: a lane without a key', 'no-key', ({ loop }) => forge(loop.keys, loop.index + 7, 0, EMPTY)],
  ['T1: the index of another SA', 'auth-failed', ({ loop, other }) => forge(loop.keys, other, 0, EMPTY)],
  ['a changed flags byte', 'auth-failed', ({ fine }) => fine.with(1, 1)],
  ['a changed counter', 'auth-failed', ({ fine }) => fine.with(8, fine[8] ^ 2)],
  ['a changed first byte of the plaintext', 'auth-failed', ({ fine }) => fine.with(16, fine[16] ^ 1)],
  [
    'a changed last byte of the tag',
    'auth-failed',
    ({ fine }) => fine.with(fine.length - 1, fine[fine.length - 1] ^ 0x80),
  ],
];

const BOUNDS: readonly (readonly [string, readonly MessageInput[], Counts])[] = [
  ['of no bytes', [{ bytes: EMPTY }], { short: 1 }],
  ['outside the arena', [{ bytes: payloadOf(50), offset: 60 }], { short: 1 }],
  ['across the end', [{ bytes: payloadOf(50), offset: 20, length: 31 }], { short: 1 }],
  ['at a negative offset', [{ bytes: payloadOf(50), offset: -1 }], { short: 1 }],
  ['of negative length', [{ bytes: payloadOf(50), length: -50 }], { short: 1 }],
  ['shorter than its prefix', [{ bytes: payloadOf(7), prefix: 8 }], { short: 1 }],
  ['with a prefix and nothing else', [{ bytes: payloadOf(8), prefix: 8 }], { short: 1 }],
];

describeImplementations('opening', (primitives) => {
  for (const [name, counter, make] of REFUSED) {
    it(`${name} is refused as ${counter}`, () => {
      withBench(primitives, (bench) => {
        const loop = bench.loop();
        const other = bench.loop({ seed: 2 }).index;
        const fine = forge(loop.keys, loop.index, 0, innerPacket({}));
        const bytes = make({ loop, other, fine });
        const { result, counts } = counted(primitives, () => openMessages(primitives, [{ bytes }]));
        const { opened: _opened, ...refused } = counts;
        expect([result.runCount, result.recordCount, refused]).toEqual([0, 0, { [counter]: 1 }]);
        expect(runsOf(openMessages(primitives, [{ bytes: fine }]))).toHaveLength(1);
      });
    });
  }

  it('S5: a slot given back knows its datagrams no more', () => {
    withBench(primitives, (bench) => {
      const { index, keys } = bench.loop();
      primitives.saFree(index);
      const bytes = forge(keys, index, 0, EMPTY);
      expect(counted(primitives, () => openMessages(primitives, [{ bytes }])).counts).toEqual({ 'unknown-index': 1 });
    });
  });

  for (const [name, rows, counts] of BOUNDS) {
    it(`W2: takes a message row ${name} without a throw`, () => {
      const { result, counts: seen } = counted(primitives, () => openMessages(primitives, rows));
      expect([result.runCount, seen]).toEqual([0, counts]);
    });
  }

  for (const [name, records, runs] of [
    ['record', 2, 9],
    ['run', 9, 2],
  ] as const) {
    it(`opens nothing for which there is no ${name} row, and its counter stays unused`, () => {
      withBench(primitives, (bench) => {
        const { index, keys } = bench.loop();
        const inputs = () => [0, 1, 2, 3].map((counter) => ({ bytes: forge(keys, index, counter, EMPTY) }));
        const { result, counts } = counted(primitives, () => openMessages(primitives, inputs(), records, runs));
        expect([result.runCount, result.recordCount, counts]).toEqual([2, 2, { opened: 2, 'bad-gso': 2 }]);
        const again = counted(primitives, () => openMessages(primitives, inputs()));
        expect(again.counts).toEqual({ opened: 2, replayed: 2 });
      });
    });
  }

  it('T1: a prefix is stripped from each datagram, and one of another prefix is handed on whole', () => {
    withBench(primitives, (bench) => {
      const { index, keys } = bench.loop();
      const frame = (channel: number) => Uint8Array.of(0x20, 0, 0, 0, 0, 0, 0, channel);
      const datagram = (counter: number) => forge(keys, index, counter, innerPacket({}));
      const parts = [concat(frame(1), datagram(0)), concat(frame(2), datagram(1)), concat(frame(1), datagram(2))];
      const opened = openMessages(primitives, [{ bytes: concat(...parts), segment: parts[0].length, prefix: 8 }]);
      expect(runsOf(opened).map((run) => run.kind)).toEqual(['packets', 'raw', 'packets']);
      expect(recordsOf(opened).map(toHex)).toEqual([innerPacket({}), parts[1], innerPacket({})].map(toHex));
    });
  });
});
