import { type UnixSeconds, unixSeconds } from '../base/brands.ts';
import { concat, wipe } from '../base/bytes.ts';
import { type CaPart, type CaPartFault, CREDENTIAL_SIZE, decodeCaPart, encodeKeyPart, nodeIdOf } from './credential.ts';
import type { CryptoProvider } from './provider.ts';

/** Life of a key part made here: a day below the 7 days that peers accept, for clocks that differ. */
const KEY_PART_LIFE = 6 * 86_400;
/** A key part is made anew when less than this is left. */
const KEY_PART_RENEW = 2 * 86_400;

/** This node's own secrets and what it shows of itself; `credential` is sent, the seeds never are. */
export interface Identity {
  readonly caPart: CaPart;
  readonly edPublic: Uint8Array;
  /** Ed25519 seed */
  readonly edSecret: Uint8Array;
  readonly xPublic: Uint8Array;
  readonly xSecret: Uint8Array;
  /** CA part and key part, 268 bytes (protocol.md 1.3). */
  readonly credential: Uint8Array;
  readonly keyNotAfter: UnixSeconds;
}

export type IdentityFault = CaPartFault | 'other-key' | 'expired';

/**
 * Makes the identity that a CA part and the node's Ed25519 seed allow, with a fresh X25519 key from 32 random bytes.
 * The node signs that key itself: neither CA nor server takes part, so an offline node renews alone (protocol.md 1.3).
 */
export function createIdentity(
  provider: CryptoProvider,
  edSeed: Uint8Array,
  caPartBytes: Uint8Array,
  xSeed: Uint8Array,
  now: UnixSeconds,
): Identity | IdentityFault {
  const caPart = decodeCaPart(caPartBytes);
  if (typeof caPart === 'string') return caPart;
  const ed = provider.ed25519KeyPair(edSeed);
  if (caPart.nodeId !== nodeIdOf(provider, ed.publicKey)) return 'other-key';
  if (now >= caPart.notAfter) return 'expired';
  const x = provider.x25519KeyPair(xSeed);
  const keyNotAfter = unixSeconds(Math.min(now + KEY_PART_LIFE, caPart.notAfter));
  const keyPart = encodeKeyPart(provider, ed.secretKey, caPart.nodeId, x.publicKey, keyNotAfter);
  return {
    caPart,
    edPublic: ed.publicKey,
    edSecret: ed.secretKey,
    xPublic: x.publicKey,
    xSecret: x.secretKey,
    credential: concat(caPartBytes, keyPart),
    keyNotAfter,
  };
}

/** Whether the key part nears its end; never when the CA part ends as soon, since renewing would not help. */
export function renewalDue(identity: Identity, now: UnixSeconds): boolean {
  return identity.keyNotAfter - now < KEY_PART_RENEW && identity.keyNotAfter < identity.caPart.notAfter;
}

/** The same node with a fresh X25519 key. Handshakes under way may still use the old one: wipe it when they have ended. */
export function renewIdentity(
  provider: CryptoProvider,
  identity: Identity,
  xSeed: Uint8Array,
  now: UnixSeconds,
): Identity | IdentityFault {
  return createIdentity(provider, identity.edSecret, identity.credential.slice(0, CREDENTIAL_SIZE.caPart), xSeed, now);
}

/** Overwrites the secrets of an identity that is no longer used. */
export function wipeIdentity(identity: Identity): void {
  wipe(identity.edSecret, identity.xSecret);
}
