import { describe, expect, it } from 'vitest';
import { unixSeconds } from '../../src/base/brands.ts';
import { CaPartMemory } from '../../src/crypto/ca-part-memory.ts';
import type { HopSigner } from '../../src/dprp/hop-record.ts';
import { resolveSigner, type SignerDeps } from '../../src/dprp/hop-signer.ts';
import { caPartBytes, identity, key, provider } from './hop-bench.ts';

const NOW = 1_800_000_000;
const GEN = identity('a GEN', 'gen', 'cl');
const SERVER = identity('a GMS', 'gms');
const OTHER = identity('another GEN', 'gen');
const FORGED = identity('a GEN', 'gen', 'cl', key('another CA'));

function deps(at: number, known: Uint8Array | undefined): SignerDeps {
  return {
    caParts: new CaPartMemory(provider),
    authorities: () => [provider.ed25519KeyPair(key('the CA')).publicKey],
    unixNow: () => unixSeconds(at),
    caPartOf: () => known,
  };
}

const value = (who: typeof GEN): HopSigner => ({ form: 'value', caPart: caPartBytes(who) });
const reference: HopSigner = { form: 'reference', node: GEN.caPart.nodeId };

const BLANK: HopSigner = { form: 'value', caPart: new Uint8Array(200) };

describe('who signed a hop box', () => {
  it.each([
    ['by value', value(GEN), undefined],
    ['by reference, at hand', reference, caPartBytes(GEN)],
  ] as const)('%s is the node of the certificate', (_, signer, known) => {
    expect(resolveSigner(deps(NOW, known), signer)).toEqual(GEN.caPart);
  });

  it.each([
    ['by reference, not at hand', reference, undefined, NOW, 'unknown-signer'],
    ['by reference, another node’s certificate', reference, caPartBytes(OTHER), NOW, 'unknown-signer'],
    ['by reference, of another CA', reference, caPartBytes(FORGED), NOW, 'unknown-issuer'],
    ['of another CA', value(FORGED), undefined, NOW, 'unknown-issuer'],
    ['a server', value(SERVER), undefined, NOW, 'node-type'],
    ['expired', value(GEN), undefined, NOW + 40 * 86_400, 'expired'],
    ['not yet valid', value(GEN), undefined, NOW - 2 * 86_400, 'not-yet-valid'],
    ['no certificate at all', BLANK, undefined, NOW, 'version'],
  ] as const)('%s is refused', (_, signer, known, at, fault) => {
    expect(resolveSigner(deps(at, known), signer)).toBe(fault);
  });
});
