import { describe, expect, it } from 'vitest';
import { unixSeconds } from '../../src/base/brands.ts';
import { encodeGmsCertificate, GMS_CERTIFICATE_SIZE, verifyGmsCertificate } from '../../src/crypto/gms-certificate.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';

const CA = new Uint8Array(32).fill(1);
const caPk = nodeProvider.ed25519KeyPair(CA).publicKey;
const stated = { gmsKey: new Uint8Array(32).fill(9), notBefore: unixSeconds(100), notAfter: unixSeconds(200) };
const bytes = encodeGmsCertificate(nodeProvider, stated, CA);

function changed(at: number): Uint8Array {
  return bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));
}

describe('the certificate of the group management server', () => {
  it('says what the CA stated', () => {
    expect(bytes).toHaveLength(GMS_CERTIFICATE_SIZE);
    expect(verifyGmsCertificate(nodeProvider, bytes, caPk, unixSeconds(150))).toEqual(stated);
  });

  it.each([
    ['by another CA', bytes, nodeProvider.ed25519KeyPair(stated.gmsKey).publicKey, 150, 'gms-unknown-issuer'],
    ['with another key in it', changed(4), caPk, 150, 'gms-signature'],
    ['with other bytes in front', changed(2), caPk, 150, 'gms-pad'],
    ['of another version', changed(0), caPk, 150, 'gms-version'],
    ['with another signature', changed(60), caPk, 150, 'gms-signature'],
    ['cut off', bytes.subarray(1), caPk, 150, 'gms-length'],
    ['before its time', bytes, caPk, 99, 'gms-not-yet-valid'],
    ['after its time', bytes, caPk, 200, 'gms-expired'],
  ] as const)('%s is refused', (_, file, ca, now, fault) => {
    expect(verifyGmsCertificate(nodeProvider, file, ca, unixSeconds(now))).toBe(fault);
  });
});
