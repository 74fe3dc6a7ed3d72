import { expect, it } from 'vitest';
import { concat } from '../../src/base/bytes.ts';
import { describeImplementations, withBench } from './implementations.ts';
import { innerPacket, payloadOf } from './inner-packet.ts';
import { forge, type Loop, type MessageInput, openMessages, type RunView, runsOf } from './primitive-kit.ts';

const EMPTY = new Uint8Array(0);

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
  [
    'a first fragment does not join its flow',
    inOne(tcp(), tcp({ fragment: 0x2000 }), tcp()),
    ['packets 1', 'packets 1', 'packets 1'],
  ],
  [
    'a record of control between two of a flow keeps them apart',
    inOne(tcp(), new Uint8Array(80).fill(9), tcp()),
    ['packets 1', 'control 1', 'packets 1'],
  ],
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

describeImplementations('run grouping', (primitives) => {
  for (const [name, make, expected] of RUNS) {
    it(`T1: ${name}`, () => {
      withBench(primitives, (bench) => {
        const inputs = make([bench.loop(), bench.loop({ seed: 2 })]);
        const runs = runsOf(openMessages(primitives, inputs));
        expect(runs.map((run) => `${run.kind} ${run.records.length}${run.broken ? ' broken' : ''}`)).toEqual(expected);
      });
    });
  }

  it('T1: an IPv6 packet whose addresses repeat the bytes of an IPv4 packet does not join its run', () => {
    withBench(primitives, (bench) => {
      const { index, keys } = bench.loop();
      const v4 = tcp();
      const v6 = innerPacket({ version: 6, payload: payloadOf(20), checksum: 'partial' });
      v6.set(v4.subarray(12, 44), 8);
      const message = gro([forge(keys, index, 0, v4), forge(keys, index, 1, v6, 1)]);
      expect(runsOf(openMessages(primitives, [message])).map((run) => run.records.length)).toEqual([1, 1]);
    });
  });

  it('W3: a first byte that is not 4_ or 6_ is control, never a packet', () => {
    withBench(primitives, (bench) => {
      const loop = bench.loop();
      const firsts = [0x00, 0x01, 0x0f, 0x10, 0x3f, 0x50, 0x5f, 0x70, 0xff];
      const inputs = firsts.map((first, i) => ({ bytes: seal(loop, i, Uint8Array.of(first, 5, 0)) }));
      expect(runsOf(openMessages(primitives, inputs)).map((run) => run.kind)).toEqual(firsts.map(() => 'control'));
    });
  });

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
});
