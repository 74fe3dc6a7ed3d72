import { acceptableEd25519Signature } from '../crypto/ed25519-point.ts';
import { nobleProvider } from '../crypto/noble-provider.ts';
import { type CryptoProvider, type KeyPair, LENGTH, requireHkdfLength, requireLength } from '../crypto/provider.ts';
import type { HandshakePrimitives } from '../native/addon.ts';

/**
 * The crypto provider over the addon: half the time of node:crypto, and no secret ever becomes a key object or a string
 * that cannot be wiped. Same bytes and same refusals as the others; XChaCha20, which libcrypto lacks, stays noble's.
 */
export function addonProvider(addon: HandshakePrimitives): CryptoProvider {
  const hmac = (key: Uint8Array, data: Uint8Array): Uint8Array => {
    const out = new Uint8Array(LENGTH.hash);
    done(addon.hmacSha256(key, data, out), 'hmac');
    return out;
  };
  return {
    sha256(data) {
      const out = new Uint8Array(LENGTH.hash);
      done(addon.sha256(data, out), 'sha256');
      return out;
    },
    hmac,
    hkdfExtract: hmac,
    hkdfExpand(prk, info, length) {
      requireHkdfLength(length);
      const out = new Uint8Array(length);
      done(addon.hkdfExpand(prk, info, out), 'hkdf');
      return out;
    },
    x25519KeyPair: (seed) => keyPair(seed, (secret, out) => addon.x25519PublicKey(secret, out)),
    x25519(secretKey, publicKey) {
      requireLength(secretKey, LENGTH.key, 'X25519 secret key');
      const out = new Uint8Array(LENGTH.key);
      return addon.x25519Agree(secretKey, publicKey, out) ? out : null; // A5
    },
    ed25519KeyPair: (seed) => keyPair(seed, (secret, out) => addon.ed25519PublicKey(secret, out)),
    ed25519Sign(secretKey, message) {
      requireLength(secretKey, LENGTH.key, 'Ed25519 secret key');
      const out = new Uint8Array(LENGTH.signature);
      done(addon.ed25519Sign(secretKey, message, out), 'Ed25519');
      return out;
    },
    ed25519Verify: (publicKey, message, signature) =>
      acceptableEd25519Signature(publicKey, signature) && addon.ed25519Verify(publicKey, message, signature), // A5
    chachaSeal(key, nonce, aad, plaintext) {
      requireLength(key, LENGTH.key, 'chacha key');
      requireLength(nonce, LENGTH.nonce, 'chacha nonce');
      const out = new Uint8Array(plaintext.length + LENGTH.tag);
      done(addon.chachaSeal(key, nonce, aad, plaintext, out), 'chacha');
      return out;
    },
    chachaOpen(key, nonce, aad, ciphertext) {
      requireLength(key, LENGTH.key, 'chacha key');
      requireLength(nonce, LENGTH.nonce, 'chacha nonce');
      if (ciphertext.length < LENGTH.tag) return null;
      const out = new Uint8Array(ciphertext.length - LENGTH.tag);
      return addon.chachaOpen(key, nonce, aad, ciphertext, out) ? out : null;
    },
    xchachaSeal: nobleProvider.xchachaSeal,
    xchachaOpen: nobleProvider.xchachaOpen,
  };
}

function keyPair(seed: Uint8Array, publicKeyOf: (secret: Uint8Array, out: Uint8Array) => boolean): KeyPair {
  requireLength(seed, LENGTH.key, 'seed');
  const secretKey = Uint8Array.from(seed);
  const publicKey = new Uint8Array(LENGTH.key);
  done(publicKeyOf(secretKey, publicKey), 'key pair');
  return { publicKey, secretKey };
}

/** With right lengths these fail only where libcrypto has no memory: a broken invariant. */
function done(good: boolean, what: string): void {
  if (!good) throw new Error(`libcrypto refused: ${what}`);
}
