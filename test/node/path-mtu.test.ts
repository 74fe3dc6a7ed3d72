import { describe, expect, it } from 'vitest';
import { concat } from '../../src/base/bytes.ts';
import { GSO, PACKET, PARTIAL_CHECKSUM } from '../../src/base/primitives.ts';
import { checksumHolds } from '../../src/pccom/inner-checksum.ts';
import { InnerHeader } from '../../src/pccom/inner-header.ts';
import { tcp } from '../base/ip-packets.ts';
import { ipv4 } from './inner-kit.ts';
import { met, mtuOf, narrow, outerSize, stream, told } from './narrow-path.ts';
import { numbered } from './packets.ts';
import type { SimNode } from './world.ts';

function sum(bytes: Uint8Array, start = 0): number {
  let total = start;
  for (let i = 0; i < bytes.length; i += 2) total += (bytes[i] << 8) | (bytes[i + 1] ?? 0);
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return total;
}

describe('the MTU of a path', () => {
  it('is the setting until something large is sent, then measured with two challenges', () => {
    const { world, a, b } = met();
    expect(mtuOf(a, b)).toEqual({ inner: 1_400, measured: false, tooSmall: false });
    const before = world.seen.length;
    world.run(5_000);
    expect(world.seen.length - before).toBeLessThanOrEqual(2);
    stream(world, a, b, 200);
    expect(mtuOf(a, b)).toEqual({ inner: 1_400, measured: true, tooSmall: false });
    const largest = Math.max(...world.seen.map(({ to, bytes }) => outerSize(to, bytes)));
    expect(largest).toBe(1_460);
  });

  it.each([
    [4, 28, 1_440, 1_380, 1_372],
    [6, 48, 1_440, 1_380, 1_352],
  ] as const)('is found where a path swallows large packets, and programs over IPv%i are told', (family, headers, carries, inner, size) => {
    const { world, a, b } = met();
    narrow(world, carries);
    stream(world, a, b, 1_500, size, family);
    expect(told(a)[0]).toBeGreaterThanOrEqual(1_280);
    expect(told(a)[0]).toBeLessThanOrEqual(inner);
    expect(a.counter('packets-too-big')).toBeGreaterThan(0);
    stream(world, a, b, 6_000, size, family);
    const found = mtuOf(a, b);
    expect(found).toMatchObject({ measured: true, tooSmall: false });
    expect(found.inner).toBeGreaterThan(inner - 9);
    expect(found.inner).toBeLessThanOrEqual(inner);
    expect(told(a).at(-1)).toBe(found.inner);
    b.received.length = 0;
    world.send(a, numbered(a, b, 99, 5000, family, found.inner - headers));
    world.run(20);
    expect(b.received.at(-1)?.length).toBe(found.inner);
  });

  it('N6: falls within three seconds when the path shrinks under a transfer, and grows again', () => {
    const { world, a, b } = met();
    stream(world, a, b, 3_000);
    expect(told(a)).toEqual([]);
    narrow(world, 1_400);
    stream(world, a, b, 3_000);
    expect(told(a)[0]).toBeLessThanOrEqual(1_340);
    stream(world, a, b, 9_000);
    expect(mtuOf(a, b).inner).toBe(1_340);
    world.wire = () => undefined;
    world.run(600_000, 500);
    stream(world, a, b, 10_000, 1_200);
    expect(mtuOf(a, b).inner).toBe(1_400);
  });

  it('that turns out to be smaller is told to whoever sent by it, although nothing is sent any more', () => {
    const { world, a, b } = met();
    stream(world, a, b, 3_000);
    narrow(world, 1_400);
    const last = numbered(a, b, 8, 5000, 4, 1_372);
    world.send(a, numbered(a, b, 8, 5001, 4, 1_000));
    world.run(60);
    world.send(a, last);
    world.run(3_000);
    expect(told(a)).toEqual([mtuOf(a, b).inner]);
    const [answer] = a.received;
    expect(answer.subarray(28)).toEqual(last.subarray(0, 128));
  });

  it('N6: does not fall while the path carries nothing at all', () => {
    const { world, a, b } = met();
    stream(world, a, b, 1_000);
    world.wire = () => [];
    stream(world, a, b, 8_000);
    expect(mtuOf(a, b).inner).toBe(1_400);
    expect(told(a)).toEqual([]);
  });

  it('below the floor IPv4 gets what there is, and the path is said to be too small', () => {
    const { world, a, b } = met();
    narrow(world, 1_300);
    stream(world, a, b, 15_000);
    const { inner, tooSmall } = mtuOf(a, b);
    expect(tooSmall).toBe(true);
    expect(inner).toBeGreaterThan(1_231);
    expect(inner).toBeLessThanOrEqual(1_240);
    expect(told(a).at(-1)).toBe(inner);
    a.received.length = 0;
    world.send(a, numbered(a, b, 1, 5000, 6, 1_300));
    world.run(20);
    expect(told(a)).toEqual([1_280]);
  });

  it('is measured anew where the peer moves, and remembered where it comes back', () => {
    const { world, a, b } = met();
    const home = b.path;
    stream(world, a, b, 1_000);
    world.move(b, '10.0.9.2:47247');
    narrow(world, 1_400);
    world.send(b, numbered(b, a, 2));
    world.run(500);
    stream(world, a, b, 9_000);
    expect(a.engine.node.paths.peer(b.keys.self().id).current).toBe('10.0.9.2:47247');
    expect(mtuOf(a, b).inner).toBe(1_340);
    world.run(6_000);
    const before = world.seen.length;
    world.move(b, home);
    world.wire = () => undefined;
    world.send(b, numbered(b, a, 3));
    world.run(500);
    expect(mtuOf(a, b)).toMatchObject({ inner: 1_400, measured: true });
    const sizes = world.seen.slice(before).map(({ to, bytes }) => outerSize(to, bytes));
    expect(Math.max(...sizes)).toBeLessThan(200);
  });
});

