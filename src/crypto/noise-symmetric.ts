import { concat, utf8, wipe } from '../base/bytes.ts';
import { type CryptoProvider, LENGTH } from './provider.ts';

const EMPTY = new Uint8Array(0);
/** The nonce 2^64 - 1, which no message uses: the counter stops below 2^53. */
const LAST_NONCE = new Uint8Array(LENGTH.nonce).fill(0xff, 4);

/** The nonce of a counter below 2^53: four zero bytes, then the counter, least byte first (Noise 12.3). */
export function noiseNonce(counter: number): Uint8Array {
  const nonce = new Uint8Array(LENGTH.nonce);
  const view = new DataView(nonce.buffer);
  view.setUint32(4, counter % 2 ** 32, true);
  view.setUint32(8, Math.floor(counter / 2 ** 32), true);
  return nonce;
}

/** A key with its counter (Noise 5.1). */
export class CipherState {
  readonly #provider: CryptoProvider;
  readonly #key: Uint8Array;
  #counter = 0;

  constructor(provider: CryptoProvider, key: Uint8Array) {
    this.#provider = provider;
    this.#key = key;
  }

  seal(aad: Uint8Array, plaintext: Uint8Array): Uint8Array {
    return this.#provider.chachaSeal(this.#key, this.#nonce(), aad, plaintext);
  }

  /** Null leaves the counter where it was. */
  open(aad: Uint8Array, ciphertext: Uint8Array): Uint8Array | null {
    const plaintext = this.#provider.chachaOpen(this.#key, this.#nonce(), aad, ciphertext);
    if (plaintext === null) this.#counter--;
    return plaintext;
  }

  /** Replaces the key by one from which the old cannot be had (Noise 4.2 REKEY); the counter goes on. */
  rekey(): void {
    const next = this.#provider.chachaSeal(this.#key, LAST_NONCE, EMPTY, new Uint8Array(LENGTH.key));
    this.#key.set(next.subarray(0, LENGTH.key));
    wipe(next);
  }

  clone(): CipherState {
    const copy = new CipherState(this.#provider, this.#key.slice());
    copy.#counter = this.#counter;
    return copy;
  }

  wipe(): void {
    wipe(this.#key);
  }

  #nonce(): Uint8Array {
    if (this.#counter >= Number.MAX_SAFE_INTEGER) throw new RangeError('noise: counter exhausted');
    return noiseNonce(this.#counter++);
  }
}

/** The running hash and chaining key (Noise 5.2). */
export class SymmetricState {
  readonly #provider: CryptoProvider;
  #h: Uint8Array;
  #ck: Uint8Array;
  #cipher: CipherState | undefined;

  constructor(provider: CryptoProvider, protocolName: string) {
    const name = utf8(protocolName);
    this.#provider = provider;
    this.#h =
      name.length > LENGTH.hash ? provider.sha256(name) : concat(name, new Uint8Array(LENGTH.hash - name.length));
    this.#ck = this.#h.slice();
  }

  /** The transcript hash so far; later calls do not change the returned bytes. */
  get h(): Uint8Array {
    return this.#h;
  }

  /** The chaining key: a secret that `wipe` and the next `mixKey` overwrite, so copy what must outlive them. */
  get ck(): Uint8Array {
    return this.#ck;
  }

  mixHash(data: Uint8Array): void {
    this.#h = this.#provider.sha256(concat(this.#h, data));
  }

  mixKey(ikm: Uint8Array): void {
    const [ck, key] = this.#derive(ikm, 2);
    this.#replace(ck, key);
  }

  mixKeyAndHash(ikm: Uint8Array): void {
    const [ck, hash, key] = this.#derive(ikm, 3);
    this.mixHash(hash);
    this.#replace(ck, key);
  }

  encryptAndHash(plaintext: Uint8Array): Uint8Array {
    const ciphertext = this.#cipher === undefined ? plaintext.slice() : this.#cipher.seal(this.#h, plaintext);
    this.mixHash(ciphertext);
    return ciphertext;
  }

  /** Null when the tag is wrong; nothing has changed then. */
  decryptAndHash(ciphertext: Uint8Array): Uint8Array | null {
    const plaintext = this.#cipher === undefined ? ciphertext.slice() : this.#cipher.open(this.#h, ciphertext);
    if (plaintext !== null) this.mixHash(ciphertext);
    return plaintext;
  }

  /** Bytes that `encryptAndHash` adds now. */
  get overhead(): number {
    return this.#cipher === undefined ? 0 : LENGTH.tag;
  }

  /** The two transport keys, initiator's first (Noise 5.2). */
  split(): readonly [Uint8Array, Uint8Array] {
    const [first, second] = this.#derive(EMPTY, 2);
    return [first, second];
  }

  clone(): SymmetricState {
    const copy = new SymmetricState(this.#provider, '');
    copy.#h = this.#h;
    copy.#ck = this.#ck.slice();
    copy.#cipher = this.#cipher?.clone();
    return copy;
  }

  /** Overwrites ck and the key; h is no secret. */
  wipe(): void {
    wipe(this.#ck);
    this.#cipher?.wipe();
  }

  #derive(ikm: Uint8Array, count: number): Uint8Array[] {
    const prk = this.#provider.hkdfExtract(this.#ck, ikm);
    const okm = this.#provider.hkdfExpand(prk, EMPTY, count * LENGTH.hash);
    const parts = Array.from({ length: count }, (_, i) => okm.slice(i * LENGTH.hash, (i + 1) * LENGTH.hash));
    wipe(prk, okm);
    return parts;
  }

  #replace(ck: Uint8Array, key: Uint8Array): void {
    this.wipe();
    this.#ck = ck;
    this.#cipher = new CipherState(this.#provider, key);
  }
}
