import { type UnixSeconds, unixSeconds } from '../../base/brands.ts';
import {
  type CaPart,
  CREDENTIAL_SIZE,
  type CredentialFault,
  decodeCredential,
  KEY_PART_MAX_LIFE,
  verifyCaPart,
  verifyKeyPart,
} from '../../crypto/credential.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';

/** Who is at the other end of a session. */
export interface SessionNode {
  readonly caPart: CaPart;
  /** One of the two parts is out of its time: the node may renew, and nothing else. */
  readonly expired: boolean;
}

/**
 * Checks what a node shows in `hello`: the CA's signature, the node's own over the X25519 key that the handshake proved, and
 * both times. Times are no reason to turn it away, since it could then never come back: a certificate may have ended while the
 * machine was off, and a clock may be wrong on either side (protocol.md 11).
 */
export function checkCredential(
  provider: CryptoProvider,
  bytes: Uint8Array,
  remoteStatic: Uint8Array,
  caPublic: Uint8Array,
  now: UnixSeconds,
): SessionNode | CredentialFault {
  const stated = decodeCredential(bytes);
  if (typeof stated === 'string') return stated;
  const keyEnd = stated.keyPart.notAfter;
  // each signature is checked at a time at which its part is valid; what the time is, comes after
  const ca = bytes.subarray(0, CREDENTIAL_SIZE.caPart);
  const caPart = verifyCaPart(provider, ca, [caPublic], stated.caPart.notBefore);
  if (typeof caPart === 'string') return caPart;
  const beforeEnd = unixSeconds(keyEnd - 1);
  const keyPart = verifyKeyPart(provider, bytes.subarray(CREDENTIAL_SIZE.caPart), caPart, remoteStatic, beforeEnd);
  if (typeof keyPart === 'string') return keyPart;
  // before notBefore it is our own clock that was set back: we issued it
  const expired = now >= caPart.notAfter || now >= keyEnd || keyEnd - now > KEY_PART_MAX_LIFE;
  return { caPart, expired };
}
