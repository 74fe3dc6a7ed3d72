import { BoundedMap } from '../base/bounded-map.ts';
import type { UnixSeconds } from '../base/brands.ts';
import { concat, toHex } from '../base/bytes.ts';
import { isIssuedBy } from '../crypto/ca-part-memory.ts';
import {
  type Credential,
  type CredentialFault,
  decodeCredential,
  KEY_PART_MAX_LIFE,
  verifyCredential,
} from '../crypto/credential.ts';
import type { CryptoProvider } from '../crypto/provider.ts';

/** Credentials remembered; beyond, the oldest is verified again. */
const REMEMBERED = 4_096;

/**
 * Verifies the peers' credentials and remembers the good ones by their hash, so that a rekey costs no signature check.
 * What changes with time — validity and the set of accepted CAs — is asked again each time.
 */
export class PeerCredentials {
  readonly #provider: CryptoProvider;
  readonly #verified = new BoundedMap<string, true>(REMEMBERED);

  constructor(provider: CryptoProvider) {
    this.#provider = provider;
  }

  /** bytes: 268 as received; xPk: the key that came as Noise's `s`. */
  verify(
    bytes: Uint8Array,
    xPk: Uint8Array,
    caPks: readonly Uint8Array[],
    now: UnixSeconds,
  ): Credential | CredentialFault {
    const name = toHex(this.#provider.sha256(concat(bytes, xPk)));
    const known = this.#verified.has(name) ? decodeCredential(bytes) : 'unknown';
    if (typeof known !== 'string') return this.#stillValid(known, caPks, now);
    const credential = verifyCredential(this.#provider, bytes, xPk, caPks, now);
    if (typeof credential !== 'string') this.#verified.set(name, true);
    return credential;
  }

  #stillValid(known: Credential, caPks: readonly Uint8Array[], now: UnixSeconds): Credential | CredentialFault {
    const { caPart, keyPart } = known;
    if (!isIssuedBy(this.#provider, caPart, caPks)) return 'unknown-issuer';
    if (now < caPart.notBefore) return 'not-yet-valid';
    if (now >= caPart.notAfter) return 'expired';
    if (now >= keyPart.notAfter) return 'key-expired';
    return keyPart.notAfter - now > KEY_PART_MAX_LIFE ? 'key-life' : known;
  }
}
