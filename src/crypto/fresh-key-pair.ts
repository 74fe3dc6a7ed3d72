import { wipe } from '../base/bytes.ts';
import type { CryptoProvider, KeyPair } from './provider.ts';

/** An X25519 key pair for one handshake or session. Nothing is left of the randomness that it was made of but its secret key. */
export function freshKeyPair(provider: CryptoProvider, random: (length: number) => Uint8Array): KeyPair {
  const seed = random(32);
  const { publicKey, secretKey } = provider.x25519KeyPair(seed);
  // copied, because a provider may hand the seed itself back as the secret key
  const own = { publicKey, secretKey: secretKey.slice() };
  wipe(seed, secretKey);
  return own;
}
