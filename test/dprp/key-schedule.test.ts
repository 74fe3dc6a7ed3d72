import { describe, expect, it } from 'vitest';
import { nodeId } from '../../src/base/brands.ts';
import { isZero, toHex, utf8 } from '../../src/base/bytes.ts';
import { nobleProvider as noble } from '../../src/crypto/noble-provider.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import { deriveSaKeys, type KeyContext, wipeLanes } from '../../src/dprp/key-schedule.ts';

const h = noble.sha256(utf8('h'));
const ck = noble.sha256(utf8('ck'));
const context: KeyContext = {
  nodeI: nodeId('11'.repeat(16)),
  nodeR: nodeId('22'.repeat(16)),
  group: '33'.repeat(16),
  r: 1,
  v: 2,
  suite: 1,
  indexI: 8,
  indexR: 16,
};

/** All keys of a derivation, in hex. */
function allKeys(change: Partial<KeyContext> = {}, lanes = 8, provider: CryptoProvider = noble): string[] {
  const keys = deriveSaKeys(provider, h, ck, { ...context, ...change }, lanes);
  const lane = [...keys.initiatorToResponder, ...keys.responderToInitiator].flatMap(({ key, iv }) => [key, iv]);
  return [keys.cdn, keys.exporter, ...lane].map(toHex);
}

describe('the key schedule (protocol.md 2.4)', () => {
  it('K5: derives the keys of every lane before PRK is erased', () => {
    let prk = new Uint8Array(0);
    const keys = allKeys({}, 8, {
      ...noble,
      hkdfExtract: (salt, ikm) => {
        prk = noble.hkdfExtract(salt, ikm).slice();
        return prk;
      },
    });
    expect(keys).toEqual(allKeys());
    expect(prk).toHaveLength(32);
    expect(isZero(prk)).toBe(true);
  });

  it('gives no two uses the same key: not two lanes, directions, or labels', () => {
    const keys = allKeys();
    expect(keys).toHaveLength(2 + 2 * 8 * 2);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('gives lane 0 the same keys, however many lanes there are', () => {
    expect(allKeys({}, 1).slice(0, 4)).toEqual(allKeys({}, 8).slice(0, 4));
  });

  it.each([
    ['nodeI', { nodeI: context.nodeR }],
    ['nodeR', { nodeR: context.nodeI }],
    ['group', { group: '34'.repeat(16) }],
    ['r', { r: 2 }],
    ['v', { v: 3 }],
    ['suite', { suite: 2 }],
    ['indexI', { indexI: 24 }],
    ['indexR', { indexR: 24 }],
  ])('binds every key to %s', (_name, change) => {
    const [before, after] = [allKeys(), allKeys(change)];
    for (const [i, key] of after.entries()) expect(key).not.toBe(before[i]);
  });

  it('wipes what is not used any more', () => {
    const { initiatorToResponder } = deriveSaKeys(noble, h, ck, context, 2);
    wipeLanes(initiatorToResponder);
    expect(initiatorToResponder.every(({ key, iv }) => isZero(key) && isZero(iv))).toBe(true);
  });
});
