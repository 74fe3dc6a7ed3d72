import { Decoder } from 'cbor-x';
import { array, assert, boolean, constant, integer, letrec, oneof, property, string, uint8Array } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../src/base/bytes.ts';
import { type CborValue, cborMap, EncodedCbor, encodeCbor, encodeCborBehind } from '../../src/base/cbor.ts';
import { decodeCbor } from '../../src/base/cbor-decode.ts';
import { asBytes, asListOf, asText, asUint } from '../../src/base/cbor-fields.ts';

const LIMITS = { bytes: 100_000, depth: 12 };

/** Rows of RFC 8949 appendix A that we write, and some at the borders of the heads. */
const ROWS: readonly (readonly [CborValue, string])[] = [
  [0, '00'],
  [23, '17'],
  [24, '1818'],
  [255, '18ff'],
  [256, '190100'],
  [1000, '1903e8'],
  [65_536, '1a00010000'],
  [1_000_000, '1a000f4240'],
  [4_294_967_296, '1b0000000100000000'],
  [1_000_000_000_000, '1b000000e8d4a51000'],
  [Number.MAX_SAFE_INTEGER, '1b001fffffffffffff'],
  [-1, '20'],
  [-100, '3863'],
  [-1000, '3903e7'],
  [false, 'f4'],
  [true, 'f5'],
  [null, 'f6'],
  [new Uint8Array(0), '40'],
  [Uint8Array.of(1, 2, 3, 4), '4401020304'],
  ['', '60'],
  ['IETF', '6449455446'],
  ['ü水', '65c3bce6b0b4'],
  [[], '80'],
  [[1, [2, 3], [4, 5]], '8301820203820405'],
  [Array.from({ length: 25 }, (_, i) => i + 1), '98190102030405060708090a0b0c0d0e0f101112131415161718181819'],
  [new Map(), 'a0'],
  [new Map([[1, 2], [3, 4]]), 'a201020304'], // biome-ignore format: one row
  [cborMap({ b: [2, 3], a: 1 }), 'a26161016162820203'],
  [cborMap({ aa: 1, b: 2, c: undefined }), 'a261620262616101'],
  [new Map<number | string, CborValue>([['z', 1], [100, 2], [10, 3], [-1, 4]]), 'a40a031864022004617a01'], // biome-ignore format: one row
];

describe('the deterministic encoding', () => {
  it.each(ROWS)('of %j is as RFC 8949 4.2.1 has it, and is read back', (value, hex) => {
    expect(toHex(encodeCbor(value))).toBe(hex);
    expect(decodeCbor(fromHex(hex), LIMITS)).toEqual({ value });
  });

  it('is the same of values that were encoded before, and stands behind what it is put behind', () => {
    const [inner, label] = [cborMap({ name: 'x', list: [1, [2]] }), Uint8Array.of(9, 8)];
    const plain = encodeCbor(cborMap({ a: [inner, 7, inner], b: inner }));
    const ready = new EncodedCbor(inner);
    expect(encodeCbor(cborMap({ a: [ready, 7, ready], b: ready }))).toEqual(plain);
    expect(encodeCborBehind(label, inner)).toEqual(Uint8Array.of(...label, ...encodeCbor(inner)));
  });

  it('leaves results alone that were given before, also after a failure and a long one', () => {
    const first = encodeCbor('first');
    expect(() => encodeCbor(['second', 0.5])).toThrow(RangeError);
    const long = encodeCbor(new Uint8Array(100_000).fill(1));
    expect(encodeCbor(new Uint8Array(3))).toEqual(fromHex('43000000'));
    expect([toHex(first), long.length, long.at(-1)]).toEqual(['656669727374', 100_005, 1]);
  });

  it.each([
    ['a fraction', 1.5],
    ['an integer beyond 2^53', 2 ** 53],
    ['infinity', Number.POSITIVE_INFINITY],
    ['a lone surrogate', '\ud800'],
  ])('refuses %s', (_, value) => {
    expect(() => encodeCbor(value)).toThrow(RangeError);
  });
});

