import { describe, expect, it } from 'vitest';
import { nobleProvider } from '../../../src/crypto/noble-provider.ts';
import { nodeProvider } from '../../../src/crypto/node-provider.ts';
import { Sealer } from '../../../src/server/store/sealer.ts';

const KEY = new Uint8Array(32).fill(9);
const PLACE = { table: 'tokens', key: 'feed', field: 'secret' };
const SECRET = new Uint8Array(32).fill(1);
const HEAD = { origin: 'a', lineage: 'b', revision: 1, audit_seq: 2, audit_hash: 'c' };

function sealer(key = KEY, provider = nodeProvider): Sealer {
  let calls = 0;
  return new Sealer(provider, (length) => new Uint8Array(length).fill(++calls), key);
}

describe('a sealer', () => {
  it('opens what it sealed, with either provider', () => {
    const sealed = sealer().seal(PLACE, SECRET);
    expect(sealer().open(PLACE, sealed)).toEqual(SECRET);
    expect(sealer(KEY, nobleProvider).open(PLACE, sealed)).toEqual(SECRET);
    expect(sealed).toHaveLength(24 + 32 + 16);
  });

  it.each([
    ['another table', { ...PLACE, table: 'groups' }],
    ['another row', { ...PLACE, key: 'beef' }],
    ['another field', { ...PLACE, field: 'rn1' }],
    ['a place whose names join to the same text', { table: 'token', key: 'sfeed', field: 'secret' }],
  ])('does not open in %s', (_what, place) => {
    expect(sealer().open(place, sealer().seal(PLACE, SECRET))).toBeNull();
  });

  it('does not open with another key, or when any byte was changed or is missing', () => {
    const sealed = sealer().seal(PLACE, SECRET);
    expect(sealer(new Uint8Array(32).fill(8)).open(PLACE, sealed)).toBeNull();
    for (let at = 0; at < sealed.length; at++) {
      expect(
        sealer().open(
          PLACE,
          sealed.map((byte, i) => (i === at ? byte ^ 1 : byte)),
        ),
      ).toBeNull();
      expect(sealer().open(PLACE, sealed.subarray(0, at))).toBeNull();
    }
  });

  it('seals the same secret under another nonce each time', () => {
    const one = sealer();
    expect(one.seal(PLACE, SECRET)).not.toEqual(one.seal(PLACE, SECRET));
  });

  it('covers every part of a head', () => {
    const seal = sealer().headSeal(HEAD);
    expect(sealer().isHeadSeal(HEAD, seal)).toBe(true);
    const others = [{ origin: 'x' }, { lineage: 'x' }, { revision: 5 }, { audit_seq: 5 }, { audit_hash: 'x' }];
    for (const other of others) expect(sealer().isHeadSeal({ ...HEAD, ...other }, seal)).toBe(false);
    expect(sealer(new Uint8Array(32).fill(8)).isHeadSeal(HEAD, seal)).toBe(false);
    expect(sealer().isHeadSeal(HEAD, '')).toBe(false);
  });

  it('uses a key of its own for each purpose', () => {
    const one = sealer();
    const digest = new Uint8Array(32);
    expect(new Set([one.keyCheck, one.backupSeal(digest), one.headSeal(HEAD)]).size).toBe(3);
    expect(one.keyCheck).not.toBe(sealer(new Uint8Array(32).fill(8)).keyCheck);
    expect(() => sealer(new Uint8Array(31))).toThrow(RangeError);
  });
});
