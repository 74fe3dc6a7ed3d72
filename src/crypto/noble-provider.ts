import { chacha20poly1305, xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { expand, extract } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { concat, equalConstantTime } from '../base/bytes.ts';
import { acceptableEd25519Signature } from './ed25519-point.ts';
import { type CryptoProvider, LENGTH, requireHkdfLength, requireLength } from './provider.ts';

/** The reference implementation, in plain TypeScript: every core's tests and browsers run it. */
export const nobleProvider: CryptoProvider = {
  sha256: (data) => sha256(data),
  hmac: (key, data) => hmac(sha256, key, data),
  hkdfExtract: (salt, ikm) => extract(sha256, ikm, salt),
  hkdfExpand(prk, info, length) {
    requireHkdfLength(length);
    return expand(sha256, prk, info, length);
  },

  x25519KeyPair(seed) {
    requireLength(seed, LENGTH.key, 'x25519 seed');
    return { publicKey: x25519.getPublicKey(seed), secretKey: seed.slice() };
  },
  x25519(secretKey, publicKey) {
    requireLength(secretKey, LENGTH.key, 'x25519 secret key');
    return publicKey.length === LENGTH.key ? orNull(() => x25519.getSharedSecret(secretKey, publicKey)) : null;
  },

  ed25519KeyPair(seed) {
    requireLength(seed, LENGTH.key, 'ed25519 seed');
    return { publicKey: ed25519.getPublicKey(seed), secretKey: seed.slice() };
  },
  ed25519Sign(secretKey, message) {
    requireLength(secretKey, LENGTH.key, 'ed25519 seed');
    return ed25519.sign(message, secretKey);
  },
  ed25519Verify(publicKey, message, signature) {
    if (!acceptableEd25519Signature(publicKey, signature)) return false;
    return orNull(() => verifyWithoutCofactor(publicKey, message, signature)) ?? false;
  },

  chachaSeal(key, nonce, aad, plaintext) {
    requireLength(key, LENGTH.key, 'chacha key');
    requireLength(nonce, LENGTH.nonce, 'chacha nonce');
    return chacha20poly1305(key, nonce, aad).encrypt(plaintext);
  },
  chachaOpen(key, nonce, aad, ciphertext) {
    requireLength(key, LENGTH.key, 'chacha key');
    requireLength(nonce, LENGTH.nonce, 'chacha nonce');
    return orNull(() => chacha20poly1305(key, nonce, aad).decrypt(ciphertext));
  },
  xchachaSeal(key, nonce, aad, plaintext) {
    requireLength(key, LENGTH.key, 'xchacha key');
    requireLength(nonce, LENGTH.xnonce, 'xchacha nonce');
    return xchacha20poly1305(key, nonce, aad).encrypt(plaintext);
  },
  xchachaOpen(key, nonce, aad, ciphertext) {
    requireLength(key, LENGTH.key, 'xchacha key');
    requireLength(nonce, LENGTH.xnonce, 'xchacha nonce');
    return orNull(() => xchacha20poly1305(key, nonce, aad).decrypt(ciphertext));
  },
};

/**
 * S·B − k·A must encode to the very bytes of R, as OpenSSL checks it. Noble's own `verify` multiplies by the cofactor even
 * when strict: a signature that only some members accept would split a roster (protocol.md 9.3).
 */
function verifyWithoutCofactor(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const { Point } = ed25519;
  const r = signature.subarray(0, 32);
  const s = Point.Fn.fromBytes(signature.subarray(32));
  const k = Point.Fn.create(littleEndian(sha512(concat(r, publicKey, message))));
  const kA = Point.fromBytes(publicKey, false).multiplyUnsafe(k);
  return equalConstantTime(Point.BASE.multiplyUnsafe(s).subtract(kA).toBytes(), r);
}

function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]);
  return value;
}

/** Noble throws on what a peer got wrong. */
function orNull<T>(attempt: () => T): T | null {
  try {
    return attempt();
  } catch {
    return null;
  }
}
