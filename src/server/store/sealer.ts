import { concat, equalConstantTime, toHex, utf8 } from '../../base/bytes.ts';
import { encodeCbor } from '../../base/cbor.ts';
import { type CryptoProvider, LENGTH, requireLength } from '../../crypto/provider.ts';

/** Where a secret belongs: one that is moved to another row or field does not open there. */
export interface Place {
  readonly table: string;
  readonly key: string;
  readonly field: string;
}

/** What the seal of the head covers. */
export interface HeadSum {
  readonly origin: string;
  readonly lineage: string;
  readonly revision: number;
  readonly audit_seq: number;
  readonly audit_hash: string;
}

/** Seals secrets before they reach the database, and the head of the audit log, with keys from the server's key file. */
export class Sealer {
  /** Tells a wrong key from damaged rows; says nothing about the key. */
  readonly keyCheck: string;
  readonly #provider: CryptoProvider;
  readonly #random: (length: number) => Uint8Array;
  readonly #secretKey: Uint8Array;
  readonly #headKey: Uint8Array;
  readonly #backupKey: Uint8Array;

  constructor(provider: CryptoProvider, random: (length: number) => Uint8Array, sealKey: Uint8Array) {
    requireLength(sealKey, LENGTH.key, 'seal key');
    const prk = provider.hkdfExtract(utf8('gscip1 server key'), sealKey);
    const child = (name: string) => provider.hkdfExpand(prk, utf8(`gscip1 server ${name}`), LENGTH.key);
    this.#provider = provider;
    this.#random = random;
    this.#secretKey = child('secrets');
    this.#headKey = child('head');
    this.#backupKey = child('backup');
    this.keyCheck = toHex(child('key check'));
  }

  /** XChaCha20-Poly1305 under a random nonce: nonce 24 · ciphertext · tag 16. */
  seal(place: Place, secret: Uint8Array): Uint8Array {
    const nonce = this.#random(LENGTH.xnonce);
    return concat(nonce, this.#provider.xchachaSeal(this.#secretKey, nonce, placeBytes(place), secret));
  }

  /** The secret, or null when key, place or bytes are not those that were sealed. */
  open(place: Place, sealed: Uint8Array): Uint8Array | null {
    if (sealed.length < LENGTH.xnonce + LENGTH.tag) return null;
    const [nonce, ciphertext] = [sealed.subarray(0, LENGTH.xnonce), sealed.subarray(LENGTH.xnonce)];
    return this.#provider.xchachaOpen(this.#secretKey, nonce, placeBytes(place), ciphertext);
  }

  headSeal(head: HeadSum): string {
    const sum = [head.origin, head.lineage, head.revision, head.audit_seq, head.audit_hash];
    return toHex(this.#provider.hmac(this.#headKey, encodeCbor(sum)));
  }

  isHeadSeal(head: HeadSum, seal: string): boolean {
    return equalConstantTime(utf8(this.headSeal(head)), utf8(seal));
  }

  /** Over the SHA-256 of a backup file. */
  backupSeal(digest: Uint8Array): string {
    return toHex(this.#provider.hmac(this.#backupKey, digest));
  }

  isBackupSeal(digest: Uint8Array, seal: string): boolean {
    return equalConstantTime(utf8(this.backupSeal(digest)), utf8(seal));
  }

  /** A number that nothing else has: 16 random bytes in hex. */
  newId(): string {
    return toHex(this.#random(16));
  }
}

function placeBytes({ table, key, field }: Place): Uint8Array {
  return encodeCbor(['gscip1 server secret', table, key, field]);
}
