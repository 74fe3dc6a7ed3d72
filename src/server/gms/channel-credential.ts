import { type UnixSeconds, unixSeconds } from '../../base/brands.ts';
import {
  type CaPart,
  type CredentialFault,
  decodeCredential,
  KEY_PART_MAX_LIFE,
  verifyCredential,
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
  const { notBefore, notAfter } = stated.caPart;
  const keyEnd = stated.keyPart.notAfter;
  // signatures are checked at a time at which both parts are valid, if there is one; what the time is, below
  const inTime = unixSeconds(Math.max(notBefore, Math.min(notAfter, keyEnd) - 1));
  const verified = verifyCredential(provider, bytes, remoteStatic, [caPublic], inTime);
  if (typeof verified === 'string') return verified;
  // before notBefore our own clock was set back: we issued it
  const expired = now >= notAfter || now >= keyEnd || keyEnd - now > KEY_PART_MAX_LIFE;
  return { caPart: verified.caPart, expired };
}
