import { gcm } from '@noble/ciphers/aes.js';
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { wipe } from '../base/bytes.ts';
import { SUITE, type Suite } from '../base/primitives.ts';
import type { PacketCipher, PacketKey } from './packet-cipher.ts';

class NoblePacketKey implements PacketKey {
  readonly #aead: typeof gcm | typeof chacha20poly1305;
  readonly #key: Uint8Array;

  constructor(suite: Suite, key: Uint8Array) {
    this.#aead = suite === SUITE.aes256gcm ? gcm : chacha20poly1305;
    this.#key = key.slice();
  }

  seal(nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array, out: Uint8Array): void {
    out.set(this.#aead(this.#key, nonce, aad).encrypt(plaintext));
  }

  openInPlace(nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): boolean {
    try {
      sealed.set(this.#aead(this.#key, nonce, aad).decrypt(sealed));
      return true;
    } catch {
      return false;
    }
  }

  wipe(): void {
    wipe(this.#key);
  }
}

/** The packet cipher in plain JavaScript: the reference, and what runs where there is no OpenSSL. */
export const noblePacketCipher: PacketCipher = {
  name: 'noble',
  load: (suite, key) => new NoblePacketKey(suite, key),
};
