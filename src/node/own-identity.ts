import { type Millis, millis, type UnixSeconds } from '../base/brands.ts';
import { createIdentity, type Identity, renewalDue, renewIdentity, wipeIdentity } from '../crypto/identity.ts';
import type { CryptoProvider } from '../crypto/provider.ts';

/** How long the secrets of a replaced identity are kept, in milliseconds: more than any handshake lasts. */
const FORMER = 60_000;

interface IdentityTools {
  readonly provider: CryptoProvider;
  random(length: number): Uint8Array;
}

/** The identity in use, and those that handshakes under way may still need. */
export class OwnIdentity {
  readonly #tools: IdentityTools;
  #current: Identity;
  /** oldest first */
  readonly #former: { readonly identity: Identity; readonly since: Millis }[] = [];

  /** `edSeed` belongs to the identity from here on. Throws RangeError where key and certificate do not fit, or it has expired. */
  constructor(tools: IdentityTools, edSeed: Uint8Array, caPart: Uint8Array, unix: UnixSeconds) {
    this.#tools = tools;
    this.#current = this.#make(edSeed, caPart, unix);
  }

  get current(): Identity {
    return this.#current;
  }

  /** Another certificate, with a fresh X25519 key. */
  replace(edSeed: Uint8Array, caPart: Uint8Array, unix: UnixSeconds, now: Millis): void {
    this.#take(this.#make(edSeed, caPart, unix), now);
  }

  /** The node signs a fresh X25519 key by itself, days before the old one ends (protocol.md 1.3). */
  tick(unix: UnixSeconds, now: Millis): void {
    if (renewalDue(this.#current, unix)) {
      const { provider, random } = this.#tools;
      const renewed = renewIdentity(provider, this.#current, random(32), unix);
      if (typeof renewed !== 'string') this.#take(renewed, now);
    }
    this.#wipeFormer(millis(now - FORMER));
  }

  wipe(): void {
    this.#wipeFormer(millis(Number.POSITIVE_INFINITY));
    wipeIdentity(this.#current);
  }

  #make(edSeed: Uint8Array, caPart: Uint8Array, unix: UnixSeconds): Identity {
    const { provider, random } = this.#tools;
    const identity = createIdentity(provider, edSeed, caPart, random(32), unix);
    if (typeof identity === 'string') throw new RangeError(`identity: ${identity}`);
    return identity;
  }

  #take(identity: Identity, now: Millis): void {
    this.#former.push({ identity: this.#current, since: now });
    this.#current = identity;
  }

  #wipeFormer(until: Millis): void {
    while (this.#former.length > 0 && this.#former[0].since <= until) {
      const gone = this.#former.shift();
      if (gone) wipeIdentity(gone.identity);
    }
  }
}
