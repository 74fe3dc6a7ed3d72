import { expect, it } from 'vitest';
import { concat, toHex } from '../../src/base/bytes.ts';
import type { PacketPrimitives } from '../../src/base/primitives.ts';
import { describeImplementations, withBench } from './implementations.ts';
import { expectedSegments, headerBytes, type InnerPacket, innerPacket, payloadOf, TCP } from './inner-packet.ts';
import {
  asMessages,
  counted,
  GSO_TCP_PARTIAL,
  GSO_UDP_PARTIAL,
  openMessages,
  type PacketInput,
  recordsOf,
  runsOf,
  sealPackets,
  sendRows,
} from './primitive-kit.ts';

type Fields = Partial<InnerPacket>;

const TIMESTAMPS = Uint8Array.of(1, 1, 8, 10, 0, 0, 1, 2, 0, 0, 3, 4);
const DESTINATION_OPTIONS = Uint8Array.of(6, 0, 1, 4, 0, 0, 0, 0);

const CUTS: readonly (readonly [string, Fields, number])[] = [
  ['TCP over IPv4 into equal parts', { payload: payloadOf(4_200) }, 1_400],
  ['TCP over IPv4 with a shorter last part', { payload: payloadOf(4_201) }, 1_400],
  ['TCP over IPv4 with an odd last part of one byte', { payload: payloadOf(2_801) }, 1_400],
  ['TCP over IPv6', { version: 6, payload: payloadOf(5_001) }, 1_380],
  ['UDP over IPv4', { protocol: 'udp', payload: payloadOf(3_333) }, 1_200],
  ['UDP over IPv6', { protocol: 'udp', version: 6, payload: payloadOf(2_400) }, 1_200],
  ['TCP with options', { tcpOptions: TIMESTAMPS, payload: payloadOf(3_000) }, 1_388],
  ['TCP with forty bytes of options', { tcpOptions: new Uint8Array(40).fill(1), payload: payloadOf(3_000) }, 1_360],
  ['IPv4 options', { extra: Uint8Array.of(1, 1, 1, 1), payload: payloadOf(3_000) }, 1_300],
  [
    'IPv6 destination options',
    { version: 6, extra: DESTINATION_OPTIONS, firstExtension: 60, payload: payloadOf(3_000) },
    1_300,
  ],
  ['FIN and PSH, only on the last part', { flags: TCP.ack | TCP.fin | TCP.psh, payload: payloadOf(3_000) }, 1_000],
  ['CWR, only on the first part', { flags: TCP.ack | TCP.cwr | TCP.ece, payload: payloadOf(3_000) }, 1_000],
  ['all TCP flags at once', { flags: 0xff, payload: payloadOf(3_000) }, 1_000],
  ['an IPv4 id that wraps', { id: 0xfffe, payload: payloadOf(5_000) }, 1_000],
  ['an IPv4 id of UDP that wraps', { protocol: 'udp', id: 0xffff, payload: payloadOf(3_000) }, 1_000],
  ['a sequence number that wraps', { sequence: 0xffff_ff00, payload: payloadOf(3_000) }, 1_000],
  [
    'TOS, TTL, urgent pointer and window as they are',
    { tos: 0xb9, ttl: 1, urgent: 7, window: 0xffff, payload: payloadOf(2_000) },
    999,
  ],
  ['a gsoSize larger than the payload into one packet', { payload: payloadOf(100), flags: 0xff }, 1_400],
  ['a gsoSize of 2^31 - 1 into one packet', { payload: payloadOf(100) }, 0x7fff_ffff],
  ['parts shorter than their headers', { version: 6, tcpOptions: TIMESTAMPS, payload: payloadOf(300) }, 7],
  ['parts of one byte', { protocol: 'udp', payload: payloadOf(40) }, 1],
  ['the largest IPv4 packet', { payload: payloadOf(65_495) }, 1_400],
  ['the largest IPv6 packet', { version: 6, payload: payloadOf(65_515) }, 1_400],
];

/** A row of the packet table that describes a super-packet truly. */
function superPacket(fields: Fields, gsoSize: number, sa: number): PacketInput {
  const bytes = innerPacket({ ...fields, checksum: 'partial' });
  const header = headerBytes(fields);
  const kind = fields.protocol === 'udp' ? GSO_UDP_PARTIAL : GSO_TCP_PARTIAL;
  return { bytes, sa, kind, gsoSize, headerLength: header.all, l4Offset: header.l4 };
}

type Change = (row: PacketInput) => Partial<PacketInput>;

function refuses(primitives: PacketPrimitives, change: Change): void {
  withBench(primitives, (bench) => {
    const { index } = bench.loop();
    const row = superPacket({ payload: payloadOf(3_000) }, 1_000, index);
    const { result, counts } = counted(primitives, () => sealPackets(primitives, [{ ...row, ...change(row) }]));
    expect(result.count).toBe(0);
    expect(counts).toEqual({ 'bad-gso': 1 });
  });
}

function otherPacket(fields: Fields, gso = 1_000): Change {
  return (row) => superPacket({ payload: payloadOf(3_000), ...fields }, gso, row.sa);
}

const ROUTING_HEADER = concat(Uint8Array.of(6, 2, 2, 0, 0, 0, 0, 0), new Uint8Array(16).fill(0xfd));
const FRAGMENT_HEADER = Uint8Array.of(6, 0, 0, 1, 0, 0, 0, 9);

