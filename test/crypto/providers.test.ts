import { ed25519 } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { assert, constantFrom, property, uint8Array } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, fromHex, utf8, wipe } from '../../src/base/bytes.ts';
import { acceptableEd25519Point } from '../../src/crypto/ed25519-point.ts';
import { nobleProvider } from '../../src/crypto/noble-provider.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import { seedOf } from './fixtures.ts';
import { PROVIDERS } from './providers.ts';

const key = uint8Array({ minLength: 32, maxLength: 32 });
const data = uint8Array({ maxLength: 300 });
const bytes = (length: number) => uint8Array({ minLength: length, maxLength: length });
const runs = { numRuns: 60 };

/** All providers give the same, be it a value or a refusal. */
function agree<T>(attempt: (provider: CryptoProvider) => T): T {
  const noble = attempt(nobleProvider);
  for (const [, provider] of PROVIDERS) expect(attempt(provider)).toEqual(noble);
  return noble;
}

describe('all providers agree on', () => {
  it('hash, HMAC and HKDF', () => {
    assert(
      property(data, data, constantFrom(0, 1, 12, 32, 33, 64, 8160), (a, b, length) => {
        agree((p) => [p.sha256(a), p.hmac(a, b), p.hkdfExtract(a, b), p.hkdfExpand(p.sha256(a), b, length)]);
      }),
      runs,
    );
  });

  it('X25519 of any secret and any public bytes', () => {
    assert(
      property(key, key, (secret, other) => {
        const pair = agree((p) => p.x25519KeyPair(secret));
        agree((p) => p.x25519(pair.secretKey, other));
        agree((p) => p.x25519(secret, p.x25519KeyPair(other).publicKey));
      }),
      runs,
    );
  });

  it('Ed25519 keys, signatures and verdicts, also on any bytes', () => {
    assert(
      property(key, data, bytes(64), bytes(32), (seed, message, noise, otherKey) => {
        const { publicKey } = agree((p) => p.ed25519KeyPair(seed));
        const signature = agree((p) => p.ed25519Sign(seed, message));
        expect(agree((p) => p.ed25519Verify(publicKey, message, signature))).toBe(true);
        agree((p) => p.ed25519Verify(publicKey, message, noise));
        agree((p) => p.ed25519Verify(otherKey, message, signature));
      }),
      runs,
    );
  });

  it('both AEADs, and refuse each changed bit', () => {
    assert(
      property(key, bytes(24), data, data, uint8Array({ minLength: 1, maxLength: 4 }), (k, nonce, aad, text, where) => {
        const short = nonce.subarray(0, 12);
        for (const [seal, open, n] of [
          ['chachaSeal', 'chachaOpen', short],
          ['xchachaSeal', 'xchachaOpen', nonce],
        ] as const) {
          const sealed = agree((p) => p[seal](k, n, aad, text));
          expect(agree((p) => p[open](k, n, aad, sealed))).toEqual(text);
          const forged = sealed.slice();
          forged[where[0] % forged.length] ^= 1;
          expect(agree((p) => p[open](k, n, aad, forged))).toBeNull();
          expect(agree((p) => p[open](k, n, concat(aad, utf8('x')), sealed))).toBeNull();
        }
      }),
      runs,
    );
  });
});

