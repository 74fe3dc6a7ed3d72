import { expect, it } from 'vitest';
import { concat, toHex } from '../../src/base/bytes.ts';
import { describeImplementations, withBench } from './implementations.ts';
import { headerBytes, innerPacket, payloadOf } from './inner-packet.ts';
import {
  asDatagrams,
  asMessages,
  type Bench,
  counted,
  GSO_TCP_PARTIAL,
  type Loop,
  openMessages,
  recordsOf,
  runsOf,
  sealPackets,
  sendRows,
} from './primitive-kit.ts';

/** A packet of the given size on the first (a), second (b: other path) or third lane (c: first path, other SA). */
type Step = readonly [size: number, lane: 'a' | 'b' | 'c'];

const many = (count: number, step: Step) => Array.from({ length: count }, () => step);

/** Steps and the sends that they become, each as [datagrams, size of the first, bytes]. */
const GROUPS: readonly (readonly [string, readonly Step[], readonly (readonly [number, number, number])[]])[] = [
  [
    'equal sizes into one send',
    [
      [100, 'a'],
      [100, 'a'],
      [100, 'a'],
    ],
    [[3, 132, 396]],
  ],
  [
    'a smaller one as the last of its send',
    [
      [100, 'a'],
      [99, 'a'],
      [99, 'a'],
    ],
    [
      [2, 132, 263],
      [1, 131, 131],
    ],
  ],
  [
    'a larger one into a new send',
    [
      [100, 'a'],
      [101, 'a'],
    ],
    [
      [1, 132, 132],
      [1, 133, 133],
    ],
  ],
  [
    'two SAs of one path into one send',
    [
      [100, 'a'],
      [100, 'c'],
      [100, 'a'],
    ],
    [[3, 132, 396]],
  ],
  [
    'two paths into two sends',
    [
      [100, 'a'],
      [100, 'b'],
      [100, 'a'],
    ],
    [
      [1, 132, 132],
      [1, 132, 132],
      [1, 132, 132],
    ],
  ],
  [
    'at most 128 datagrams',
    many(130, [60, 'a']),
    [
      [128, 92, 11_776],
      [2, 92, 184],
    ],
  ],
  [
    'at most 65,507 bytes',
    many(3, [32_721, 'a']),
    [
      [2, 32_753, 65_506],
      [1, 32_753, 32_753],
    ],
  ],
  [
    'one byte over 65,507 into two sends',
    [
      [32_722, 'a'],
      [32_722, 'a'],
    ],
    [
      [1, 32_754, 32_754],
      [1, 32_754, 32_754],
    ],
  ],
  ['nothing into no send', [], []],
];

function lanes(bench: Bench): Record<'a' | 'b' | 'c', Loop> {
  const [a, b, c] = [bench.loop({ seed: 1 }), bench.loop({ seed: 2 }), bench.loop({ seed: 3 })];
  bench.primitives.saPath(c.index, a.path);
  return { a, b, c: { ...c, path: a.path } };
}

