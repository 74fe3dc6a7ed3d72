import { describe, expect, it } from 'vitest';
import { unixSeconds } from '../../src/base/brands.ts';
import { CaPartMemory } from '../../src/crypto/ca-part-memory.ts';
import { encodeCaPart, verifyCaPart } from '../../src/crypto/credential.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import { edKey, NOW, seedOf } from './fixtures.ts';

const caPk = edKey('ca').publicKey;
const later = (seconds: number) => unixSeconds(NOW + seconds);
const fields = {
  type: 2,
  mode: 1,
  edPk: edKey('node').publicKey,
  vip6: undefined,
  vip4: Uint8Array.of(100, 64, 0, 10),
  notBefore: NOW,
  notAfter: later(3_600),
  serial: new Uint8Array(8),
  routes: [],
  moreRoutes: false,
} as const;
const bytes = encodeCaPart(nodeProvider, fields, seedOf('ca'));
const changed = bytes.slice();
changed[199] ^= 1; // in the signature

/** Counts the signatures that are checked. */
function counting(): { readonly provider: CryptoProvider; checks(): number } {
  let checks = 0;
  const ed25519Verify: CryptoProvider['ed25519Verify'] = (...args) => {
    checks += 1;
    return nodeProvider.ed25519Verify(...args);
  };
  return { provider: { ...nodeProvider, ed25519Verify }, checks: () => checks };
}

describe('a memory of certificates', () => {
  it('checks the signature of each once', () => {
    const { provider, checks } = counting();
    const memory = new CaPartMemory(provider);
    const expected = verifyCaPart(nodeProvider, bytes, [caPk], NOW);
    for (let time = 0; time < 3; time++) expect(memory.verify(bytes.slice(), [caPk], NOW)).toEqual(expected);
    expect(checks()).toBe(1);
  });

  it.each([
    ['a byte is another', changed, caPk, NOW, 'ca-signature'],
    ['the authority is not accepted any more', bytes, edKey('other').publicKey, NOW, 'unknown-issuer'],
    ['it is over', bytes, caPk, later(3_600), 'expired'],
    ['the clock stands before it', bytes, caPk, later(-1), 'not-yet-valid'],
  ] as const)('A5: refuses one that was good when %s, and takes it again after', (_, part, authority, at, fault) => {
    const memory = new CaPartMemory(nodeProvider);
    expect(memory.verify(bytes, [caPk], NOW)).toBeTypeOf('object');
    expect(memory.verify(part, [authority], at)).toBe(fault);
    expect(memory.verify(bytes, [caPk], NOW)).toBeTypeOf('object');
  });

  it('remembers nothing of one that was refused', () => {
    const { provider, checks } = counting();
    const memory = new CaPartMemory(provider);
    for (let time = 0; time < 2; time++) expect(memory.verify(changed, [caPk], NOW)).toBe('ca-signature');
    expect(checks()).toBe(2);
  });
});
