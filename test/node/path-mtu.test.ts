import { describe, expect, it } from 'vitest';
import { concat } from '../../src/base/bytes.ts';
import { parsePath } from '../../src/base/path-address.ts';
import { GSO, PACKET, PARTIAL_CHECKSUM } from '../../src/base/primitives.ts';
import type { QuotedTooBig } from '../../src/nat/icmp-too-big.ts';
import { checksumHolds } from '../../src/pccom/inner-checksum.ts';
import { InnerHeader } from '../../src/pccom/inner-header.ts';
import { tcp } from '../base/ip-packets.ts';
import { ipv4 } from './inner-kit.ts';
import { numbered, numbersOf } from './packets.ts';
import { pair, type SimNode, type Wire, type World } from './world.ts';

/** The whole outer packet of a datagram: IP and UDP headers and what they carry. */
const outerSize = (to: Parameters<Wire>[0]['to'], bytes: Uint8Array) =>
  bytes.length + (parsePath(to).family === 4 ? 28 : 48);

/** From now on the path swallows what is larger, without a word. */
function narrow(world: World, mtu: number): void {
  world.wire = ({ to, bytes }) => (outerSize(to, bytes) > mtu ? [] : undefined);
}

function met(options?: Parameters<typeof pair>[0]) {
  const joined = pair(options);
  const { world, a, b } = joined;
  world.send(a, numbered(a, b, 1));
  world.run(100);
  expect(numbersOf(b)).toEqual([1]);
  b.received.length = 0;
  return joined;
}

/** Sends packets of `size` payload bytes every 50 ms. */
function stream(world: World, a: SimNode, b: SimNode, duration: number, size = 1_372, family: 4 | 6 = 4): void {
  for (const end = world.now + duration; world.now < end; world.run(50))
    world.send(a, numbered(a, b, 7, 5000, family, size));
}

/** MTUs that a node's own programs were told by ICMP. */
function told(node: SimNode): number[] {
  return node.received.flatMap((packet) => {
    const view = new DataView(packet.buffer, packet.byteOffset);
    if (packet[0] === 0x45 && packet[9] === 1 && packet[20] === 3 && packet[21] === 4) return [view.getUint16(26)];
    return packet[0] === 0x60 && packet[6] === 58 && packet[40] === 2 ? [view.getUint32(44)] : [];
  });
}

const slotOf = (from: SimNode, to: SimNode) => from.engine.node.paths.peer(to.keys.self().id).slot;
const mtuOf = (from: SimNode, to: SimNode) => from.engine.node.mtus.of(slotOf(from, to));

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

describe('an ICMP too-big from outside', () => {
  /** What a router would quote of the largest datagram that `from` sent to `to` last. */
  function quote(world: World, from: SimNode, to: SimNode): Uint8Array {
    const sent = world.seen.filter((each) => each.from === from.path && each.to === to.path && each.bytes[0] === 0x10);
    const last = sent.findLast(({ bytes }) => bytes.length > 1_000);
    if (!last) throw new Error('nothing large was sent');
    return last.bytes.slice(0, 100);
  }

  function large() {
    const joined = met();
    const { world, a, b } = joined;
    stream(world, a, b, 3_000);
    // the next confirmation has just been: nothing is due
    while (probes(joined) === 0);
    world.run(100);
    return joined;
  }

  /** Probes of the whole size that leave within 50 ms. */
  function probes({ world, a }: Pick<ReturnType<typeof met>, 'world' | 'a'>): number {
    const before = world.seen.length;
    world.run(60);
    return world.seen.slice(before).filter(({ from, to, bytes }) => from === a.path && outerSize(to, bytes) === 1_460)
      .length;
  }

  it('N6: makes a probe leave at once when it quotes what was sent lately, and changes no size', () => {
    const joined = large();
    const { world, a, b } = joined;
    a.engine.handleTooBig({ mtu: 1_400, sourcePort: 47_247, to: b.path, payload: quote(world, a, b) }, world.now);
    expect(a.counter('too-big-heard')).toBe(1);
    expect(probes(joined)).toBe(1);
    expect(mtuOf(a, b).inner).toBe(1_400);
  });

  it.each<[string, (quoted: Uint8Array, joined: ReturnType<typeof large>) => QuotedTooBig]>([
    ['of an index that is not in use', (payload, { b }) => ({ ...word(b), payload: changed(payload, 5) })],
    ['of a counter that was never sent', (payload, { b }) => ({ ...word(b), payload: changed(payload, 12) })],
    ['of another path', (payload, { a }) => ({ ...word(a), payload })],
    ['of a relay that is not used', (payload, { b }) => ({ ...word(b), payload: framed(payload) })],
    ['that quotes too little', (payload, { b }) => ({ ...word(b), payload: payload.slice(0, 15) })],
    ['of a handshake', (payload, { b }) => ({ ...word(b), payload: changed(payload, 0) })],
    ['that names a size no path has', (payload, { b }) => ({ ...word(b), mtu: 68, payload })],
    ['that is no smaller', (payload, { b }) => ({ ...word(b), mtu: 1_500, payload })],
  ])('N6: is ignored %s', (_name, make) => {
    const joined = large();
    const { world, a, b } = joined;
    a.engine.handleTooBig(make(quote(world, a, b), joined), world.now);
    expect(a.counter('too-big-heard')).toBe(0);
    expect(a.counter('too-big-ignored')).toBe(1);
    expect(probes(joined)).toBe(0);
  });

  it('N6: is ignored ten seconds after the quoted datagram left', () => {
    const joined = large();
    const { world, a, b } = joined;
    const payload = quote(world, a, b);
    world.run(8_000);
    a.engine.handleTooBig({ ...word(b), payload }, world.now);
    expect(a.counter('too-big-heard')).toBe(1);
    world.run(3_500);
    a.engine.handleTooBig({ ...word(b), payload }, world.now);
    expect(a.counter('too-big-heard')).toBe(1);
  });

  it('finds the size that an honest router names with the first probe after the fall', () => {
    const joined = large();
    const { world, a, b } = joined;
    narrow(world, 1_377);
    a.engine.handleTooBig({ ...word(b), mtu: 1_377, payload: quote(world, a, b) }, world.now);
    stream(world, a, b, 1_500);
    expect(told(a)[0]).toBe(1_317);
  });
});

const word = ({ path }: SimNode) => ({ mtu: 1_400, sourcePort: 47_247, to: path });

function changed(payload: Uint8Array, at: number): Uint8Array {
  const out = payload.slice();
  out[at] ^= 1;
  return out;
}

function framed(payload: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(0x20, 0, 0, 0, 0, 0, 0, 7), payload);
}

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
