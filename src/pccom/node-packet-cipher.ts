import { type CipherGCM, createCipheriv, createDecipheriv, type DecipherGCM } from 'node:crypto';
import { wipe } from '../base/bytes.ts';
import { SUITE, type Suite, TAG } from '../base/primitives.ts';
import type { PacketCipher, PacketKey } from './packet-cipher.ts';

const OPTIONS = { authTagLength: TAG } as const;

function sealer(suite: Suite, key: Uint8Array, nonce: Uint8Array): CipherGCM {
  return suite === SUITE.aes256gcm
    ? createCipheriv('aes-256-gcm', key, nonce, OPTIONS)
    : createCipheriv('chacha20-poly1305', key, nonce, OPTIONS);
}

function opener(suite: Suite, key: Uint8Array, nonce: Uint8Array): DecipherGCM {
  return suite === SUITE.aes256gcm
    ? createDecipheriv('aes-256-gcm', key, nonce, OPTIONS)
    : createDecipheriv('chacha20-poly1305', key, nonce, OPTIONS);
}

class NodePacketKey implements PacketKey {
  readonly #suite: Suite;
  readonly #key: Uint8Array;

  constructor(suite: Suite, key: Uint8Array) {
    this.#suite = suite;
    this.#key = key.slice();
  }

  seal(nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array, out: Uint8Array): void {
    const cipher = sealer(this.#suite, this.#key, nonce);
    cipher.setAAD(aad);
    out.set(cipher.update(plaintext));
    cipher.final();
    out.set(cipher.getAuthTag(), plaintext.length);
  }

  openInPlace(nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): boolean {
    if (sealed.length < TAG) return false;
    const end = sealed.length - TAG;
    const decipher = opener(this.#suite, this.#key, nonce);
    decipher.setAAD(aad);
    decipher.setAuthTag(sealed.subarray(end));
    const plaintext = decipher.update(sealed.subarray(0, end));
    try {
      decipher.final();
    } catch {
      return false;
    }
    sealed.set(plaintext);
    return true;
  }

  wipe(): void {
    wipe(this.#key);
  }
}

/** The packet cipher of the platform's OpenSSL: synchronous and pure, about twenty times as fast as plain JavaScript. */
export const nodePacketCipher: PacketCipher = {
  name: 'node:crypto',
  load: (suite, key) => new NodePacketKey(suite, key),
};
