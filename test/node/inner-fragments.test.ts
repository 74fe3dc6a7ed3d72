import { describe, expect, it } from 'vitest';
import { concat } from '../../src/base/bytes.ts';
import { FLOW } from '../../src/base/flow-words.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import { extension, fragmentHeader, ipv6, parse, udp } from '../base/ip-packets.ts';
import { cidWithin, forge, ipv4, met, opening, text } from './inner-kit.ts';
import { numbered, udpPacket, withIpChecksum } from './packets.ts';
import { pair, type SimNode } from './world.ts';

/** A UDP datagram of 3,000 bytes in pieces of `size`; the first `skip` bytes of each later piece lie over the one before. */
function pieces(from: SimNode, to: SimNode, port: number, size: number, skip = 0): Uint8Array[] {
  const whole = udpPacket(from.address(4), to.address(4), [port, 7], new Uint8Array(3_000).fill(5)).subarray(20);
  const found: Uint8Array[] = [];
  for (let at = 0; at < whole.length; at += size) {
    const start = at === 0 ? 0 : at - skip;
    const part = whole.subarray(start, at + size);
    const more = at + size < whole.length;
    const fields = { source: text(from), destination: text(to), id: 77, fragmentOffset: start, more };
    found.push(ipv4(part, fields));
  }
  return found;
}

/** Packets by what they hold, in any order. */
const digests = (packets: readonly Uint8Array[]) =>
  packets.map((bytes) => Buffer.from(nodeProvider.sha256(bytes)).toString('hex', 0, 8)).sort();

describe('fragments', () => {
  const orders = [
    ['in order', (parts: Uint8Array[]) => parts],
    ['backwards', (parts: Uint8Array[]) => parts.toReversed()],
    ['with the first one in the middle', ([first, second, ...more]: Uint8Array[]) => [second, first, ...more]],
  ] as const;
  for (const [name, order] of orders)
    for (const [where, port] of [
      ['of a known flow', 5_000],
      ['that open a flow in the SA', 6_000],
    ] as const)
      it(`pass each once, ${name}, ${where}`, () => {
        const { world, a, b } = met();
        const parts = pieces(b, a, port, 1_000);
        world.send(b, ...order(parts));
        world.run(100);
        expect(digests(a.received)).toEqual(digests(parts));
      });

  it.each(orders)('that open the pair pass each once, %s', (_, order) => {
    const { world, a, b } = pair();
    const parts = pieces(b, a, 5_000, 1_000);
    world.send(b, ...order(parts));
    world.run(100);
    expect(digests(a.received)).toEqual(digests(parts));
  });

  it('are dropped with their datagram when they overlap, on the way out and on the way in', () => {
    const { world, a, b } = met();
    const overlapping = pieces(b, a, 5_000, 1_000, 8);
    world.send(b, ...overlapping);
    world.run(10);
    expect(b.counter('fragment-overlap')).toBe(3);
    expect(a.received).toHaveLength(1);
    forge(world, b, a, ...pieces(b, a, 5_000, 1_000, 8).map((bytes) => withId(bytes, 78)));
    expect(a.counter('fragment-overlap')).toBe(3);
    expect(a.received).toHaveLength(2);
    // behind an MPIT, too
    const [first, second] = pieces(b, a, 6_000, 1_000, 8).map((bytes) => withId(bytes, 79));
    const cid = cidWithin(numbered(b, a, 1, 6_000));
    forge(world, b, a, opening(cid, first), opening(cid, second));
    expect(a.counter('fragment-overlap')).toBe(4);
    expect(a.received).toHaveLength(3);
  });

  it('P3: are dropped when the first is too small for its ports', () => {
    const { world, a, b } = met();
    const fields = { source: text(b), destination: text(a), id: 80, more: true, protocol: 6 };
    const tiny = ipv4(new Uint8Array(16), fields);
    world.send(b, tiny);
    expect(b.counter('tiny-fragment')).toBe(1);
    forge(world, b, a, tiny);
    expect(a.primitiveCounter('bad-inner-header')).toBe(1);
    expect(a.received).toEqual([]);
  });

  it('of another member’s flow are not delivered, first or later ones', () => {
    const { world, a, b, c } = met();
    forge(world, b, a, ...pieces(c, a, 5_000, 1_000));
    expect(a.received).toEqual([]);
    expect(a.counter('no-entry')).toBeGreaterThan(0);
  });

  it('without a first one wait, at most 64 a peer, and go after 5 s', () => {
    const { world, a, b } = met();
    const later = ipv4(new Uint8Array(64), { source: text(b), destination: text(a), fragmentOffset: 512, more: true });
    for (let id = 0; id < 100; id++) forge(world, b, a, withId(later, 200 + id));
    expect(a.received).toEqual([]);
    expect(a.counter('fragment-waiting-full')).toBe(36);
    world.run(5_100);
    forge(world, b, a, withId(later, 999));
    expect(a.counter('fragment-waiting-full')).toBe(36);
  });
});

