import { describe, expect, it } from 'vitest';
import { concat, toHex, utf8 } from '../../src/base/bytes.ts';
import {
  asFingerprint,
  ENROLMENT_LABEL,
  type EnrolmentClaim,
  isNamedKey,
  macClaim,
  signClaim,
  verifyClaim,
  verifyMac,
} from '../../src/crypto/enrolment.ts';
import { CRYPTO_LABEL, GROUP_KEY_LABEL } from '../../src/crypto/labels.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import { edKey, seedOf } from './fixtures.ts';
import { PROVIDERS } from './providers.ts';

const CLAIM: EnrolmentClaim = {
  hash: seedOf('channel'),
  tokenId: 'a1'.repeat(8),
  edPublic: edKey('node').publicKey,
  name: 'läptop',
};
const CHANGES: readonly (readonly [string, Partial<EnrolmentClaim>])[] = [
  ['channel', { hash: seedOf('another channel') }],
  ['token', { tokenId: 'a2'.repeat(8) }],
  ['name', { name: 'laptop' }],
];

describe.each(PROVIDERS)('what a node proves when it enrols (%s)', (_, provider) => {
  const secret = seedOf('secret');
  const [signature, mac] = [signClaim(provider, CLAIM, seedOf('node')), macClaim(provider, CLAIM, secret)];

  it('is accepted as it was made', () => {
    expect(verifyClaim(provider, CLAIM, signature)).toBe(true);
    expect(verifyMac(provider, CLAIM, secret, mac)).toBe(true);
  });

  it.each([
    ...CHANGES,
    ['key', { edPublic: edKey('thief').publicKey }] as const,
  ])('counts for no other %s', (_what, change) => {
    expect(verifyClaim(provider, { ...CLAIM, ...change }, signature)).toBe(false);
    expect(verifyMac(provider, { ...CLAIM, ...change }, secret, mac)).toBe(false);
  });

  it('needs the secret, whole', () => {
    expect(verifyMac(provider, CLAIM, seedOf('guess'), mac)).toBe(false);
    expect(verifyMac(provider, CLAIM, secret, mac.subarray(0, 31))).toBe(false);
    expect(verifyMac(provider, CLAIM, secret, new Uint8Array(0))).toBe(false);
  });
});

describe('the fingerprint in a token', () => {
  const key = seedOf('as');

  it('is the beginning of the hash over the label and the key (E1)', () => {
    const hash = nodeProvider.sha256(concat(utf8('gscip1 as'), key));
    expect(toHex(asFingerprint(nodeProvider, key))).toBe(toHex(hash).slice(0, 32));
  });

  it('names one key', () => {
    const fingerprint = asFingerprint(nodeProvider, key);
    expect(isNamedKey(nodeProvider, key, fingerprint)).toBe(true);
    expect(isNamedKey(nodeProvider, seedOf('another'), fingerprint)).toBe(false);
    expect(isNamedKey(nodeProvider, key, fingerprint.subarray(0, 15))).toBe(false);
  });
});

describe('the labels of an enrolment', () => {
  it('are shared with nothing else', () => {
    const all = [CRYPTO_LABEL, GROUP_KEY_LABEL, ENROLMENT_LABEL].flatMap((labels) => Object.values(labels));
    const labels = [...all, 'gscip1 channel', 'gscip1 join sum'];
    expect(new Set(labels).size).toBe(labels.length);
  });

  it('are those of gscip1: a change is a new protocol version (protocol.md 17.4)', () => {
    expect(Object.values(ENROLMENT_LABEL)).toEqual(['gscip1 as', 'gscip1 csr', 'gscip1 join']);
    expect(toHex(macClaim(nodeProvider, CLAIM, seedOf('secret'))).slice(0, 16)).toBe('710793c113685049');
  });
});
