import { describe, expect, it } from 'vitest';
import { millis } from '../../src/base/brands.ts';
import { concat, fromHex, toHex, utf8 } from '../../src/base/bytes.ts';
import { nobleProvider as noble } from '../../src/crypto/noble-provider.ts';
import { EphemeralSource } from '../../src/dprp/ephemeral.ts';

const hedge = { key: noble.sha256(utf8('hedge')), bootCounter: 3 };
const stuck = (length: number) => new Uint8Array(length).fill(7);

describe('ephemeral keys', () => {
  it('are HMAC(hedge key, 32 random bytes ‖ boot counter 4 ‖ microseconds 8) (protocol.md 2.4)', () => {
    const { secretKey, publicKey } = new EphemeralSource(noble, stuck, hedge).keyPair(millis(5));
    const seed = noble.hmac(hedge.key, concat(stuck(32), fromHex('00000003'), fromHex('0000000000001388')));
    expect(toHex(secretKey)).toBe(toHex(seed));
    expect(toHex(publicKey)).toBe(toHex(noble.x25519KeyPair(seed).publicKey));
  });

  it('differ though the random source repeats itself: in one millisecond, after a clock that went back, after a restart', () => {
    const source = new EphemeralSource(noble, stuck, hedge);
    const again = new EphemeralSource(noble, stuck, { ...hedge, bootCounter: 4 });
    const other = new EphemeralSource(noble, stuck, { ...hedge, key: noble.sha256(utf8('other')) });
    const keys = [source, source, again, other].map((one) => toHex(one.keyPair(millis(5)).publicKey));
    keys.push(toHex(source.keyPair(millis(4)).publicKey));
    expect(new Set(keys).size).toBe(5);
  });

  it('are known as own, strangers are not', () => {
    const source = new EphemeralSource(noble, stuck, hedge);
    const { publicKey } = source.keyPair(millis(5));
    expect(source.isOwn(publicKey)).toBe(true);
    expect(source.isOwn(noble.x25519KeyPair(stuck(32)).publicKey)).toBe(false);
  });
});
