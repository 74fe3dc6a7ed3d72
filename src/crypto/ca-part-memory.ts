import { BoundedMap } from '../base/bounded-map.ts';
import type { UnixSeconds } from '../base/brands.ts';
import { compareBytes, toHex } from '../base/bytes.ts';
import { type CaPart, type CaVerifyFault, decodeCaPart, issuerOf, verifyCaPart } from './credential.ts';
import type { CryptoProvider } from './provider.ts';

/** Certificates remembered; beyond, the oldest is verified again. */
const REMEMBERED = 4_096;

/**
 * Verifies CA parts and remembers the good ones by the hash of all their bytes, so that each costs one signature check. What
 * changes, the time and the CAs that are accepted, is asked each time (A5).
 */
export class CaPartMemory {
  readonly #provider: CryptoProvider;
  readonly #verified = new BoundedMap<string, true>(REMEMBERED);

  constructor(provider: CryptoProvider) {
    this.#provider = provider;
  }

  /** `bytes`: 200 as received. `caPks`: the CA keys that are accepted. */
  verify(bytes: Uint8Array, caPks: readonly Uint8Array[], now: UnixSeconds): CaPart | CaVerifyFault {
    const name = toHex(this.#provider.sha256(bytes));
    const known = this.#verified.has(name) ? decodeCaPart(bytes) : 'unknown';
    if (typeof known === 'string') {
      const part = verifyCaPart(this.#provider, bytes, caPks, now);
      if (typeof part !== 'string') this.#verified.set(name, true);
      return part;
    }
    if (!isIssuedBy(this.#provider, known, caPks)) return 'unknown-issuer';
    if (now < known.notBefore) return 'not-yet-valid';
    return now < known.notAfter ? known : 'expired';
  }
}

/** Whether one of these CAs is the one that the certificate names. */
export function isIssuedBy(provider: CryptoProvider, { issuer }: CaPart, caPks: readonly Uint8Array[]): boolean {
  return caPks.some((pk) => compareBytes(issuerOf(provider, pk), issuer) === 0);
}