describe('the decoder', () => {
  it.each([
    ['nothing', '', 'cbor-short'],
    ['a byte too many', '0000', 'cbor-trailing'],
    ['a head of two bytes for 23', '1817', 'cbor-not-canonical'],
    ['a head of three bytes for 255', '1900ff', 'cbor-not-canonical'],
    ['a head of five bytes for 65,535', '1a0000ffff', 'cbor-not-canonical'],
    ['a head of nine bytes for 2^32 − 1', '1b00000000ffffffff', 'cbor-not-canonical'],
    ['a long head of a text', '780161', 'cbor-not-canonical'],
    ['an integer of 2^53', '1b0020000000000000', 'cbor-unsupported'],
    ['−2^53', '3b001fffffffffffff', 'cbor-unsupported'],
    ['a list without length', '9f01ff', 'cbor-unsupported'],
    ['a text without length', '7f6161ff', 'cbor-unsupported'],
    ['a tag', 'c001', 'cbor-unsupported'],
    ['a float', 'f93c00', 'cbor-unsupported'],
    ['undefined', 'f7', 'cbor-unsupported'],
    ['a break alone', 'ff', 'cbor-unsupported'],
    ['a cut byte string', '44010203', 'cbor-short'],
    ['a byte string of 2^32 − 1', '5affffffff', 'cbor-short'],
    ['a list of 2^32 − 1', '9affffffff', 'cbor-short'],
    ['a map of 2^32 − 1', 'baffffffff', 'cbor-short'],
    ['keys out of order', 'a2616201616101', 'cbor-not-canonical'],
    ['a repeated key', 'a2616101616102', 'cbor-not-canonical'],
    ['a key that is a list', 'a18001', 'cbor-unsupported'],
    ['a key that is a list with something in it', 'a1810101', 'cbor-depth'],
    ['bytes that are not UTF-8', '62c328', 'cbor-text'],
    ['a surrogate in UTF-8', '63eda080', 'cbor-text'],
    ['more nesting than allowed', `${'81'.repeat(13)}00`, 'cbor-depth'],
    ['nesting that would end a stack', '81'.repeat(90_000), 'cbor-depth'],
  ])('refuses %s', (_, hex, fault) => {
    expect(decodeCbor(fromHex(hex), LIMITS)).toBe(fault);
  });

  it('refuses more bytes than its limit', () => {
    expect(decodeCbor(new Uint8Array(11), { bytes: 10, depth: 1 })).toBe('cbor-too-long');
  });

  it('gives byte strings that are copies, also out of a Buffer', () => {
    const input = Buffer.from('4401020304', 'hex');
    const decoded = decodeCbor(input, LIMITS);
    input.fill(0);
    expect(decoded).toEqual({ value: Uint8Array.of(1, 2, 3, 4) });
  });

  const { value: anything } = letrec<{ value: CborValue }>((tie) => ({
    value: oneof(
      { maxDepth: 4, depthSize: 'small' },
      integer(),
      integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }),
      string({ unit: 'grapheme' }),
      uint8Array({ maxLength: 40 }),
      boolean(),
      constant(null),
      array(tie('value'), { maxLength: 5 }),
      array(array(tie('value'), { minLength: 1, maxLength: 1 }), { maxLength: 5 }).map(
        (values) => new Map(values.map(([each], i) => [i % 2 === 0 ? `key ${i}` : i * 100, each ?? null])),
      ),
    ),
  }));

  it('gives back what was encoded', () => {
    assert(
      property(anything, (value) => {
        expect(decodeCbor(encodeCbor(value), LIMITS)).toEqual({ value });
      }),
    );
  });

  it('reads what cbor-x reads in it', () => {
    const oracle = new Decoder({ useRecords: false, mapsAsObjects: false });
    assert(
      property(anything, (value) => {
        const bytes = encodeCbor(value);
        expect({ value: plain(oracle.decode(bytes)) }).toEqual(decodeCbor(bytes, LIMITS));
      }),
    );
  });

  it('W2: never throws, and takes only the one encoding of a value', () => {
    const check = (bytes: Uint8Array) => {
      const decoded = decodeCbor(bytes, LIMITS);
      if (typeof decoded !== 'string') expect(encodeCbor(decoded.value)).toEqual(bytes);
    };
    assert(property(uint8Array({ maxLength: 60 }), check), { numRuns: 1000 });
    assert(
      property(anything, uint8Array({ minLength: 2, maxLength: 6 }), (value, noise) => {
        const bytes = encodeCbor(value);
        for (let i = 0; i + 1 < noise.length; i += 2) bytes[noise[i] % bytes.length] = noise[i + 1];
        check(bytes);
      }),
      { numRuns: 500 },
    );
  });
});

describe('a field', () => {
  it.each([
    [asUint(5), 5],
    [asUint(-1), undefined],
    [asUint(256, 255), undefined],
    [asUint('5'), undefined],
    [asBytes(Uint8Array.of(1), 1), Uint8Array.of(1)],
    [asBytes(Uint8Array.of(1), 2), undefined],
    [asText('name'), 'name'],
    [asText(''), undefined],
    [asText('name', 3), undefined],
    [asListOf([1, 2], (each) => asUint(each)), [1, 2]],
    [asListOf([1, 'x'], (each) => asUint(each)), undefined],
    [asListOf([1, 2], (each) => asUint(each), 1), undefined],
    [asListOf(1, (each) => asUint(each)), undefined],
  ])('is narrowed, row %#', (narrowed, expected) => {
    expect(narrowed).toEqual(expected);
  });
});

/** What cbor-x gives, with its Buffers and BigInts as we have them. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  if (Array.isArray(value)) return value.map(plain);
  return value instanceof Map ? new Map([...value].map(([key, each]) => [plain(key), plain(each)])) : value;
}
