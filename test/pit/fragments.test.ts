import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FLOW } from '../../src/base/flow-words.ts';
import { Fragments } from '../../src/pit/fragments.ts';
import { RangeList } from '../../src/pit/range-list.ts';
import { fragmentHeader, ipv4, ipv6, parse, udp } from '../base/ip-packets.ts';
import { at } from './table-kit.ts';

const LIMITS = { life: 5000, datagramsPerPeer: 4, waitingPerPeer: 3 };
const PORTS = (1 << 16) | 2;

/** Part of a UDP datagram from port 1 to port 2, 8 header bytes included. */
function part(start: number, end: number, last: boolean, id = 1, source = '100.64.0.1'): Int32Array {
  const whole = udp(1, 2, 4000);
  return parse(ipv4(whole.slice(start, end), { id, fragmentOffset: start, more: !last, source })).flow;
}

describe('fragments', () => {
  it('after the first one get its ports', () => {
    const fragments = new Fragments(LIMITS);
    expect(fragments.handle(part(0, 16, false), 1, at(0))).toBe('pass');
    const later = part(16, 32, false);
    expect([fragments.handle(later, 1, at(4999)), later[FLOW.ports]]).toEqual(['pass', PORTS]);
  });

  it('of IPv6 also get the protocol behind the fragment header', () => {
    const fragments = new Fragments();
    const packet = (start: number, more: boolean, rest: Uint8Array) =>
      parse(ipv6(Buffer.concat([fragmentHeader(60, 9, start, more), rest]), { next: 44 })).flow;
    const options = Uint8Array.of(17, 0, 0, 0, 0, 0, 0, 0);
    fragments.handle(packet(0, true, Buffer.concat([options, udp(1, 2)])), 1, at(0));
    const later = packet(16, false, new Uint8Array(3));
    expect([fragments.handle(later, 1, at(0)), later[FLOW.head], later[FLOW.ports]]).toEqual([
      'pass',
      (6 << 8) | 17,
      PORTS,
    ]);
  });

  it('before the first one wait for it, and leave once', () => {
    const fragments = new Fragments(LIMITS);
    for (const [start, end, last] of [
      [16, 32, false],
      [32, 40, true],
    ] as const) {
      const flow = part(start, end, last);
      expect(fragments.handle(flow, 1, at(0))).toBe('wait');
      expect(fragments.hold(flow, 1, Uint8Array.of(start))).toBe('held');
    }
    const first = part(0, 16, false);
    expect(fragments.handle(first, 1, at(10))).toBe('pass');
    expect(fragments.release(first, 1)).toEqual([Uint8Array.of(16), Uint8Array.of(32)]);
    expect(fragments.release(first, 1)).toEqual([]);
  });

  it('do not follow the first one of another datagram, sender or peer', () => {
    const fragments = new Fragments();
    fragments.handle(part(0, 16, false), 1, at(0));
    expect(fragments.handle(part(16, 32, false, 2), 1, at(0))).toBe('wait');
    expect(fragments.handle(part(16, 32, false, 1, '100.64.0.3'), 1, at(0))).toBe('wait');
    expect(fragments.handle(part(16, 32, false), 2, at(0))).toBe('wait');
  });

  it('are forgotten after five seconds', () => {
    const fragments = new Fragments();
    fragments.handle(part(0, 16, false), 1, at(0));
    expect(fragments.handle(part(16, 32, false), 1, at(5000))).toBe('wait');
    const flow = part(32, 48, false);
    expect(fragments.hold(flow, 1, new Uint8Array(1))).toBe('held');
    fragments.expire(at(10_000));
    expect(fragments.release(flow, 1)).toEqual([]);
  });

  it('P3: that overlap end their datagram, also what waits and what comes later', () => {
    const fragments = new Fragments();
    const waiting = part(32, 48, false);
    fragments.handle(waiting, 1, at(0));
    fragments.hold(waiting, 1, new Uint8Array(1));
    expect(fragments.handle(part(24, 40, false), 1, at(0))).toBe('fragment-overlap');
    const first = part(0, 16, false);
    expect(fragments.handle(first, 1, at(1))).toBe('fragment-overlap');
    expect(fragments.release(first, 1)).toEqual([]);
  });

  it('P3: a second first fragment cannot name other ports', () => {
    const fragments = new Fragments();
    fragments.handle(part(0, 16, false), 1, at(0));
    const other = parse(ipv4(udp(7, 8, 8), { id: 1, more: true })).flow;
    expect(fragments.handle(other, 1, at(0))).toBe('fragment-overlap');
    expect(fragments.handle(part(16, 32, true), 1, at(0))).toBe('fragment-overlap');
  });

  it('free their id when the datagram is complete', () => {
    const fragments = new Fragments();
    for (let round = 0; round < 3; round++) {
      expect(fragments.handle(part(0, 16, false), 1, at(round))).toBe('pass');
      expect(fragments.handle(part(16, 24, true), 1, at(round))).toBe('pass');
    }
  });

  it('P4: push out the oldest datagram of the same peer only, and wait within a bound', () => {
    const fragments = new Fragments(LIMITS);
    fragments.handle(part(0, 16, false, 100), 2, at(0));
    for (let id = 1; id <= 5; id++) fragments.handle(part(0, 16, false, id), 1, at(0));
    expect(fragments.handle(part(16, 32, false, 100), 2, at(0))).toBe('pass');
    expect(fragments.handle(part(16, 32, false, 2), 1, at(0))).toBe('pass');
    const flow = part(16, 32, false, 1);
    expect(fragments.handle(flow, 1, at(0))).toBe('wait');
    const held = Array.from({ length: 5 }, () => fragments.hold(flow, 1, new Uint8Array(1)));
    expect(held).toEqual(['held', 'held', 'held', 'fragment-waiting-full', 'fragment-waiting-full']);
    fragments.expire(at(5000));
    expect(fragments.handle(flow, 1, at(5000))).toBe('wait');
    expect(fragments.hold(flow, 1, new Uint8Array(1))).toBe('held');
  });
});

describe('the ranges of a datagram', () => {
  it('agree with a set of bytes', () => {
    const piece = fc.tuple(fc.nat(20), fc.integer({ min: 1, max: 8 }), fc.boolean());
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        const ranges = new RangeList();
        const bytes = new Set<number>();
        let total = -1;
        for (const [start, length, last] of pieces) {
          const end = start + length;
          const own = Array.from({ length }, (_, i) => start + i);
          const free = own.every((byte) => !bytes.has(byte));
          const highest = Math.max(-1, ...bytes) + 1;
          const fits = last ? total < 0 && end >= highest : total < 0 || end <= total;
          expect(ranges.add(start, end, last)).toBe(free && fits);
          if (!(free && fits)) continue;
          for (const byte of own) bytes.add(byte);
          if (last) total = end;
          expect(ranges.isComplete()).toBe(total >= 0 && bytes.size === total);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('refuse more pieces than reordering makes', () => {
    const ranges = new RangeList();
    const taken = Array.from({ length: 70 }, (_, i) => ranges.add(16 * i, 16 * i + 8, false));
    expect(taken.filter(Boolean).length).toBe(64);
  });
});