describe('a packet that the path does not carry', () => {
  /** The path is known to carry inner packets of 1,340 bytes. */
  function narrowed() {
    const joined = met();
    narrow(joined.world, 1_400);
    stream(joined.world, joined.a, joined.b, 9_000);
    expect(mtuOf(joined.a, joined.b).inner).toBe(1_340);
    for (const node of [joined.a, joined.b]) node.received.length = 0;
    return joined;
  }

  it.each([4, 6] as const)('is answered by an ICMP error over IPv%i that a kernel takes', (family) => {
    const { world, a, b } = narrowed();
    const packet = numbered(a, b, 1, 5000, family, 1_352);
    world.send(a, packet);
    world.run(20);
    const [answer] = a.received;
    expect(told(a)).toEqual([1_340]);
    const [headers, addresses] = family === 4 ? [20, 12] : [40, 8];
    const own = a.address(family);
    expect(answer.slice(addresses, addresses + own.length)).toEqual(b.address(family));
    expect(answer.slice(addresses + own.length, addresses + 2 * own.length)).toEqual(own);
    // what is quoted begins with the packet, and all checksums hold
    const quoted = answer.subarray(headers + 8);
    expect(quoted).toEqual(packet.subarray(0, quoted.length));
    const pseudo = family === 4 ? 0 : sum(answer.subarray(8, 40), answer.length - headers + 58);
    expect(sum(answer.subarray(headers), pseudo)).toBe(0xffff);
    if (family === 4) expect(sum(answer.subarray(0, 20))).toBe(0xffff);
    expect(answer.length).toBeLessThanOrEqual(family === 4 ? 576 : 1_280);
  });

  it('is cut where its sender allows it, and arrives whole', () => {
    const { world, a, b } = narrowed();
    const packet = numbered(a, b, 5, 5000, 4, 1_370);
    const udp = packet.subarray(20);
    const free = ipv4(udp, { source: a.address(4).join('.'), destination: b.address(4).join('.'), id: 77 });
    world.send(a, free);
    world.run(20);
    expect(told(a)).toEqual([]);
    expect(a.counter('packets-cut')).toBe(1);
    expect(b.received.length).toBe(2);
    expect(b.received.every((piece) => sum(piece.subarray(0, 20)) === 0xffff && piece.length <= 1_340)).toBe(true);
    const pieces = b.received.map((piece) => {
      const fields = new DataView(piece.buffer, piece.byteOffset).getUint16(6);
      return { at: (fields & 0x1fff) * 8, more: (fields & 0x2000) !== 0, bytes: piece.subarray(20) };
    });
    pieces.sort((x, y) => x.at - y.at);
    expect(pieces.map(({ more }) => more)).toEqual([true, false]);
    expect(pieces[1].at).toBe(pieces[0].bytes.length);
    expect(concat(...pieces.map(({ bytes }) => bytes))).toEqual(udp);
  });

  it.each([
    ['whose segments are too large', 1_340 - 40 + 1, true],
    ['whose segments just fit', 1_340 - 40, false],
  ])('a super-packet %s', (_name, segment, refused) => {
    const { world, a, b } = narrowed();
    const open = syn(a, b);
    world.send(a, open);
    world.run(20);
    b.received.length = 0;
    const body = ipv4(tcp(5000, 80, 0x10, 3 * segment), addresses(a, b));
    const row = new Int32Array(PACKET.stride);
    row[PACKET.length] = body.length;
    row[PACKET.kind] = GSO.tcp | PARTIAL_CHECKSUM;
    row[PACKET.gsoSize] = segment;
    row[PACKET.headerLength] = 40;
    row[PACKET.l4Offset] = 20;
    row[PACKET.segments] = 3;
    a.engine.handleOutgoing(body, new DataView(body.buffer), row, 1, world.now);
    expect(row[PACKET.sa] === 0).toBe(refused);
    a.carryOut();
    expect(told(a)).toEqual(refused ? [1_340] : []);
  });

  it('costs no answer more than 500 times a second', () => {
    const { world, a, b } = narrowed();
    for (let i = 0; i < 600; i++) world.send(a, numbered(a, b, i, 5000, 4, 1_372));
    expect(told(a).length).toBe(500);
  });
});

