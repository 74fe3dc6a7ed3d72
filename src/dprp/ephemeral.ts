import type { Millis } from '../base/brands.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { toHex, wipe } from '../base/bytes.ts';
import type { CryptoProvider, KeyPair } from '../crypto/provider.ts';

/** Mixed into every ephemeral: a secret of this installation and a number that grows with each start. */
export interface Hedge {
  readonly key: Uint8Array;
  readonly bootCounter: number;
}

/** A pair that was made ahead is used within this time or wiped: what lies in memory unused is a key that could be stolen. */
const SPARE_LIFE = 60_000;

/** More than all handshakes that can be open at once. */
const REMEMBERED = 8_192;

/**
 * Makes ephemeral keys that stay distinct and unknown even when the random source repeats itself:
 * e = HMAC(hedge key, 32 random bytes ‖ boot counter ‖ time) (protocol.md 2.4).
 */
export class EphemeralSource {
  readonly #provider: CryptoProvider;
  readonly #random: (length: number) => Uint8Array;
  readonly #hedge: Hedge;
  readonly #recent = new Set<string>();
  #lastTime = 0;
  #spare: { readonly pair: KeyPair; readonly madeAt: Millis } | undefined;

  constructor(provider: CryptoProvider, random: (length: number) => Uint8Array, hedge: Hedge) {
    this.#provider = provider;
    this.#random = random;
    this.#hedge = hedge;
  }

  keyPair(now: Millis): KeyPair {
    const spare = this.#spare;
    this.#spare = undefined;
    if (spare !== undefined && now - spare.madeAt < SPARE_LIFE) return spare.pair;
    return this.#make(now);
  }

  /** Makes the next pair in a quiet moment, so that a handshake does not wait for it. */
  prepare(now: Millis): void {
    if (this.#spare !== undefined && now - this.#spare.madeAt < SPARE_LIFE) return;
    if (this.#spare !== undefined) wipe(this.#spare.pair.secretKey);
    this.#spare = { pair: this.#make(now), madeAt: now };
  }

  #make(now: Millis): KeyPair {
    // Microseconds that never stand still, so that two keys of one millisecond differ in this field too.
    this.#lastTime = Math.max(Math.floor(now * 1000), this.#lastTime + 1);
    const random = this.#random(32);
    const input = new ByteWriter(32 + 4 + 8)
      .raw(random)
      .u32(this.#hedge.bootCounter)
      .u32(Math.floor(this.#lastTime / 2 ** 32))
      .u32(this.#lastTime >>> 0)
      .finish();
    const seed = this.#provider.hmac(this.#hedge.key, input);
    const pair = this.#provider.x25519KeyPair(seed);
    // Copies, because a provider may hand the seed itself back as the secret key.
    const own = { publicKey: pair.publicKey.slice(), secretKey: pair.secretKey.slice() };
    wipe(random, input, seed);
    this.#remember(own.publicKey);
    return own;
  }

  /** Whether a public key is one of the last that were made here: what comes back is a reflection (protocol.md H8). */
  isOwn(publicKey: Uint8Array): boolean {
    return this.#recent.has(toHex(publicKey));
  }

  #remember(publicKey: Uint8Array): void {
    this.#recent.add(toHex(publicKey));
    for (const oldest of this.#recent) {
      if (this.#recent.size <= REMEMBERED) break;
      this.#recent.delete(oldest);
    }
  }
}