const REFUSED_SUPERS: readonly (readonly [string, Change])[] = [
  ['with gsoSize 0', () => ({ gsoSize: 0 })],
  ['with a negative gsoSize', () => ({ gsoSize: -1 })],
  ['without the partial checksum', () => ({ kind: 1 })],
  ['of TCP that calls itself UDP', () => ({ kind: GSO_UDP_PARTIAL })],
  ['of UDP that calls itself TCP', (row) => ({ ...otherPacket({ protocol: 'udp' })(row), kind: GSO_TCP_PARTIAL })],
  ['of an unknown kind', () => ({ kind: 3 | 0x100 })],
  ['whose header length reaches beyond it', () => ({ headerLength: 4_000 })],
  ['whose header length is one too long', () => ({ headerLength: 41 })],
  ['whose header length is one too short', () => ({ headerLength: 39 })],
  ['whose header length is 0', () => ({ headerLength: 0 })],
  ['whose header length is negative', () => ({ headerLength: -40 })],
  ['whose L4 offset is wrong', () => ({ l4Offset: 21 })],
  ['without payload', otherPacket({ payload: payloadOf(0) })],
  ['that is an IPv4 fragment', otherPacket({ fragment: 0x2000 })],
  ['that is a later IPv4 fragment', otherPacket({ fragment: 0x0001 })],
  ['that is an IPv6 fragment', otherPacket({ version: 6, extra: FRAGMENT_HEADER, firstExtension: 44 })],
  ['with an IPv6 routing header', otherPacket({ version: 6, extra: ROUTING_HEADER, firstExtension: 43 })],
  ['with more than 512 bytes of headers', otherPacket(longHeaders())],
  ['longer than its IP length', (row) => ({ bytes: concat(row.bytes, Uint8Array.of(0)) })],
  ['shorter than its IP length', (row) => ({ bytes: row.bytes.slice(0, -1) })],
  ['with a bad IPv4 header checksum', (row) => ({ bytes: row.bytes.with(10, row.bytes[10] ^ 1) })],
  ['of IP version 5', (row) => ({ bytes: row.bytes.with(0, 0x55) })],
  ['whose data offset is 16 bytes', (row) => ({ bytes: row.bytes.with(32, 0x40) })],
  ['that begins outside the arena', () => ({ offset: 1_000_000 })],
  ['that ends outside the arena', (row) => ({ length: row.bytes.length + 1 })],
  ['of length 0', () => ({ length: 0 })],
  ['of negative length', () => ({ length: -5 })],
  ['at a negative offset', () => ({ offset: -1 })],
];

/** Three extension headers of 200 bytes. */
function longHeaders(): Fields {
  const extension = (next: number) => concat(Uint8Array.of(next, 24), new Uint8Array(198));
  return { version: 6, firstExtension: 60, extra: concat(extension(60), extension(60), extension(6)) };
}

const hex = (packets: readonly Uint8Array[]) => packets.map(toHex);

describeImplementations('segmentation', (primitives) => {
  for (const [name, fields, gsoSize] of CUTS) {
    it(`cuts ${name}`, () => {
      withBench(primitives, (bench) => {
        const { index } = bench.loop();
        const sealed = sealPackets(primitives, [superPacket(fields, gsoSize, index)]);
        const opened = openMessages(primitives, asMessages(sealed));
        expect(hex(recordsOf(opened))).toEqual(hex(expectedSegments({ ...fields, checksum: 'partial' }, gsoSize)));
        expect(new Set(runsOf(opened).flatMap((run) => run.flags))).toEqual(new Set([1]));
      });
    });
  }

  it('splits a super-packet of over 64 KB with overhead into two sends without gaps', () => {
    withBench(primitives, (bench) => {
      const { index, path } = bench.loop();
      const sealed = sealPackets(primitives, [superPacket({ payload: payloadOf(65_495) }, 1_400, index)]);
      const size = 40 + 1_400 + 32;
      const first = Math.floor(65_507 / size);
      const parts = Math.ceil(65_495 / 1_400);
      const last = 65_495 - (parts - 1) * 1_400 + 72;
      expect(sendRows(sealed)).toEqual([
        [0, first * size, size, path, first],
        [first * size, (parts - first - 1) * size + last, size, path, parts - first],
      ]);
    });
  });

  it('leaves what lies in the arena around a super-packet alone', () => {
    withBench(primitives, (bench) => {
      const { index } = bench.loop();
      const row = superPacket({ payload: payloadOf(3_001) }, 100, index);
      const guard = new Uint8Array(64).fill(0xaa);
      const bytes = concat(guard, row.bytes, guard);
      const inside = { ...row, bytes, offset: 7 + guard.length, length: row.bytes.length };
      const sealed = sealPackets(primitives, [inside]);
      expect(recordsOf(openMessages(primitives, asMessages(sealed)))).toHaveLength(31);
      expect(toHex(sealed.arena.subarray(7, 7 + 64))).toBe(toHex(guard));
      expect(toHex(sealed.arena.subarray(-64))).toBe(toHex(guard));
    });
  });

  for (const [name, change] of REFUSED_SUPERS) {
    it(`T3: refuses a super-packet ${name}`, () => refuses(primitives, change));
  }
});
