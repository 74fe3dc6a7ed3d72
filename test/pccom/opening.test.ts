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
  type RunView,
  recordsOf,
  runsOf,
} from './primitive-kit.ts';

const EMPTY = new Uint8Array(0);
const TWO_32 = 2n ** 32n;

/** Counters in the order they arrive, and whether each opens ('+', '!' when it is the newest) or what it is counted as. */
const REPLAYS: readonly (readonly [string, readonly (readonly [number | bigint, string])[]])[] = [
  [
    'in order',
    [
      [0, '!'],
      [1, '!'],
      [2, '!'],
    ],
  ],
  [
    'from any first counter',
    [
      [1_000_000, '!'],
      [1_000_001, '!'],
      [999_999, '+'],
    ],
  ],
  [
    'out of order',
    [
      [5, '!'],
      [3, '+'],
      [4, '+'],
      [6, '!'],
      [0, '+'],
    ],
  ],
  [
    'duplicates',
    [
      [0, '!'],
      [0, 'replayed'],
      [9, '!'],
      [9, 'replayed'],
      [0, 'replayed'],
      [8, '+'],
      [8, 'replayed'],
    ],
  ],
  [
    'the last usable and the first too old',
    [
      [9_000, '!'],
      [9_000 - 8_128, '+'],
      [9_000 - 8_129, 'too-old'],
    ],
  ],
  [
    'a jump over the whole window',
    [
      [3, '!'],
      [1_000_003, '!'],
      [1_000_002, '+'],
      [3, 'too-old'],
      [1_000_003, 'replayed'],
    ],
  ],
  [
    'a jump to the same bit of the ring',
    [
      [70, '!'],
      [70 + 8_192, '!'],
      [70 + 8_191, '+'],
      [134, '+'],
      [134, 'replayed'],
    ],
  ],
  [
    '2^32 and back',
    [
      [TWO_32 - 1n, '!'],
      [TWO_32, '!'],
      [TWO_32 - 1n, 'replayed'],
      [TWO_32 - 2n, '+'],
      [TWO_32 + 1n, '!'],
      [0, 'too-old'],
    ],
  ],
  [
    'a low half that goes back while the high half goes on',
    [
      [TWO_32 - 5n, '!'],
      [2n * TWO_32, '!'],
      [TWO_32 - 4n, 'too-old'],
    ],
  ],
  [
    'the end of the counter',
    [
      [2n ** 64n - 2n, '!'],
      [2n ** 64n - 1n, '!'],
      [2n ** 64n - 2n, 'replayed'],
      [0, 'too-old'],
      [2n ** 63n, 'too-old'],
    ],
  ],
];

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

type Loops = readonly [Loop, Loop];

/** Datagrams of one message, all brought to one size by their packets. */
function gro(datagrams: readonly Uint8Array[], prefix = 0): MessageInput {
  return { bytes: concat(...datagrams), segment: datagrams[0].length, prefix };
}

const tcp = (fields: Parameters<typeof innerPacket>[0] = {}) => innerPacket({ payload: payloadOf(40), ...fields });
const udp = (fields: Parameters<typeof innerPacket>[0] = {}) =>
  tcp({ protocol: 'udp', payload: payloadOf(52), ...fields });
const seal = (loop: Loop, counter: number, packet: Uint8Array) => forge(loop.keys, loop.index, counter, packet);

/** The packets sealed on the first lane in one message. */
const inOne =
  (...packets: readonly Uint8Array[]) =>
  ([loop]: Loops) => [gro(packets.map((packet, i) => seal(loop, i, packet)))];