function withId(packet: Uint8Array, id: number): Uint8Array {
  const bytes = packet.slice();
  new DataView(bytes.buffer).setUint16(4, id);
  return withIpChecksum(bytes);
}

describe('lengths and headers', () => {
  it('of no packet are believed when they are not those of its record', () => {
    const { world, a, b } = met();
    const packet = numbered(b, a, 2);
    const jumbo = packet.slice();
    new DataView(jumbo.buffer).setUint16(2, 65_535);
    const short = packet.slice();
    new DataView(short.buffer).setUint16(2, 20);
    const udpTooLong = packet.slice();
    new DataView(udpTooLong.buffer).setUint16(24, 4_000);
    const headerTooLong = packet.slice();
    headerTooLong[0] = 0x4f;
    const six = numbered(b, a, 2, 5_000, 6);
    new DataView(six.buffer).setUint16(4, 0);
    const wrong = [jumbo, short, udpTooLong, headerTooLong, six, packet.subarray(0, 19), packet.subarray(0, 1)];
    forge(world, b, a, ...wrong);
    expect(a.received).toEqual([]);
    expect(a.primitiveCounter('bad-inner-header')).toBe(wrong.length);
    world.send(b, ...wrong);
    world.run(10);
    // a wrong UDP length is left to the receiver, which drops it again
    expect(a.received).toEqual([]);
  });

  it('of IPv6 extensions are followed to the ports', () => {
    const { world, a, b } = met();
    const [source, destination] = [text(b, 6), text(a, 6)];
    const chain = concat(extension(60), extension(43, 2), extension(17));
    const raw = concat(chain, udp(5_100, 7, 16));
    const packet = ipv6(raw, { source, destination, next: 0 });
    world.send(b, packet);
    world.run(10);
    expect(a.engine.node.pit.find(parse(packet).flow)).toBeGreaterThanOrEqual(0);
    expect(parse(packet).flow[FLOW.ports] >>> 16).toBe(5_100);
  });

  it('of IPv6 extensions without end or out of bounds drop the packet', () => {
    const { world, a, b } = met();
    const [source, destination] = [text(b, 6), text(a, 6)];
    const endless = ipv6(concat(...Array.from({ length: 9 }, () => extension(0)), udp(1, 2)), {
      source,
      destination,
      next: 0,
    });
    const beyond = extension(17);
    beyond[1] = 200;
    const outside = ipv6(concat(beyond, udp(1, 2)), { source, destination, next: 0 });
    const twice = ipv6(concat(fragmentHeader(44, 1, 0, true), fragmentHeader(17, 1, 0, true), udp(1, 2, 8)), {
      source,
      destination,
      next: 44,
    });
    world.send(b, endless, outside, twice);
    expect(b.counter('extension-header')).toBe(3);
    forge(world, b, a, endless, outside, twice);
    expect(a.received).toEqual([]);
  });
});