describe.each(PROVIDERS)('%s', (_, provider) => {
  it('returns plain arrays, whose slices are copies', () => {
    const pair = provider.ed25519KeyPair(seedOf('a'));
    const results = [
      provider.sha256(seedOf('a')),
      provider.hkdfExpand(seedOf('a'), seedOf('b'), 40),
      provider.ed25519Sign(seedOf('a'), seedOf('b')),
      provider.chachaSeal(seedOf('a'), new Uint8Array(12), seedOf('b'), seedOf('b')),
      provider.x25519(seedOf('a'), provider.x25519KeyPair(seedOf('b')).publicKey),
      pair.publicKey,
      pair.secretKey,
    ];
    for (const result of results) expect(result?.constructor).toBe(Uint8Array);
  });

  it('does not remember a secret key in an array that was wiped or written anew', () => {
    const { secretKey } = provider.x25519KeyPair(seedOf('a'));
    const peer = provider.x25519KeyPair(seedOf('peer')).publicKey;
    const before = provider.x25519(secretKey, peer);
    secretKey.set(seedOf('b'));
    expect(provider.x25519(secretKey, peer)).toEqual(provider.x25519(seedOf('b'), peer));
    expect(provider.x25519(secretKey, peer)).not.toEqual(before);
    wipe(secretKey);
    expect(provider.x25519(secretKey, peer)).not.toEqual(before);
  });

  it('throws on wrong lengths of our own, and never on those of a peer', () => {
    const [short, good] = [new Uint8Array(31), seedOf('a')];
    const none = new Uint8Array(0);
    const own: readonly (() => unknown)[] = [
      () => provider.x25519KeyPair(short),
      () => provider.x25519(short, good),
      () => provider.ed25519KeyPair(short),
      () => provider.ed25519Sign(short, none),
      () => provider.chachaSeal(short, new Uint8Array(12), none, none),
      () => provider.chachaSeal(good, new Uint8Array(24), none, none),
      () => provider.chachaOpen(good, new Uint8Array(11), none, new Uint8Array(16)),
      () => provider.xchachaSeal(good, new Uint8Array(12), none, none),
      () => provider.hkdfExpand(good, none, 255 * 32 + 1),
    ];
    for (const attempt of own) expect(attempt).toThrow(RangeError);
    for (const length of [0, 1, 15, 31, 33]) {
      const peer = new Uint8Array(length);
      expect(provider.x25519(good, peer)).toBeNull();
      expect(provider.ed25519Verify(peer, none, new Uint8Array(64))).toBe(false);
      expect(provider.ed25519Verify(provider.ed25519KeyPair(good).publicKey, none, peer)).toBe(false);
      expect(provider.chachaOpen(good, new Uint8Array(12), none, peer)).toBeNull();
      expect(provider.xchachaOpen(good, new Uint8Array(24), none, peer)).toBeNull();
    }
  });
});

const { Point } = ed25519;
const P = 2n ** 255n - 19n;
const L = Point.Fn.ORDER;

function littleEndian(value: bigint): Uint8Array {
  const out = new Uint8Array(32);
  for (let i = 0; i < 32; i++) out[i] = Number((value >> BigInt(8 * i)) & 0xffn);
  return out;
}

