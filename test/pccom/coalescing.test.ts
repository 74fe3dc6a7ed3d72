import { expect, it } from 'vitest';
import { concat, toHex } from '../../src/base/bytes.ts';
import { describeImplementations, withBench } from './implementations.ts';
import { type InnerPacket, innerPacket, payloadOf, TCP } from './inner-packet.ts';
import {
  coalesce,
  coalesceBytes,
  counted,
  deliverAll,
  forge,
  type HandMadePacket,
  handMade,
  NO_VNET,
  openMessages,
  type PieceView,
} from './primitive-kit.ts';

type Fields = Partial<InnerPacket>;
interface Piece extends Fields {
  readonly sa?: number;
  readonly broken?: boolean;
  readonly verdict?: number;
  readonly kind?: number;
}

const SIZE = 600;
const first = payloadOf(SIZE, 3);
const second = payloadOf(SIZE, 4);

/** The second of two packets that follow each other, and what one condition changes of it or of both. */
function pair(changeSecond: Piece = {}, changeBoth: Piece = {}): readonly Piece[] {
  return [
    { payload: first, ...changeBoth },
    { payload: second, sequence: 1_000_000 + SIZE, ...changeBoth, ...changeSecond },
  ];
}

function row(piece: Piece): HandMadePacket {
  const { sa, broken, verdict, kind, ...fields } = piece;
  const marks = { sa: sa ?? 8, broken: broken ?? false, verdict: verdict ?? 1, kind: kind ?? 1 };
  return { ...marks, bytes: innerPacket(fields), partial: fields.checksum === 'partial' };
}

const udp = { protocol: 'udp' } as const;
const v6 = { version: 6 } as const;
const options = (value: number) => ({ tcpOptions: Uint8Array.of(1, 1, 8, 10, 0, 0, 0, value, 0, 0, 0, 2) });
const noop4 = { extra: Uint8Array.of(1, 1, 1, 1) };
const noop6 = { version: 6, firstExtension: 60, extra: Uint8Array.of(6, 0, 1, 4, 0, 0, 0, 0) } as const;

