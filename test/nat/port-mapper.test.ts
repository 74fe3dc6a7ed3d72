import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Millis, millis } from '../../src/base/brands.ts';
import { ByteWriter } from '../../src/base/byte-writer.ts';
import { pathAddress } from '../../src/base/path-address.ts';
import {
  decodeRouterAnswer,
  encodeNatPmpAddress,
  encodeNatPmpMap,
  encodePcpMap,
} from '../../src/nat/mapping-message.ts';
import { type MapperEffect, PortMapper } from '../../src/nat/port-mapper.ts';
import { RouterEpoch } from '../../src/nat/router-epoch.ts';

const ROUTER = pathAddress('192.168.1.1:5351');
const PLACE = { router: Uint8Array.of(192, 168, 1, 1), client: Uint8Array.of(192, 168, 1, 10), port: 47247 };
const NONCE = new Uint8Array(12).fill(7);
const EXTERNAL = Uint8Array.of(198, 51, 100, 9);

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

function pcpAnswer(
  over: Partial<{
    result: number;
    lifetime: number;
    epoch: number;
    nonce: Uint8Array;
    port: number;
    address: Uint8Array;
  }> = {},
) {
  const { result = 0, lifetime = 3_600, epoch = 100, nonce = NONCE, port = 47247, address = EXTERNAL } = over;
  const writer = new ByteWriter(60).u8(2).u8(0x81).u8(0).u8(result).u32(lifetime).u32(epoch).zeros(12);
  writer.raw(nonce).u8(17).zeros(3).u16(47247).u16(port);
  return writer.zeros(10).u16(0xffff).raw(address).finish();
}

const natPmpAddress = (epoch = 100, address = EXTERNAL) =>
  new ByteWriter(12).u8(0).u8(128).u16(0).u32(epoch).raw(address).finish();
const natPmpMap = (epoch = 100, result = 0) =>
  new ByteWriter(16).u8(0).u8(129).u16(result).u32(epoch).u16(47247).u16(40_000).u32(3_600).finish();

/** A mapper with a clock; what the router answers is up to the test. */
class Bench {
  now = 0;
  readonly mapper = new PortMapper(PLACE, () => NONCE, millis(0));
  readonly effects: MapperEffect[] = [];

  run(duration: number, router: (effect: MapperEffect, now: Millis) => MapperEffect[] = () => []): void {
    const until = this.now + duration;
    while (this.now < until) {
      this.take(this.mapper.tick(millis(this.now)), router);
      this.now = Math.min(until, Math.max(this.now + 10, this.mapper.nextDeadline()));
    }
  }

  take(
    effects: readonly MapperEffect[],
    router: (effect: MapperEffect, now: Millis) => MapperEffect[] = () => [],
  ): void {
    for (const effect of effects) {
      this.effects.push(effect);
      this.take(router(effect, millis(this.now)), router);
    }
  }

  of(kind: MapperEffect['kind']): MapperEffect[] {
    return this.effects.filter((effect) => effect.kind === kind);
  }
}

const isPcp = (effect: MapperEffect) => effect.kind === 'send' && effect.bytes[0] === 2;
const isNatPmp = (effect: MapperEffect) => effect.kind === 'send' && effect.bytes[0] === 0;