function number(bytesOf: Uint8Array): bigint {
  return bytesOf.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

/** A point of order 8, and the eight points that it generates. */
const TORSION = Point.fromBytes(fromHex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'));
const SMALL_ORDER = Array.from({ length: 8 }, (_, i) =>
  (i === 0 ? Point.ZERO : TORSION.multiplyUnsafe(BigInt(i))).toBytes(),
);

/** A signature under scalar a by the equation S = r + k·a, where the key bytes may be any. */
function signWith(scalar: bigint, keyBytes: Uint8Array, message: Uint8Array, r = 7n) {
  const R = (r === 0n ? Point.ZERO : Point.BASE.multiply(r)).toBytes();
  const k = Point.Fn.create(number(sha512(concat(R, keyBytes, message))));
  return { signature: concat(R, littleEndian(Point.Fn.create(r + k * scalar))), k };
}

/** The first message whose challenge k has this residue mod 8. */
function messageWith(keyBytes: Uint8Array, scalar: bigint, fits: (residue: bigint) => boolean): Uint8Array {
  for (let i = 0; ; i++) {
    const message = utf8(`message ${i}`);
    if (fits(signWith(scalar, keyBytes, message).k % 8n)) return message;
  }
}

describe('an Ed25519 point', () => {
  it('A5: is acceptable only below the prime and not of small order, whatever its sign', () => {
    const rows: readonly (readonly [Uint8Array, boolean])[] = [
      ...SMALL_ORDER.map((point) => [point, false] as const),
      ...Array.from({ length: 19 }, (_, i) => [littleEndian(P + BigInt(i)), false] as const),
      [littleEndian(P - 2n), true],
      [littleEndian(3n), true],
      [Point.BASE.toBytes(), true],
      [new Uint8Array(31), false],
    ];
    for (const [point, expected] of rows) {
      expect(acceptableEd25519Point(point)).toBe(expected);
      const negative = point.slice();
      negative[31] |= 0x80;
      expect(acceptableEd25519Point(negative)).toBe(expected);
    }
  });
});

describe.each(PROVIDERS)('strict RFC 8032 with %s', (_, provider) => {
  const a = 12_345n;
  const honest = Point.BASE.multiply(a);
  const honestKey = honest.toBytes();
  const mixedKey = honest.add(TORSION).toBytes();
  const message = utf8('message');
  const good = signWith(a, honestKey, message).signature;
  const verdict = (publicKey: Uint8Array, text: Uint8Array, signature: Uint8Array) =>
    provider.ed25519Verify(publicKey, text, signature);

  it('takes a signature made by hand', () => {
    expect(verdict(honestKey, message, good)).toBe(true);
  });

  it('A5: refuses keys of small order in every encoding, though the equation holds', () => {
    for (const small of SMALL_ORDER) {
      for (const sign of [0, 0x80]) {
        const flipped = small.slice();
        flipped[31] ^= sign;
        const text = messageWith(flipped, 0n, (residue) => residue === 0n);
        expect(verdict(flipped, text, signWith(0n, flipped, text).signature)).toBe(false);
      }
    }
    for (const y of [0n, 1n]) {
      const unreduced = littleEndian(P + y);
      const text = messageWith(unreduced, 0n, (residue) => residue === 0n);
      expect(verdict(unreduced, text, signWith(0n, unreduced, text).signature)).toBe(false);
    }
  });

  it('A5: refuses every key with y not below the prime', () => {
    for (let y = 0n; y < 19n; y++) {
      for (const sign of [0n, 1n << 255n]) {
        const unreduced = littleEndian(P + y + sign);
        expect(verdict(unreduced, message, good)).toBe(false);
      }
    }
  });

  it('A5: refuses S + L', () => {
    const larger = concat(good.subarray(0, 32), littleEndian(number(good.subarray(32)) + L));
    expect(verdict(honestKey, message, larger)).toBe(false);
  });

  it('A5: refuses an R of small order in every encoding, though the equation holds', () => {
    const neutral = signWith(a, honestKey, message, 0n).signature;
    expect(ed25519.verify(neutral, message, honestKey, { zip215: false })).toBe(true);
    expect(verdict(honestKey, message, neutral)).toBe(false);
    expect(verdict(honestKey, message, concat(littleEndian(P + 1n), neutral.subarray(32)))).toBe(false);
  });

  it('A5: decides a key with a part of small order by the equation without cofactor', () => {
    const refused = messageWith(mixedKey, a, (residue) => residue !== 0n);
    const taken = messageWith(mixedKey, a, (residue) => residue === 0n);
    const bad = signWith(a, mixedKey, refused).signature;
    expect(ed25519.verify(bad, refused, mixedKey, { zip215: false })).toBe(true);
    expect(verdict(mixedKey, refused, bad)).toBe(false);
    expect(verdict(mixedKey, taken, signWith(a, mixedKey, taken).signature)).toBe(true);
  });

  it('A5: refuses all-zero X25519 results', () => {
    const secret = seedOf('x');
    const orders = [
      'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
      '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
    ];
    const weak = [0n, 1n, P - 1n, P, P + 1n].map(littleEndian).concat(orders.map(fromHex));
    for (const point of weak) expect(provider.x25519(secret, point)).toBeNull();
  });
});
