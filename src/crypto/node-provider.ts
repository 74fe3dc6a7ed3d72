import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  diffieHellman,
  hash,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { concat, equalConstantTime, wipe } from '../base/bytes.ts';
import { acceptableEd25519Signature } from './ed25519-point.ts';
import { hkdfExpandBy } from './hkdf-expand.ts';
import { nobleProvider } from './noble-provider.ts';
import { type CryptoProvider, type KeyPair, LENGTH, requireLength } from './provider.ts';

type Curve = 'X25519' | 'Ed25519';

/** OpenSSL by way of node:crypto, where speed matters; XChaCha20, which it lacks, stays noble's. */
export const nodeProvider: CryptoProvider = {
  sha256: (data) => plain(hash('sha256', data, 'buffer')),
  hmac,
  hkdfExtract: hmac,
  hkdfExpand: (prk, info, length) => hkdfExpandBy(hmac, prk, info, length),

  x25519KeyPair: (seed) => keyPair('X25519', seed),
  x25519(secretKey, publicKey) {
    const privateKey = secretKeyObject('X25519', secretKey);
    if (publicKey.length !== LENGTH.key) return null;
    try {
      return plain(diffieHellman({ privateKey, publicKey: publicKeyObject('X25519', publicKey) }));
    } catch {
      return null; // OpenSSL refuses all-zero results by an exception
    }
  },

  ed25519KeyPair: (seed) => keyPair('Ed25519', seed),
  ed25519Sign: (secretKey, message) => plain(sign(null, message, secretKeyObject('Ed25519', secretKey))),
  ed25519Verify(publicKey, message, signature) {
    if (!acceptableEd25519Signature(publicKey, signature)) return false;
    try {
      return verify(null, message, publicKeyObject('Ed25519', publicKey), signature);
    } catch {
      return false; // not a point of the curve
    }
  },

  chachaSeal(key, nonce, aad, plaintext) {
    requireLength(nonce, LENGTH.nonce, 'chacha nonce');
    const cipher = createCipheriv('chacha20-poly1305', symmetricKey(key), nonce, { authTagLength: LENGTH.tag });
    cipher.setAAD(aad, { plaintextLength: plaintext.length });
    const body = cipher.update(plaintext);
    cipher.final();
    return concat(body, cipher.getAuthTag());
  },
  chachaOpen(key, nonce, aad, ciphertext) {
    requireLength(nonce, LENGTH.nonce, 'chacha nonce');
    const split = ciphertext.length - LENGTH.tag;
    if (split < 0) return null;
    const decipher = createDecipheriv('chacha20-poly1305', symmetricKey(key), nonce, { authTagLength: LENGTH.tag });
    decipher.setAAD(aad, { plaintextLength: split });
    decipher.setAuthTag(ciphertext.subarray(split));
    const body = plain(decipher.update(ciphertext.subarray(0, split)));
    try {
      decipher.final();
      return body;
    } catch {
      body.fill(0);
      return null;
    }
  },
  xchachaSeal: nobleProvider.xchachaSeal,
  xchachaOpen: nobleProvider.xchachaOpen,
};

/** As an object: of plain bytes Node finds out that they are no key object by an exception, which takes longer than the sealing. */
function symmetricKey(key: Uint8Array): KeyObject {
  requireLength(key, LENGTH.key, 'chacha key');
  return createSecretKey(key);
}

const HASH_BLOCK = 64;

/** HMAC by two calls of the one-shot hash: making an Hmac object costs three times as much as hashing a short message. */
function hmac(key: Uint8Array, data: Uint8Array): Uint8Array {
  const short = key.length > HASH_BLOCK ? plain(hash('sha256', key, 'buffer')) : key;
  const inner = new Uint8Array(HASH_BLOCK + data.length);
  const outer = new Uint8Array(HASH_BLOCK + LENGTH.hash);
  for (let i = 0; i < HASH_BLOCK; i++) {
    const byte = i < short.length ? short[i] : 0;
    inner[i] = byte ^ 0x36;
    outer[i] = byte ^ 0x5c;
  }
  inner.set(data, HASH_BLOCK);
  outer.set(hash('sha256', inner, 'buffer'), HASH_BLOCK);
  const mac = plain(hash('sha256', outer, 'buffer'));
  wipe(inner, outer);
  return mac;
}

/**
 * Loading a secret key costs more than using it (37 µs against 30 µs), so the loaded form lives as long as the caller's array.
 * It is bound to the bytes as well: an array that was wiped or written anew no longer finds it.
 */
interface LoadedKey {
  readonly curve: Curve;
  readonly bytes: Uint8Array;
  readonly object: KeyObject;
}

const loadedKeys = new WeakMap<Uint8Array, LoadedKey>();

function secretKeyObject(curve: Curve, secretKey: Uint8Array): KeyObject {
  requireLength(secretKey, LENGTH.key, `${curve} secret key`);
  const loaded = loadedKeys.get(secretKey);
  if (loaded !== undefined && loaded.curve === curve && equalConstantTime(loaded.bytes, secretKey))
    return loaded.object;
  // JWK, because OpenSSL's DER decoder takes ten times as long; `x` is only checked for its length and computed anew from `d`
  const jwk = { kty: 'OKP', crv: curve, x: NO_PUBLIC_KEY, d: base64url(secretKey) };
  const object = withoutStack(() => createPrivateKey({ key: jwk, format: 'jwk' }));
  loadedKeys.set(secretKey, { curve, bytes: secretKey.slice(), object });
  return object;
}

const NO_PUBLIC_KEY = base64url(new Uint8Array(LENGTH.key));

function publicKeyObject(curve: Curve, publicKey: Uint8Array): KeyObject {
  const key = { kty: 'OKP', crv: curve, x: base64url(publicKey) };
  return withoutStack(() => createPublicKey({ key, format: 'jwk' }));
}

/** Node finds out by two exceptions that a JWK is no key object; writing down where they came from takes two thirds of the time. */
function withoutStack<T>(make: () => T): T {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return make();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function keyPair(curve: Curve, seed: Uint8Array): KeyPair {
  const secretKey = Uint8Array.from(seed);
  const { x } = secretKeyObject(curve, secretKey).export({ format: 'jwk' });
  if (x === undefined) throw new Error(`${curve}: key without a public part`);
  return { publicKey: plain(Buffer.from(x, 'base64url')).slice(), secretKey };
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url');
}

/** The same bytes as a plain Uint8Array: a Buffer's `slice` shares memory instead of copying. */
function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