const RUNS: readonly (readonly [string, (loops: Loops) => readonly MessageInput[], readonly string[]])[] = [
  ['records of one flow share a run', inOne(tcp(), tcp({ sequence: 9 }), tcp({ flags: 0x11 })), ['packets 3']],
  ['UDP records of one flow share a run', inOne(udp(), udp(), udp()), ['packets 3']],
  ['another source address begins a run', inOne(tcp(), tcp({ source: 9 })), ['packets 1', 'packets 1']],
  ['another destination address begins a run', inOne(tcp(), tcp({ destination: 9 })), ['packets 1', 'packets 1']],
  ['another source port begins a run', inOne(tcp(), tcp({ sourcePort: 9 })), ['packets 1', 'packets 1']],
  ['another destination port begins a run', inOne(tcp(), tcp({ destinationPort: 9 })), ['packets 1', 'packets 1']],
  ['another protocol begins a run', inOne(tcp(), udp()), ['packets 1', 'packets 1']],
  [
    'another IP version begins a run',
    inOne(tcp(), innerPacket({ version: 6, payload: payloadOf(20) })),
    ['packets 1', 'packets 1'],
  ],
  [
    'another IPv6 address begins a run',
    inOne(tcp({ version: 6 }), tcp({ version: 6, destination: 9 })),
    ['packets 1', 'packets 1'],
  ],
  ['a fragment is alone', inOne(tcp({ fragment: 0x2000 }), tcp({ fragment: 0x2000 })), ['packets 1', 'packets 1']],
  ['a later fragment is alone', inOne(tcp({ fragment: 1 }), tcp({ fragment: 1 })), ['packets 1', 'packets 1']],
  [
    'another protocol than TCP and UDP is alone',
    inOne(...[1, 1].map((protocol) => icmp(protocol))),
    ['packets 1', 'packets 1'],
  ],
  [
    'another SA begins a run',
    ([a, b]) => [gro([seal(a, 0, tcp()), seal(b, 0, tcp()), seal(b, 1, tcp())])],
    ['packets 1', 'packets 2'],
  ],
  [
    'another message begins a run',
    ([a]) => [gro([seal(a, 0, tcp())]), gro([seal(a, 1, tcp()), seal(a, 2, tcp())])],
    ['packets 1', 'packets 2'],
  ],
  [
    'a rejected record breaks the run',
    ([a]) => [gro([seal(a, 0, tcp()), seal(a, 0, tcp()), seal(a, 2, tcp())])],
    ['packets 1', 'packets 1 broken'],
  ],
  [
    'a rejected record breaks even across messages',
    ([a]) => [gro([seal(a, 0, tcp())]), gro([seal(a, 0, tcp())]), gro([seal(a, 2, tcp())]), gro([seal(a, 3, tcp())])],
    ['packets 1', 'packets 1 broken', 'packets 1'],
  ],
  [
    'control and empty records and other kinds are alone',
    ([a]) => [
      gro([seal(a, 0, Uint8Array.of(9)), seal(a, 1, Uint8Array.of(9)), Uint8Array.of(1, 2, 3)]),
      { bytes: seal(a, 2, EMPTY) },
      { bytes: seal(a, 3, EMPTY) },
    ],
    ['control 1', 'control 1', 'raw 1', 'empty 1', 'empty 1'],
  ],
  [
    'W3: a first byte that is not 4_ or 6_ is control, never a packet',
    ([a]) =>
      [0x00, 0x0f, 0x10, 0x3f, 0x50, 0x5f, 0x70, 0xff].map((first, i) => ({ bytes: seal(a, i, Uint8Array.of(first)) })),
    Array.from({ length: 8 }, () => 'control 1'),
  ],
  [
    'each other kind of datagram stays untouched, whatever its length',
    () => [0x00, 0x01, 0x0f, 0x11, 0x20, 0x30, 0xff].map((first) => ({ bytes: Uint8Array.of(first) })),
    Array.from({ length: 7 }, () => 'raw 1'),
  ],
];

/** A packet of a protocol without ports. */
function icmp(protocol: number): Uint8Array {
  const packet = tcp({ payload: payloadOf(40), checksum: 'none' });
  const sum = ((packet[10] << 8) | packet[11]) + (6 - protocol);
  const folded = (sum & 0xffff) + (sum >> 16);
  return packet
    .with(9, protocol)
    .with(10, folded >> 8)
    .with(11, folded & 0xff);
}

