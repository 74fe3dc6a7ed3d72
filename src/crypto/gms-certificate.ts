import { type UnixSeconds, unixSeconds } from '../base/brands.ts';
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { compareBytes, concat, utf8 } from '../base/bytes.ts';
import { issuerOf } from './credential.ts';
import { CRYPTO_LABEL } from './labels.ts';
import { type CryptoProvider, LENGTH, requireLength } from './provider.ts';

/*
 * The CA's statement about the X25519 key of the group management server, by which nodes pin it (protocol.md 11):
 *
 *   0 ver 1 · zeros 3 | 4 gms_pk 32 | 36 not_before 4 · not_after 4 | 44 issuer 8 | 52 sig 64 = 116
 *
 * The CA signs "gscip1 gms" ‖ bytes 0 to 51.
 */

export const GMS_CERTIFICATE_SIZE = 116;
const SIGNED = 52;
const VERSION = 1;

/** What the CA says about the group management server. */
export interface GmsCertificate {
  readonly gmsKey: Uint8Array;
  readonly notBefore: UnixSeconds;
  readonly notAfter: UnixSeconds;
}

export type GmsCertificateFault =
  | 'gms-length'
  | 'gms-version'
  | 'gms-pad'
  | 'gms-unknown-issuer'
  | 'gms-signature'
  | 'gms-not-yet-valid'
  | 'gms-expired';

/** The 116 bytes, signed with the CA's seed. */
export function encodeGmsCertificate(
  provider: CryptoProvider,
  { gmsKey, notBefore, notAfter }: GmsCertificate,
  caSeed: Uint8Array,
): Uint8Array {
  requireLength(gmsKey, LENGTH.key, 'key of the group management server');
  const issuer = issuerOf(provider, provider.ed25519KeyPair(caSeed).publicKey);
  const stated = new ByteWriter(SIGNED).u8(VERSION).zeros(3).raw(gmsKey).u32(notBefore).u32(notAfter).raw(issuer);
  const bytes = stated.finish();
  return concat(bytes, provider.ed25519Sign(caSeed, concat(utf8(CRYPTO_LABEL.gms), bytes)));
}

/** Decodes and checks the CA's signature and the time. */
export function verifyGmsCertificate(
  provider: CryptoProvider,
  bytes: Uint8Array,
  caPk: Uint8Array,
  now: UnixSeconds,
): GmsCertificate | GmsCertificateFault {
  if (bytes.length !== GMS_CERTIFICATE_SIZE) return 'gms-length';
  const reader = new ByteReader(bytes);
  if (reader.u8() !== VERSION) return 'gms-version';
  if (!reader.zeros(3)) return 'gms-pad';
  const gmsKey = reader.raw(32);
  const [notBefore, notAfter] = [unixSeconds(reader.u32()), unixSeconds(reader.u32())];
  if (compareBytes(reader.raw(8), issuerOf(provider, caPk)) !== 0) return 'gms-unknown-issuer';
  const signed = concat(utf8(CRYPTO_LABEL.gms), bytes.subarray(0, SIGNED));
  if (!provider.ed25519Verify(caPk, signed, bytes.subarray(SIGNED))) return 'gms-signature';
  if (now < notBefore) return 'gms-not-yet-valid';
  return now < notAfter ? { gmsKey, notBefore, notAfter } : 'gms-expired';
}