describe('the messages to a router', () => {
  it('have the layouts of RFC 6887 and RFC 6886', () => {
    const map = {
      client: PLACE.client,
      nonce: NONCE,
      internalPort: 47247,
      externalPort: 0,
      externalAddress: undefined,
      lifetime: 7_200,
    };
    expect(hex(encodePcpMap(map))).toBe(
      '0201000000001c20' +
        '00000000000000000000ffffc0a8010a' +
        '070707070707070707070707' +
        '11000000' +
        'b88f0000' +
        '00000000000000000000ffff00000000',
    );
    expect(hex(encodeNatPmpMap(47247, 47247, 7_200))).toBe('00010000b88fb88f00001c20');
    expect(hex(encodeNatPmpAddress())).toBe('0000');
  });

  it('W2: are decoded without throwing, whatever comes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 80 }),
        fc.constantFrom(0, 2),
        fc.constantFrom(128, 129),
        (bytes, version, opcode) => {
          decodeRouterAnswer(bytes);
          if (bytes.length > 1) bytes.set([version, opcode]);
          decodeRouterAnswer(bytes);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe('a port mapping', () => {
  it('by PCP is taken, kept by renewal at half of its lifetime, and suggested again', () => {
    const bench = new Bench();
    bench.run(3_600_000, (effect, now) =>
      isPcp(effect) ? bench.mapper.handleDatagram(pcpAnswer({ epoch: 100 + now / 1_000 }), ROUTER, now) : [],
    );
    expect(bench.of('mapped')).toEqual([{ kind: 'mapped', external: '198.51.100.9:47247', by: 'pcp', seconds: 3_600 }]);
    // at 0, 1,800 s
    const sent = bench.effects.filter(isPcp);
    expect(sent).toHaveLength(2);
    expect(sent[1].kind === 'send' && hex(sent[1].bytes.subarray(42))).toBe('b88f00000000000000000000ffffc6336409');
    expect(bench.of('unmapped')).toEqual([]);
  });

  it('by NAT-PMP is taken where the router does not know PCP', () => {
    const bench = new Bench();
    const unsupported = Uint8Array.of(0, 128, 0, 1, 0, 0, 0, 9);
    bench.run(2_000, (effect, now) => {
      if (isPcp(effect)) return bench.mapper.handleDatagram(unsupported, ROUTER, now);
      if (!isNatPmp(effect) || effect.kind !== 'send') return [];
      return bench.mapper.handleDatagram(effect.bytes.length === 2 ? natPmpAddress() : natPmpMap(), ROUTER, now);
    });
    expect(bench.of('mapped')).toEqual([
      { kind: 'mapped', external: '198.51.100.9:40000', by: 'nat-pmp', seconds: 3_600 },
    ]);
    expect(bench.effects.filter(isPcp)).toHaveLength(1);
  });

  it('is asked for anew at once when the router started again', () => {
    const bench = new Bench();
    let epoch = 5_000;
    const router = (effect: MapperEffect, now: Millis) =>
      isPcp(effect)
        ? bench.mapper.handleDatagram(pcpAnswer({ epoch: epoch + Math.floor(now / 1_000) }), ROUTER, now)
        : [];
    bench.run(60_000, router);
    expect(bench.effects.filter(isPcp)).toHaveLength(1);
    // its announcement after the restart; the mapping comes back with another port
    epoch = -60;
    const announce = new ByteWriter(24).u8(2).u8(0x80).zeros(2).u32(0).u32(0).zeros(12).finish();
    bench.take(bench.mapper.handleDatagram(announce, ROUTER, millis(bench.now)), (effect, now) =>
      isPcp(effect) ? bench.mapper.handleDatagram(pcpAnswer({ epoch: 0, port: 50_000 }), ROUTER, now) : [],
    );
    expect(bench.mapper.mapped).toBe('198.51.100.9:50000');
  });

  it.each([
    ['PCP', new ByteWriter(24).u8(2).u8(0x80).zeros(2).u32(0).u32(1).zeros(12).finish()],
    ['NAT-PMP', natPmpAddress(1)],
  ])('is asked for anew when the router announces by %s that it started, whatever its clock says', (_name, announce) => {
    const bench = new Bench();
    const router = (effect: MapperEffect, now: Millis) =>
      isPcp(effect) ? bench.mapper.handleDatagram(pcpAnswer({ epoch: 0 }), ROUTER, now) : [];
    bench.run(900, router);
    expect(bench.mapper.handleDatagram(announce, ROUTER, millis(900))).toEqual([]);
    bench.run(1_000, router);
    bench.take(bench.mapper.handleDatagram(announce, ROUTER, millis(1_900)), router);
    bench.take(bench.mapper.handleDatagram(announce, ROUTER, millis(2_000)), router);
    expect(bench.effects.filter(isPcp)).toHaveLength(2);
  });

  it.each([
    ['from another address', pcpAnswer(), pathAddress('192.168.1.2:5351'), 'mapping-stranger'],
    ['with another nonce', pcpAnswer({ nonce: new Uint8Array(12) }), ROUTER, 'mapping-unasked'],
  ])('is not taken from an answer %s', (_name, bytes, from, counter) => {
    const bench = new Bench();
    bench.run(100);
    expect(bench.mapper.handleDatagram(bytes, from, millis(100))).toEqual([{ kind: 'counter', name: counter }]);
    expect(bench.mapper.mapped).toBeUndefined();
  });

  it('to an address behind another NAT is no candidate', () => {
    const bench = new Bench();
    bench.run(100);
    bench.take(bench.mapper.handleDatagram(pcpAnswer({ address: Uint8Array.of(100, 64, 1, 1) }), ROUTER, millis(100)));
    expect(bench.mapper.mapped).toBeUndefined();
    expect(bench.of('counter')).toEqual([{ kind: 'counter', name: 'mapping-private' }]);
  });

  it('costs a router that knows none of it few datagrams: each protocol five times, then a pause of 15 minutes', () => {
    const bench = new Bench();
    bench.run(600_000);
    const datagrams = [...bench.of('send'), ...bench.of('search')];
    expect(datagrams.length).toBe(5 + 10 + 10);
    bench.run(600_000);
    expect([...bench.of('send'), ...bench.of('search')].length).toBe(2 * datagrams.length);
  });

  it('is searched for by UPnP at once when the router says that nobody listens at its mapping port', () => {
    const bench = new Bench();
    bench.run(100);
    bench.take(bench.mapper.handleClosedPort(millis(100)));
    expect(bench.of('search')).toHaveLength(2);
    bench.take(bench.mapper.handleClosedPort(millis(110)));
    expect(bench.of('search')).toHaveLength(2);
  });

  it('is given back at the end', () => {
    const bench = new Bench();
    bench.run(100, (effect, now) => (isPcp(effect) ? bench.mapper.handleDatagram(pcpAnswer(), ROUTER, now) : []));
    const effects = bench.mapper.release();
    expect(effects.map(({ kind }) => kind)).toEqual(['send', 'unmapped']);
    const [bye] = effects;
    expect(bye.kind === 'send' && hex(bye.bytes.subarray(4, 8))).toBe('00000000');
  });
});

describe('the epoch of a router', () => {
  it.each([
    ['runs with our clock', 100, 160, 60_000, false],
    ['went back', 100, 40, 60_000, true],
    ['stands still although time passed', 100, 100, 60_000, true],
    ['is a little slow', 100, 157, 60_000, false],
    ['jumped ahead', 100, 900, 60_000, true],
  ])('that %s', (_name, first, second, later, lost) => {
    const epoch = new RouterEpoch();
    expect(epoch.handleEpoch(first, millis(0))).toBe(false);
    expect(epoch.handleEpoch(second, millis(later))).toBe(lost);
  });
});
