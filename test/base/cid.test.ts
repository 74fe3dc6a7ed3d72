import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/base/bytes.ts';
import { CID_SIZE, type Cid, decodeCid, encodeCid, reverseCid } from '../../src/base/cid.ts';
import { padAddress } from '../../src/base/ip-address.ts';

const cid: Cid = {
  family: 4,
  protocol: 6,
  source: padAddress(Uint8Array.of(100, 64, 0, 1)),
  destination: padAddress(Uint8Array.of(100, 64, 0, 2)),
  sourcePort: 0xabcd,
  destinationPort: 443,
};

const anyCid: fc.Arbitrary<Cid> = fc.constantFrom<4 | 6>(4, 6).chain((family) => {
  const size = family === 4 ? 4 : 16;
  const bytes = fc.uint8Array({ minLength: size, maxLength: size }).map(padAddress);
  const port = fc.nat(0xffff);
  return fc.record({
    family: fc.constant(family),
    protocol: fc.nat(255),
    source: bytes,
    destination: bytes,
    sourcePort: port,
    destinationPort: port,
  });
});

describe('the CID on the wire', () => {
  it('is family, protocol, addresses, ports in 38 bytes', () => {
    const zeros = '00'.repeat(12);
    expect(toHex(encodeCid(cid))).toBe(`0406${zeros}64400001${zeros}64400002abcd01bb`);
  });

  it('comes back as it went, from any place', () => {
    fc.assert(
      fc.property(anyCid, fc.nat(9), (value, at) => {
        const bytes = new Uint8Array(at + CID_SIZE + 3).fill(0xee);
        bytes.set(encodeCid(value), at);
        expect(decodeCid(bytes, at)).toEqual(value);
      }),
    );
  });

  it.each([
    ['short', encodeCid(cid).slice(0, 37), 0],
    ['short', encodeCid(cid), 1],
    ['short', encodeCid(cid), -1],
    ['family', encodeCid(cid).fill(5, 0, 1), 0],
    ['pad', encodeCid(cid).fill(1, 13, 14), 0],
    ['pad', encodeCid(cid).fill(1, 29, 30), 0],
  ])('is refused as %s', (fault, bytes, at) => {
    expect(decodeCid(bytes, at)).toBe(fault);
  });

  it('never throws on any bytes, and what it takes has one spelling', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.integer({ min: -2, max: 60 }), (bytes, at) => {
        const value = decodeCid(bytes, at);
        if (typeof value !== 'string') expect(encodeCid(value)).toEqual(bytes.slice(at, at + CID_SIZE));
      }),
    );
  });

  it('reversed twice is itself, reversed once is the answer', () => {
    expect(reverseCid(cid)).toEqual({
      ...cid,
      source: cid.destination,
      destination: cid.source,
      sourcePort: 443,
      destinationPort: 0xabcd,
    });
    fc.assert(
      fc.property(anyCid, (value) => {
        expect(reverseCid(reverseCid(value))).toEqual(value);
      }),
    );
  });
});
