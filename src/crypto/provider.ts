/** An X25519 or Ed25519 key pair; for Ed25519 `secretKey` is the 32-byte seed. */
export interface KeyPair {
  readonly publicKey: Uint8Array;
  readonly secretKey: Uint8Array;
}

/** Byte lengths of the primitives below. */
export const LENGTH = { key: 32, hash: 32, signature: 64, tag: 16, nonce: 12, xnonce: 24 } as const;

/**
 * The primitives that every core takes as an argument; the two implementations give the same bytes and refuse the same inputs.
 * A wrong length of our own keys, seeds and nonces throws a RangeError; whatever a peer may have sent never throws.
 */
export interface CryptoProvider {
  sha256(data: Uint8Array): Uint8Array;
  hmac(key: Uint8Array, data: Uint8Array): Uint8Array;
  /** RFC 5869; 32 bytes. */
  hkdfExtract(salt: Uint8Array, ikm: Uint8Array): Uint8Array;
  /** RFC 5869; at most 255 × 32 bytes. */
  hkdfExpand(prk: Uint8Array, info: Uint8Array, length: number): Uint8Array;

  x25519KeyPair(seed: Uint8Array): KeyPair;
  /** Null when the result is all zero, as small-order public keys give, or the public key is not 32 bytes (protocol.md 1.3). */
  x25519(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array | null;

  ed25519KeyPair(seed: Uint8Array): KeyPair;
  ed25519Sign(secretKey: Uint8Array, message: Uint8Array): Uint8Array;
  /** Strict RFC 8032: canonical encodings, S < L, no key and no R of small order, the equation without cofactor (protocol.md 1.3). */
  ed25519Verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;

  /** ChaCha20-Poly1305 (RFC 8439): ciphertext, then the 16-byte tag. */
  chachaSeal(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Uint8Array;
  chachaOpen(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array): Uint8Array | null;
  /** XChaCha20-Poly1305 with a 24-byte nonce. */
  xchachaSeal(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Uint8Array;
  xchachaOpen(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array): Uint8Array | null;
}

/** Throws when bytes of our own making have the wrong length: a broken invariant, never a peer's doing. */
export function requireLength(bytes: Uint8Array, length: number, what: string): void {
  if (bytes.length !== length) throw new RangeError(`${what}: ${bytes.length} bytes instead of ${length}`);
}

/** Throws beyond what RFC 5869 can expand to. */
export function requireHkdfLength(length: number): void {
  if (length > 255 * LENGTH.hash) throw new RangeError(`hkdf: ${length} bytes are more than 255 blocks`);
}
