import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FLOW } from '../../src/base/flow-words.ts';
import { GSO, PACKET } from '../../src/base/primitives.ts';
import { Fragments } from '../../src/pit/fragments.ts';
import { HELD_LIMITS, Held, type HeldPacket, heldPacket, parseHeld } from '../../src/pit/held.ts';
import { ipv4, parse, udp } from '../base/ip-packets.ts';
import { at } from './table-kit.ts';

const SMALL = {
  packetsPerDestination: 3,
  bytesPerDestination: 1000,
  bytesPerSource: 1500,
  bytesInAll: 2500,
  destinationsPerSource: 2,
  life: 3000,
};

function packet(length: number, since = 0, mark = 0): HeldPacket {
  return {
    bytes: new Uint8Array(length).fill(mark),
    kind: GSO.none,
    gsoSize: 0,
    headerLength: 28,
    l4Offset: 20,
    since: at(since),
  };
}

const marks = (packets: readonly HeldPacket[]) => packets.map(({ bytes }) => bytes[0]);

describe('held packets', () => {
  it('keep their bytes and row when the arena is used again', () => {
    const arena = new Uint8Array(100).fill(7);
    const rows = new Int32Array(2 * PACKET.stride);
    rows.set([40, 50, GSO.tcp | 0x100, 1360, 40, 20], PACKET.stride);
    const kept = heldPacket(arena, rows, 1, at(9));
    arena.fill(0);
    expect(kept).toEqual({
      bytes: new Uint8Array(50).fill(7),
      kind: GSO.tcp | 0x100,
      gsoSize: 1360,
      headerLength: 40,
      l4Offset: 20,
      since: 9,
    });
  });

  it('that are fragments keep the CID of their datagram', () => {
    const fragments = new Fragments();
    const whole = udp(1, 2, 40);
    const held = [
      ipv4(whole.slice(0, 16), { id: 5, more: true }),
      ipv4(whole.slice(16), { id: 5, fragmentOffset: 16 }),
    ].map((bytes) => {
      const { flow } = parse(bytes);
      expect(fragments.handle(flow, 0, at(0))).toBe('pass');
      return heldPacket(bytes, Int32Array.of(0, bytes.length, 0, 0, 0, 0, 0, 1), 0, at(0), flow);
    });
    for (const packet of held) {
      const flow = new Int32Array(FLOW.stride);
      expect([parseHeld(packet, flow), flow[FLOW.ports]]).toEqual([0, (1 << 16) | 2]);
    }
    const whole4 = ipv4(udp(7, 8));
    const plain = heldPacket(whole4, Int32Array.of(0, whole4.length, 0, 0, 0, 0, 0, 1), 0, at(0), parse(whole4).flow);
    expect(plain.datagram).toBeUndefined();
    expect(parseHeld({ ...plain, bytes: whole4.slice(0, 9) }, new Int32Array(FLOW.stride))).not.toBe(0);
  });

  it('are released once, in the order they came, and only those of the destination', () => {
    const held = new Held();
    for (let mark = 0; mark < 5; mark++) held.hold(1, mark % 2 === 0 ? 'a' : 'b', packet(10, mark, mark));
    expect(held.isHolding('a')).toBe(true);
    expect(marks(held.release('a'))).toEqual([0, 2, 4]);
    expect([held.isHolding('a'), held.packets, held.bytes]).toEqual([false, 2, 20]);
    expect(held.release('a')).toEqual([]);
    expect(marks(held.release('b'))).toEqual([1, 3]);
    expect(held.nextDeadline()).toBeNull();
  });

  it('P4: per destination by number, the oldest goes', () => {
    const held = new Held(SMALL);
    for (let mark = 0; mark < 5; mark++) expect(held.hold(1, 'a', packet(10, 0, mark))).toBe(true);
    expect(marks(held.release('a'))).toEqual([2, 3, 4]);
    expect(Object.fromEntries(held.dropped)).toEqual({ 'held-destination-full': 2 });
  });

  it('P4: per destination by bytes', () => {
    const held = new Held(SMALL);
    for (let mark = 0; mark < 3; mark++) held.hold(1, 'a', packet(500, 0, mark));
    expect(marks(held.release('a'))).toEqual([1, 2]);
    expect(held.hold(1, 'a', packet(1001))).toBe(false);
    expect([held.packets, held.bytes]).toEqual([0, 0]);
  });

  it('P4: per source by bytes over its destinations', () => {
    const held = new Held(SMALL);
    held.hold(1, 'a', packet(800, 0, 1));
    held.hold(2, 'b', packet(500, 0, 2));
    held.hold(1, 'c', packet(800, 0, 3));
    expect([held.isHolding('a'), held.isHolding('b'), held.isHolding('c')]).toEqual([false, true, true]);
    expect(Object.fromEntries(held.dropped)).toEqual({ 'held-source-full': 1 });
  });

  it('P4: in all by bytes', () => {
    const held = new Held(SMALL);
    for (let mark = 0; mark < 4; mark++) held.hold(mark, `d${mark}`, packet(900, 0, mark));
    expect([held.isHolding('d0'), held.isHolding('d1'), held.bytes]).toEqual([false, false, 1800]);
    expect(Object.fromEntries(held.dropped)).toEqual({ 'held-all-full': 2 });
  });

  it('P4: a source begins no more destinations than it may, until one is resolved', () => {
    const held = new Held(SMALL);
    held.hold(1, 'a', packet(1));
    held.hold(1, 'b', packet(1));
    expect(held.hold(1, 'c', packet(1))).toBe(false);
    expect(held.hold(1, 'b', packet(1))).toBe(true);
    expect(held.hold(2, 'c', packet(1))).toBe(true);
    expect(held.hold(1, 'c', packet(1))).toBe(false);
    held.release('a');
    expect(held.hold(1, 'c', packet(1))).toBe(true);
    expect(Object.fromEntries(held.dropped)).toEqual({ 'held-too-many-destinations': 2 });
  });

  it('P4: wait for three seconds from when they were first held', () => {
    const held = new Held();
    held.hold(1, 'a', packet(1, 1000, 1));
    held.hold(1, 'b', packet(1, 2000, 2));
    const [again] = held.release('a');
    if (again !== undefined) held.hold(1, 'a', again);
    expect(held.nextDeadline()).toBe(4000);
    expect(held.expire(at(3999))).toEqual([]);
    expect(held.expire(at(4000))).toEqual(['a']);
    expect(held.nextDeadline()).toBe(5000);
    expect([held.expire(at(9000)), held.expire(at(9000))]).toEqual([['b'], []]);
    expect(Object.fromEntries(held.dropped)).toEqual({ 'held-expired': 2 });
  });

  it('drop under the reason that the caller names', () => {
    const held = new Held();
    held.hold(1, 'a', packet(1));
    held.hold(1, 'a', packet(1));
    expect([held.drop('a', 'no-common-group'), held.drop('a', 'no-common-group'), held.packets]).toEqual([2, 0, 0]);
    expect(Object.fromEntries(held.dropped)).toEqual({ 'no-common-group': 2 });
  });

  it('have the limits of the specification', () => {
    expect(HELD_LIMITS).toEqual({
      packetsPerDestination: 64,
      bytesPerDestination: 131_072,
      bytesPerSource: 262_144,
      bytesInAll: 4_194_304,
      destinationsPerSource: 20,
      life: 3_000,
      lifeForKeys: 10_000,
    });
  });

  it('P4: leave exactly once and never exceed a bound, whatever happens', () => {
    const step = fc.oneof(
      {
        weight: 8,
        arbitrary: fc.record({
          kind: fc.constant('hold' as const),
          source: fc.nat(2),
          destination: fc.nat(4),
          length: fc.nat(1100),
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constantFrom('release' as const, 'drop' as const), destination: fc.nat(4) }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('expire' as const) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const held = new Held(SMALL);
        const waiting = new Map<HeldPacket, { source: number; destination: number }>();
        const out = new Set<HeldPacket>();
        let offered = 0;
        steps.forEach((s, i) => {
          const now = i * 300;
          if (s.kind === 'hold') {
            const p = packet(s.length, now);
            offered++;
            if (held.hold(s.source, s.destination, p)) waiting.set(p, s);
          } else if (s.kind === 'release') {
            for (const p of held.release(s.destination)) {
              expect(waiting.has(p) && !out.has(p)).toBe(true);
              out.add(p);
            }
          } else if (s.kind === 'drop') held.drop(s.destination, 'told');
          else held.expire(at(now));
          expect(held.bytes).toBeLessThanOrEqual(SMALL.bytesInAll);
        });
        const rest = [0, 1, 2, 3, 4].flatMap((destination) => {
          const packets = held.release(destination);
          expect(packets.length).toBeLessThanOrEqual(SMALL.packetsPerDestination);
          expect(packets.reduce((sum, p) => sum + p.bytes.length, 0)).toBeLessThanOrEqual(SMALL.bytesPerDestination);
          for (const p of packets) expect(waiting.get(p)?.destination).toBe(destination);
          return packets;
        });
        for (const source of [0, 1, 2]) {
          const own = rest.filter((p) => waiting.get(p)?.source === source);
          expect(own.reduce((sum, p) => sum + p.bytes.length, 0)).toBeLessThanOrEqual(SMALL.bytesPerSource);
          expect(new Set(own.map((p) => waiting.get(p)?.destination)).size).toBeLessThanOrEqual(
            SMALL.destinationsPerSource,
          );
        }
        const dropped = [...held.dropped.values()].reduce((sum, count) => sum + count, 0);
        expect(out.size + rest.length + dropped).toBe(offered);
        expect([held.packets, held.bytes]).toEqual([0, 0]);
      }),
    );
  });
});