/** Conditions of protocol.md 5.5, each broken alone: these two packets are written one by one. */
const APART: readonly (readonly [string, readonly Piece[]])[] = [
  ['another SA', pair({ sa: 16 })],
  ['another lane of the SA', pair({ sa: 9 })],
  ['another source address', pair({ source: 9 })],
  ['another destination address', pair({ destination: 9 })],
  ['another IPv6 address', pair({ source: 9 }, v6)],
  ['another source port', pair({ sourcePort: 9 })],
  ['another destination port', pair({ destinationPort: 9 })],
  ['another UDP port', pair({ destinationPort: 9 }, udp)],
  ['another TTL', pair({ ttl: 63 })],
  ['another hop limit', pair({ ttl: 63 }, v6)],
  ['another TOS', pair({ tos: 1 })],
  ['another traffic class', pair({ tos: 1 }, v6)],
  ['another flow label', pair({ flowLabel: 1 }, v6)],
  ['another DF bit', pair({ fragment: 0 })],
  ['the reserved IPv4 bit', pair({}, { fragment: 0xc000 })],
  ['a fragment', pair({ fragment: 0x2000 })],
  ['fragments', pair({}, { fragment: 0x2000 })],
  ['IPv4 options', pair({}, noop4)],
  ['IPv6 extension headers', pair({}, noop6)],
  ['another ack', pair({ acknowledgement: 77_778 })],
  ['another window', pair({ window: 500 })],
  ['another urgent pointer', pair({ urgent: 1 })],
  ['other TCP option bytes', pair(options(2), options(1))],
  ['more TCP options', pair({ tcpOptions: new Uint8Array(4).fill(1) })],
  ['a gap in the sequence', pair({ sequence: 1_000_001 + SIZE })],
  ['an overlap in the sequence', pair({ sequence: 999_999 + SIZE })],
  ['the same sequence again', pair({ sequence: 1_000_000 })],
  ['PSH on the first', [{ ...pair()[0], flags: TCP.ack | TCP.psh }, ...pair().slice(1)]],
  ['no ACK', pair({}, { flags: 0 })],
  ['PSH without ACK', pair({ flags: TCP.psh })],
  ['FIN', pair({ flags: TCP.ack | TCP.fin })],
  ['SYN', pair({ flags: TCP.ack | TCP.syn }, { flags: TCP.ack | TCP.syn })],
  ['RST', pair({ flags: TCP.ack | TCP.rst }, { flags: TCP.ack | TCP.rst })],
  ['URG', pair({ flags: TCP.ack | TCP.urg }, { flags: TCP.ack | TCP.urg })],
  ['ECE', pair({ flags: TCP.ack | TCP.ece }, { flags: TCP.ack | TCP.ece })],
  ['CWR', pair({ flags: TCP.ack | TCP.cwr }, { flags: TCP.ack | TCP.cwr })],
  ['a reserved TCP bit', pair({}, { reserved: 1 })],
  ['options that look like the payload before', pair({ tcpOptions: first.subarray(0, 4) })],
  ['a larger second', pair({ payload: payloadOf(SIZE + 1) })],
  ['no payload in the second', pair({ payload: payloadOf(0) })],
  ['TCP payloads below 256 bytes', [{ payload: payloadOf(255) }, { payload: payloadOf(255), sequence: 1_000_255 }]],
  ['UDP without a checksum', pair({ checksum: 'none' }, udp)],
  ['UDP without checksums', pair({}, { ...udp, checksum: 'none' })],
  ['another protocol', pair(udp)],
  ['another IP version', pair(v6)],
  ['a rejected record between them', pair({ broken: true })],
];

/** Pairs that are joined, and the fields of the super-packet. */
const JOINED: readonly (readonly [string, readonly Piece[], Fields])[] = [
  ['two TCP segments over IPv4', pair(), {}],
  ['two TCP segments over IPv6', pair({}, v6), {}],
  ['two UDP datagrams over IPv4', pair({}, udp), {}],
  ['two UDP datagrams over IPv6', pair({}, { ...udp, ...v6 }), {}],
  ['equal TCP options', pair({}, options(7)), {}],
  ['a shorter last', pair({ payload: payloadOf(1, 9) }), {}],
  ['PSH on the last', pair({ flags: TCP.ack | TCP.psh }), { flags: TCP.ack | TCP.psh }],
  ['another IPv4 id', pair({ id: 9 }), {}],
  ['partial checksums', pair({}, { checksum: 'partial' }), {}],
  ['partial checksums of UDP', pair({}, { ...udp, checksum: 'partial' }), {}],
  ['a partial and a full checksum', pair({ checksum: 'partial' }), {}],
  ['a full and a partial checksum of UDP', pair({ checksum: 'full' }, { ...udp, checksum: 'partial' }), {}],
  ['a sequence that wraps', pair({ sequence: 88 }, { sequence: 0x1_0000_0000 - SIZE + 88 }), {}],
  ['TCP payloads of 256 bytes', [{ payload: payloadOf(256) }, { payload: payloadOf(256, 2), sequence: 1_000_256 }], {}],
  [
    'UDP payloads of one byte',
    [
      { ...udp, payload: payloadOf(1) },
      { ...udp, payload: payloadOf(1, 2) },
    ],
    {},
  ],
];

const hex = (pieces: readonly PieceView[]) => pieces.map((piece) => ({ ...piece, packet: toHex(piece.packet) }));