const addresses = (a: SimNode, b: SimNode) => ({
  source: a.address(4).join('.'),
  destination: b.address(4).join('.'),
  protocol: 6,
});

/** A TCP SYN with the options of Linux: MSS 1,360 in front, or behind one byte of padding. */
function syn(a: SimNode, b: SimNode, odd = false, flags = 0x02): Uint8Array {
  const segment = tcp(5000, 80, flags, 0, 8);
  segment.set(odd ? [1, 2, 4, 5, 80, 4, 2, 1, 1, 1, 1, 0] : [2, 4, 5, 80, 4, 2, 1, 1, 1, 1, 1, 0], 20);
  const packet = ipv4(segment, addresses(a, b));
  const pseudo = sum(packet.subarray(12, 20), 6 + segment.length);
  new DataView(packet.buffer, packet.byteOffset).setUint16(36, ~sum(segment, pseudo) & 0xffff);
  return packet;
}

function mssOf(packet: Uint8Array, odd = false): number {
  return new DataView(packet.buffer, packet.byteOffset).getUint16(odd ? 43 : 42);
}

function isSound(packet: Uint8Array): boolean {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  const inner = new InnerHeader();
  return inner.parse(view, 0, packet.length) && checksumHolds(view, 0, packet.length, inner);
}

describe('the MSS of a TCP connection', () => {
  it.each([
    ['', false],
    [' at an odd place', true],
  ])('is lowered%s on its way out, riding and later, to what the path carries', (_name, odd) => {
    const { world, a, b } = met();
    narrow(world, 1_400);
    stream(world, a, b, 9_000);
    b.received.length = 0;
    expect(isSound(syn(a, b, odd))).toBe(true);
    world.send(a, syn(a, b, odd));
    world.run(20);
    world.send(a, syn(a, b, odd));
    world.run(20);
    expect(b.received.map((packet) => mssOf(packet, odd))).toEqual([1_300, 1_300]);
    expect(b.received.every(isSound)).toBe(true);
  });

  it('is lowered on its way in by an end that knows its own way out', () => {
    const { world, a, b } = met();
    // only what b sends is swallowed
    world.wire = ({ to, from, bytes }) => (from === b.path && outerSize(to, bytes) > 1_400 ? [] : undefined);
    stream(world, b, a, 9_000);
    b.received.length = 0;
    world.send(a, syn(a, b));
    world.run(20);
    world.send(a, syn(a, b));
    world.run(20);
    expect(mtuOf(a, b).inner).toBe(1_400);
    expect(b.received.map((packet) => mssOf(packet))).toEqual([1_300, 1_300]);
    expect(b.received.every(isSound)).toBe(true);
  });

  it('is left alone where it is small enough, and in what is no SYN', () => {
    const { world, a, b } = met();
    world.send(a, syn(a, b));
    world.run(20);
    world.send(a, syn(a, b, false, 0x10));
    world.run(20);
    expect(b.received.map((packet) => mssOf(packet))).toEqual([1_360, 1_360]);
  });
});
