import { ByteWriter } from '../base/byte-writer.ts';
import { concat, equalConstantTime, fromHex, utf8 } from '../base/bytes.ts';
import { type CryptoProvider, LENGTH } from './provider.ts';

/*
 * What a node proves when it enrols (protocol.md 11), over
 *
 *   claim = handshake hash 32 · token id 8 · ed_pk 32 · length of the name 2 · name
 *
 *   signature   Ed25519 by ed_pk over "gscip1 csr" ‖ claim       the node has the key that it wants certified
 *   mac         HMAC(secret of the token, "gscip1 join" ‖ claim) it has the token; the secret itself is never sent
 *
 * The handshake hash makes both worthless in any other channel.
 */

/** Labels of an enrolment; no other signed or hashed thing has one of them. */
export const ENROLMENT_LABEL = {
  /** fingerprint of the account server's key in a join token */
  as: 'gscip1 as',
  csr: 'gscip1 csr',
  join: 'gscip1 join',
} as const;

export interface EnrolmentClaim {
  /** hash of the channel */
  readonly hash: Uint8Array;
  /** 16 hex digits */
  readonly tokenId: string;
  readonly edPublic: Uint8Array;
  readonly name: string;
}

/** The 16 bytes by which a join token names the account server's X25519 key. */
export function asFingerprint(provider: CryptoProvider, asKey: Uint8Array): Uint8Array {
  return provider.sha256(concat(utf8(ENROLMENT_LABEL.as), asKey)).slice(0, 16);
}

/** Whether this is the key that the token means: a node goes on with no other (E1). */
export function isNamedKey(provider: CryptoProvider, asKey: Uint8Array, fingerprint: Uint8Array): boolean {
  return equalConstantTime(asFingerprint(provider, asKey), fingerprint);
}

export function signClaim(provider: CryptoProvider, claim: EnrolmentClaim, edSeed: Uint8Array): Uint8Array {
  return provider.ed25519Sign(edSeed, concat(utf8(ENROLMENT_LABEL.csr), claimBytes(claim)));
}

export function verifyClaim(provider: CryptoProvider, claim: EnrolmentClaim, signature: Uint8Array): boolean {
  const signed = concat(utf8(ENROLMENT_LABEL.csr), claimBytes(claim));
  return provider.ed25519Verify(claim.edPublic, signed, signature);
}

export function macClaim(provider: CryptoProvider, claim: EnrolmentClaim, secret: Uint8Array): Uint8Array {
  return provider.hmac(secret, macCovered(claim));
}

/** What the mac is over. */
export function macCovered(claim: EnrolmentClaim): Uint8Array {
  return concat(utf8(ENROLMENT_LABEL.join), claimBytes(claim));
}

/** In time that does not depend on where the two differ. */
export function verifyMac(
  provider: CryptoProvider,
  claim: EnrolmentClaim,
  secret: Uint8Array,
  mac: Uint8Array,
): boolean {
  return equalConstantTime(macClaim(provider, claim, secret), mac);
}

function claimBytes({ hash, tokenId, edPublic, name }: EnrolmentClaim): Uint8Array {
  const text = utf8(name);
  return new ByteWriter(LENGTH.hash + 8 + LENGTH.key + 2 + text.length)
    .raw(hash)
    .raw(fromHex(tokenId))
    .raw(edPublic)
    .u16(text.length)
    .raw(text)
    .finish();
}