/** The packet alone, with the virtio-net header that its checksum needs. */
function alone(packet: HandMadePacket): PieceView {
  if (!packet.partial) return { ...NO_VNET, packet: packet.bytes };
  const v4 = packet.bytes[0] >> 4 === 4;
  const tcp = packet.bytes[v4 ? 9 : 6] === 6;
  const checksum = { flags: 1, checksumStart: v4 ? 20 : 40, checksumOffset: tcp ? 16 : 6 };
  return { ...NO_VNET, ...checksum, packet: packet.bytes };
}

/** The super-packet that stands for these segments. */
function joined(pieces: readonly Piece[], fields: Fields = {}): PieceView {
  const { sa: _sa, ...head } = pieces[0];
  const payload = concat(...pieces.map((piece) => piece.payload ?? new Uint8Array(0)));
  const ip = head.version === 6 ? 40 : 20;
  const tcp = head.protocol !== 'udp';
  return {
    flags: 1,
    gsoType: tcp ? (head.version === 6 ? 4 : 1) : 5,
    headerLength: ip + (tcp ? 20 + (head.tcpOptions?.length ?? 0) : 8),
    gsoSize: head.payload?.length ?? 0,
    checksumStart: ip,
    checksumOffset: tcp ? 16 : 6,
    packet: innerPacket({ ...head, ...fields, payload, checksum: 'partial' }),
  };
}

/** Segments of one flow, one after the other. */
function flow(count: number, size: number, fields: Fields = {}): Piece[] {
  return Array.from({ length: count }, (_, i) => ({
    ...fields,
    payload: payloadOf(size, i),
    sequence: (1_000_000 + i * size) >>> 0,
  }));
}