describeImplementations('opening', (primitives) => {
  for (const [name, steps] of REPLAYS) {
    it(`K2: keeps the replay window for ${name}`, () => {
      withBench(primitives, (bench) => {
        const { index, keys } = bench.loop();
        const outcomes = steps.map(([counter]) => {
          const bytes = forge(keys, index, counter, EMPTY);
          const { result, counts } = counted(primitives, () => runsOf(openMessages(primitives, [{ bytes }])));
          const [refusal] = Object.keys(counts).filter((counter) => counter !== 'opened');
          return refusal ?? (result[0].newest === 1 ? '!' : '+');
        });
        expect(outcomes).toEqual(steps.map(([, outcome]) => outcome));
      });
    });
  }

  it('K2: keeps 65,536 bits where they were asked for', () => {
    withBench(primitives, (bench) => {
      const { index, keys } = bench.loop({ windowBits: 65_536 });
      const inputs = [100_000, 100_000 - 65_472, 100_000 - 65_473].map((counter) => ({
        bytes: forge(keys, index, counter, EMPTY),
      }));
      const { counts } = counted(primitives, () => openMessages(primitives, inputs));
      expect(counts).toEqual({ opened: 2, 'too-old': 1 });
    });
  });

  it('K2: checks the window before it authenticates: a forged copy of an opened counter is a replay', () => {
    withBench(primitives, (bench) => {
      const { index, keys } = bench.loop();
      const bytes = forge(keys, index, 5, EMPTY);
      const inputs = [{ bytes }, { bytes: bytes.with(20, bytes[20] ^ 1) }];
      expect(counted(primitives, () => openMessages(primitives, inputs)).counts).toEqual({ opened: 1, replayed: 1 });
    });
  });

  it('K2: moves the window only after authentication: forged counters close nothing and use up nothing', () => {
    withBench(primitives, (bench) => {
      const { index, keys } = bench.loop();
      const forged = forge(keys, index, 2n ** 40n, EMPTY);
      forged[20] ^= 1;
      const same = forge(keys, index, 6, EMPTY);
      const inputs = [forge(keys, index, 5, EMPTY), forged, same.with(20, same[20] ^ 1), same];
      const { result, counts } = counted(primitives, () =>
        openMessages(
          primitives,
          inputs.map((bytes) => ({ bytes })),
        ),
      );
      expect(counts).toEqual({ opened: 2, 'auth-failed': 2 });
      expect(runsOf(result).map((run) => run.newest)).toEqual([1, 1]);
    });
  });

  for (const [name, counter, make] of REFUSED) {
    it(`refuses ${name} as ${counter}`, () => {
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

  for (const [name, make, expected] of RUNS) {
    it(`T1: ${name}`, () => {
      withBench(primitives, (bench) => {
        const inputs = make([bench.loop(), bench.loop({ seed: 2 })]);
        const runs = runsOf(openMessages(primitives, inputs));
        expect(runs.map((run) => `${run.kind} ${run.records.length}${run.broken ? ' broken' : ''}`)).toEqual(expected);
      });
    });
  }

  it('says of a run which SA, message, bytes and records it has', () => {
    withBench(primitives, (bench) => {
      const { index, keys } = bench.loop();
      const packets = [1, 2, 3].map((seed) => innerPacket({ payload: payloadOf(50 - seed, seed) }));
      const bytes = packets.map((packet, i) => forge(keys, index, 3 - i, packet));
      const [control] = [forge(keys, index, 4, Uint8Array.of(9, 0, 8))];
      const opened = openMessages(primitives, [{ bytes: control }, ...bytes.map((datagram) => ({ bytes: datagram }))]);
      const flow: Omit<RunView, 'message' | 'records'> = {
        kind: 'packets',
        sa: index,
        newest: 0,
        broken: 0,
        flags: [0],
      };
      expect(runsOf(opened)).toEqual([
        { ...flow, kind: 'control', newest: 1, message: 0, records: [Uint8Array.of(9, 0, 8)] },
        ...packets.map((packet, i) => ({ ...flow, message: i + 1, records: [packet] })),
      ]);
    });
  });

  it('marks a run as newest when any of its records was the newest at its time', () => {
    withBench(primitives, (bench) => {
      const { index, keys } = bench.loop();
      const run = (...counters: number[]) => {
        const datagrams = counters.map((counter) => forge(keys, index, counter, innerPacket({})));
        return { bytes: concat(...datagrams), segment: datagrams[0].length };
      };
      const opened = openMessages(primitives, [run(4, 5, 3), run(2, 1), run(0, 9)]);
      expect(runsOf(opened).map((each) => each.newest)).toEqual([1, 0, 1]);
    });
  });

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
