import type { Suite } from '../base/primitives.ts';

/** One loaded traffic key of one direction. The nonce comes from the lane that owns it, never from a caller of the primitives (protocol.md 5.4). */
export interface PacketKey {
  /** Writes ciphertext and tag of `plaintext` to `out`, which is 16 bytes longer and does not overlap it. */
  seal(nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array, out: Uint8Array): void;
  /** Writes the plaintext of `sealed` (ciphertext and tag) to its own front. False, and `sealed` untouched, when the tag does not fit. */
  openInPlace(nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): boolean;
  /** Overwrites the key; the object is not used afterwards. */
  wipe(): void;
}

/** Loads keys of the two traffic suites (protocol.md 1.1 D7); the key bytes are copied. */
export interface PacketCipher {
  readonly name: string;
  load(suite: Suite, key: Uint8Array): PacketKey;
}