describeImplementations('sends', (primitives) => {
  for (const [name, steps, expected] of GROUPS) {
    it(`groups ${name}`, () => {
      withBench(primitives, (bench) => {
        const loops = lanes(bench);
        const inputs = steps.map(([size, lane]) => ({ bytes: payloadOf(size), sa: loops[lane].index }));
        const { result, counts } = counted(primitives, () => sealPackets(primitives, inputs));
        const rows = sendRows(result);
        expect(rows.map(([, length, segment, , count]) => [count, segment, length])).toEqual(expected);
        let end = 0;
        for (const [offset, length] of rows) {
          expect(offset).toBe(end);
          end += length;
        }
        expect(counts['sealed'] ?? 0).toBe(steps.length);
        expect(counts['sends'] ?? 0).toBe(expected.length);
      });
    });
  }

  it('puts the prefix of the path in front of each datagram', () => {
    withBench(primitives, (bench) => {
      const prefix = Uint8Array.of(0x20, 0, 0, 0, 1, 2, 3, 4);
      const { index, path } = bench.loop({ prefix });
      const packet = innerPacket({ payload: payloadOf(60) });
      const sealed = sealPackets(
        primitives,
        [packet, packet].map((bytes) => ({ bytes, sa: index })),
      );
      expect(sendRows(sealed)).toEqual([[0, 280, 140, path, 2]]);
      for (const datagram of asDatagrams(sealed)) expect(toHex(datagram.subarray(0, 8))).toBe(toHex(prefix));
      expect(recordsOf(openMessages(primitives, asMessages(sealed, 8)))).toEqual([packet, packet]);
    });
  });

  it('marks a packet with a partial checksum, and only that', () => {
    withBench(primitives, (bench) => {
      const { index } = bench.loop();
      const partial = innerPacket({ checksum: 'partial', payload: payloadOf(9) });
      const full = innerPacket({ payload: payloadOf(9) });
      const inputs = [
        { bytes: partial, sa: index, kind: 0x100 },
        { bytes: full, sa: index },
      ];
      const opened = openMessages(primitives, asMessages(sealPackets(primitives, inputs)));
      expect(runsOf(opened).flatMap((run) => run.flags)).toEqual([1, 0]);
    });
  });

  it('drops what has no SA, no key or no path, and seals the rest', () => {
    withBench(primitives, (bench) => {
      const { index } = bench.loop();
      const keyless = bench.reserve();
      const stopped = bench.loop({ seed: 2 });
      const pathless = bench.loop({ seed: 3 });
      const addressless = bench.loop({ seed: 4 });
      primitives.saStopTx(stopped.index);
      primitives.pathFree(pathless.path);
      const unset = primitives.pathReserve();
      primitives.saPath(addressless.index, unset);
      const bytes = innerPacket({});
      const inputs = [
        0,
        index,
        keyless,
        stopped.index,
        pathless.index,
        addressless.index,
        index ^ 0x0008_0000,
        index,
      ].map((sa) => ({
        bytes,
        sa,
      }));
      const { result, counts } = counted(primitives, () => sealPackets(primitives, inputs));
      expect(counts).toEqual({ sealed: 2, sends: 1, 'no-sa': 5 });
      expect(asDatagrams(result)).toHaveLength(2);
    });
  });

  it('drops what does not fit the output, uses up no counter for it, and goes on with what fits', () => {
    withBench(primitives, (bench) => {
      const { index } = bench.loop();
      const inputs = [100, 200, 50].map((size) => ({ bytes: payloadOf(size), sa: index }));
      const { result, counts } = counted(primitives, () => sealPackets(primitives, inputs, 132 + 82));
      expect(counts).toEqual({ sealed: 2, sends: 1, 'send-failed': 1 });
      expect(asDatagrams(result).map((datagram) => [datagram.length, datagram[8]])).toEqual([
        [132, 0],
        [82, 1],
      ]);
    });
  });

  it('drops the rest of a super-packet that does not fit and counts each of its datagrams', () => {
    withBench(primitives, (bench) => {
      const { index } = bench.loop();
      const header = headerBytes({});
      const bytes = innerPacket({ payload: payloadOf(950), checksum: 'partial' });
      const row = {
        bytes,
        sa: index,
        kind: GSO_TCP_PARTIAL,
        gsoSize: 100,
        headerLength: header.all,
        l4Offset: header.l4,
      };
      const { result, counts } = counted(primitives, () => sealPackets(primitives, [row], 172 * 3 + 171));
      expect(counts).toEqual({ sealed: 3, sends: 1, 'send-failed': 7 });
      expect(asDatagrams(result)).toHaveLength(3);
    });
  });

  it('drops what needs a row that is not there', () => {
    withBench(primitives, (bench) => {
      const { index } = bench.loop();
      const inputs = [100, 101, 50].map((size) => ({ bytes: payloadOf(size), sa: index }));
      const { result, counts } = counted(primitives, () => sealPackets(primitives, inputs, 10_000, 1));
      expect(counts).toEqual({ sealed: 2, sends: 1, 'send-failed': 1 });
      expect(asDatagrams(result).map((datagram) => datagram.length)).toEqual([132, 82]);
    });
  });

  it('refuses a packet that no UDP datagram could hold', () => {
    withBench(primitives, (bench) => {
      const { index } = bench.loop();
      const inputs = [65_507 - 32, 65_508 - 32].map((size) => ({ bytes: payloadOf(size), sa: index }));
      const { result, counts } = counted(primitives, () => sealPackets(primitives, inputs));
      expect(counts).toEqual({ sealed: 1, sends: 1, 'send-failed': 1 });
      expect(sendRows(result)).toHaveLength(1);
    });
  });

  for (const [name, change] of [
    ['outside the arena', { offset: 5_000 }],
    ['across its end', { length: 101 }],
    ['at a negative offset', { offset: -8 }],
    ['of length 0', { length: 0 }],
    ['of negative length', { length: -1 }],
  ] as const) {
    it(`refuses a row ${name}`, () => {
      withBench(primitives, (bench) => {
        const row = { bytes: payloadOf(100), sa: bench.loop().index, ...change };
        const { counts } = counted(primitives, () => sealPackets(primitives, [row]));
        expect(counts).toEqual({ 'bad-gso': 1 });
      });
    });
  }

  it('keeps datagrams apart: each opens to its own packet', () => {
    withBench(primitives, (bench) => {
      const loops = lanes(bench);
      const packets = Array.from({ length: 20 }, (_, i) => innerPacket({ payload: payloadOf(300 - (i % 7) * 20, i) }));
      const inputs = packets.map((bytes, i) => ({
        bytes,
        sa: loops[i % 3 === 0 ? 'b' : i % 3 === 1 ? 'a' : 'c'].index,
      }));
      const sealed = sealPackets(primitives, inputs);
      expect(toHex(concat(...recordsOf(openMessages(primitives, asMessages(sealed)))))).toBe(toHex(concat(...packets)));
    });
  });
});