describeImplementations('coalescing', (primitives) => {
  for (const [name, pieces] of APART) {
    it(`T3: does not join across ${name}`, () => {
      const rows = pieces.map(row);
      expect(hex(coalesce(primitives, handMade(rows), true))).toEqual(hex(rows.map(alone)));
    });
  }

  for (const [name, pieces, fields] of JOINED) {
    it(`T3: joins ${name}`, () => {
      const result = coalesce(primitives, handMade(pieces.map(row)), true);
      expect(hex(result)).toEqual(hex([joined(pieces, fields)]));
    });
  }

  it('T3: without vnet nothing is joined', () => {
    const rows = pair().map(row);
    const pieces = rows.map(({ bytes }) => ({ ...NO_VNET, packet: bytes }));
    expect(hex(coalesce(primitives, handMade(rows), false))).toEqual(hex(pieces));
  });

  for (const [name, fields] of [
    ['TCP over IPv4', {}],
    ['TCP over IPv6', v6],
    ['UDP over IPv4', udp],
    ['UDP over IPv6', { ...udp, ...v6 }],
    ['TCP of an odd length', { payload: payloadOf(SIZE - 1) }],
  ] as const) {
    it(`without vnet the partial checksum of ${name} is completed`, () => {
      const packet = { payload: first, ...fields };
      const pieces = coalesce(primitives, handMade([row({ ...packet, checksum: 'partial' })]), false);
      expect(hex(pieces)).toEqual(hex([{ ...NO_VNET, packet: innerPacket(packet) }]));
    });
  }

  it('without vnet a checksum that comes to 0 is written as ffff', () => {
    const plain = innerPacket({ ...udp, payload: Uint8Array.of(0, 0) });
    const payload = plain.subarray(26, 28);
    const zero = innerPacket({ ...udp, payload });
    expect(toHex(zero.subarray(26, 28))).toBe('ffff');
    const partial = row({ ...udp, payload, checksum: 'partial' });
    expect(hex(coalesce(primitives, handMade([partial]), false))).toEqual(hex([{ ...NO_VNET, packet: zero }]));
  });

  it('T3: writes the pseudo-header sum from its own parse, whatever the peer left in the field', () => {
    const partial = row({ payload: first, checksum: 'partial' });
    const spoiled = { ...partial, bytes: partial.bytes.with(36, 0xde).with(37, 0xad) };
    expect(hex(coalesce(primitives, handMade([spoiled]), true))).toEqual(hex([alone(partial)]));
    expect(coalesce(primitives, handMade([spoiled]), false)[0].packet).toEqual(innerPacket({ payload: first }));
  });

  it('T3: writes the pseudo-header sum of a packet alone from its own parse too', () => {
    const partial = row({ flags: TCP.ack | TCP.syn, payload: first, checksum: 'partial' });
    const spoiled = { ...partial, bytes: partial.bytes.with(36, 0xde).with(37, 0xad) };
    expect(hex(coalesce(primitives, handMade([spoiled]), true))).toEqual(hex([alone(partial)]));
  });

  it('T3: joins UDP with the partial flag although its checksum field is 0', () => {
    const pieces = pair({}, { ...udp, checksum: 'partial' });
    const zeroed = pieces.map(row).map((each) => ({ ...each, bytes: each.bytes.with(26, 0).with(27, 0) }));
    expect(hex(coalesce(primitives, handMade(zeroed), true))).toEqual(hex([joined(pieces)]));
  });

  it('T3: joins at most 128 segments', () => {
    const pieces = flow(130, 300);
    const result = coalesce(primitives, handMade(pieces.map(row)), true);
    expect(hex(result)).toEqual(hex([joined(pieces.slice(0, 128)), joined(pieces.slice(128))]));
  });

  for (const [name, fields, size] of [
    ['IPv4', {}, 65_495],
    ['IPv6', v6, 65_475],
    ['UDP over IPv4', udp, 65_507],
  ] as const) {
    it(`T3: joins at most 65,535 bytes over ${name}`, () => {
      const half = Math.ceil(size / 2);
      const fits = flow(2, half, fields);
      const last = { ...fits[1], payload: payloadOf(size - half) };
      const over = { ...fits[1], payload: payloadOf(size - half + 1) };
      expect(coalesce(primitives, handMade([fits[0], last].map(row)), true)).toHaveLength(1);
      expect(coalesce(primitives, handMade([fits[0], over].map(row)), true)).toHaveLength(2);
    });
  }

  it('T3: ends a group after a shorter segment and begins another with the next', () => {
    const pieces = flow(4, SIZE);
    const short = { ...pieces[1], payload: payloadOf(SIZE - 200) };
    const then = pieces.slice(2).map((piece) => ({ ...piece, sequence: (piece.sequence ?? 0) - 200 }));
    const all = [pieces[0], short, ...then];
    const result = coalesce(primitives, handMade(all.map(row)), true);
    expect(hex(result)).toEqual(hex([joined(all.slice(0, 2)), joined(all.slice(2))]));
  });

  it('keeps the order: what is not joined is written between the groups', () => {
    const pieces = flow(4, SIZE);
    const ack = { payload: payloadOf(0) };
    const all = [pieces[0], pieces[1], ack, pieces[2], pieces[3]].map(row);
    const result = coalesce(primitives, handMade(all), true);
    expect(hex(result)).toEqual(hex([joined(pieces.slice(0, 2)), alone(row(ack)), joined(pieces.slice(2))]));
  });

  for (const [name, change] of [
    ['a dropped run', { verdict: 0 }],
    ['a run with another verdict', { verdict: 2 }],
    ['a control run', { kind: 2 }],
    ['an empty run', { kind: 3 }],
    ['a raw run', { kind: 4 }],
  ] as const) {
    it(`W3: never writes ${name} and joins nothing across it`, () => {
      const pieces = flow(2, SIZE);
      const between = { ...pieces[1], ...change };
      const all = [pieces[0], between, pieces[1]].map(row);
      const result = coalesce(primitives, handMade(all), true);
      expect(hex(result)).toEqual(hex([all[0], all[2]].map(alone)));
    });
  }

  it('T2: never writes a record that does not parse, and joins nothing across it', () => {
    const pieces = flow(2, SIZE).map(row);
    const bad = { ...pieces[1], bytes: pieces[1].bytes.slice(0, -1) };
    const { result, counts } = counted(primitives, () =>
      coalesce(primitives, handMade([pieces[0], bad, pieces[1]]), true),
    );
    expect(hex(result)).toEqual(hex([pieces[0], pieces[1]].map(alone)));
    expect(counts).toEqual({ 'bad-inner-header': 1, 'tun-writes': 2 });
  });

  it('T2: never writes a fragment that carries the partial flag', () => {
    const fragment = { ...row({ payload: first, fragment: 0x2000 }), partial: true };
    const { counts } = counted(primitives, () => coalesce(primitives, handMade([fragment]), true));
    expect(counts).toEqual({ 'bad-inner-header': 1 });
  });

  for (const [name, change, counts] of [
    ['a record before the arena', { record: [-1, 640] }, { 'bad-inner-header': 1 }],
    ['a record across its end', { record: [1, 640] }, { 'bad-inner-header': 1 }],
    ['a record of negative length', { record: [0, -1] }, { 'bad-inner-header': 1 }],
    ['a run of records that are not there', { run: [0, 2] }, {}],
    ['a run that begins before the first record', { run: [-1, 1] }, {}],
    ['a run of a negative number', { run: [0, -1] }, {}],
  ] as const) {
    it(`T2: takes ${name} without a throw and writes nothing of it`, () => {
      const opened = handMade([row({ payload: first })]);
      if ('record' in change) opened.records.set(change.record, 0);
      else opened.runs.set(change.run, 0);
      expect(counted(primitives, () => coalesce(primitives, opened, true))).toEqual({ result: [], counts });
    });
  }

  it('T2: a record rejected on the wire keeps its neighbours apart', () => {
    withBench(primitives, (bench) => {
      const { index, keys } = bench.loop();
      const packets = flow(3, SIZE).map((piece) => row(piece).bytes);
      const datagrams = packets.map((packet, i) => forge(keys, index, i, packet));
      datagrams[1][100] ^= 1;
      const message = { bytes: concat(...datagrams), segment: datagrams[0].length };
      const opened = deliverAll(openMessages(primitives, [message]));
      const pieces = [packets[0], packets[2]].map((packet) => ({ ...NO_VNET, packet }));
      expect(hex(coalesce(primitives, opened, true))).toEqual(hex(pieces));
    });
  });

  it('joins across runs and messages of one call', () => {
    withBench(primitives, (bench) => {
      const { index, keys } = bench.loop();
      const pieces = flow(6, SIZE);
      const datagrams = pieces.map((piece, i) => forge(keys, index, i, row(piece).bytes));
      const messages = [datagrams.slice(0, 4), datagrams.slice(4)].map((part) => ({
        bytes: concat(...part),
        segment: part[0].length,
      }));
      const opened = deliverAll(openMessages(primitives, messages));
      expect(hex(coalesce(primitives, opened, true))).toEqual(hex([joined(pieces)]));
    });
  });

  it('drops a piece that does not fit, counts it, and writes a smaller one after it', () => {
    const pieces = [...flow(3, SIZE), { ...udp, payload: payloadOf(10) }].map(row);
    const room = 14 + 38 + 14;
    const { result, counts } = counted(primitives, () => coalesceBytes(primitives, handMade(pieces), true, room));
    expect(result.length).toBe(14 + 38);
    expect(counts).toEqual({ 'tun-writes': 1, 'tun-write-failed': 1 });
    const whole = 14 + 40 + 3 * SIZE + 14 + 38;
    const exact = counted(primitives, () => coalesceBytes(primitives, handMade(pieces), true, whole));
    expect(exact.counts).toEqual({ 'tun-writes': 2 });
    const short = counted(primitives, () => coalesceBytes(primitives, handMade(pieces), true, whole - 1));
    expect(short.counts).toEqual({ 'tun-writes': 1, 'tun-write-failed': 1 });
  });
});
