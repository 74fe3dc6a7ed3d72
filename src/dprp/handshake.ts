import { ByteWriter } from '../base/byte-writer.ts';
import { concat, fromHex, utf8 } from '../base/bytes.ts';
import { HandshakeState, type NoiseFault, type NoiseSnapshot } from '../crypto/noise.ts';
import { type NoiseRole, noisePattern } from '../crypto/noise-pattern.ts';
import type { CryptoProvider, KeyPair } from '../crypto/provider.ts';
import { LABEL, PATTERN_NAME, SIZE } from './constants.ts';
import { withoutHops } from './header.ts';

/*
 * The transcript of one handshake (protocol.md 2.4). Noise does the tokens, DPRP hashes its headers in between:
 *
 *   DDE    hdr                e                     slots ‖ box
 *   RGI    hdr ‖ sel          e  ee  group  psk     s  es  payload
 *   MPIT   hdr                s  se                 payload
 *
 * The number of on-path elements is 0 in every hash (H2). A fault leaves the state half mixed: the caller goes back to a
 * snapshot, so that a forged message ends nothing.
 */

const PATTERN = noisePattern(PATTERN_NAME, '-> e\n<- e, ee, psk, s, es\n-> s, se');

/** Where the fields of a message start; the last number is the end of what enters the transcript. */
const DDE = { e: 12, slots: 44, end: 268 } as const;
const RGI = { sel: 12, e: 16, s: 48, payload: 96, end: 448 } as const;
const MPIT = { s: 12, payload: 60 } as const;

/** The group and version that a handshake is made under; `id` is 32 hex digits. */
export interface GroupSecret {
  readonly id: string;
  readonly r: number;
  readonly v: number;
  readonly kPsk: Uint8Array;
}

/** One side of the DPRP handshake. It owns the ephemeral key; the static key stays the caller's. */
export class Handshake {
  readonly #provider: CryptoProvider;
  readonly #noise: HandshakeState;
  readonly #ephemeral: KeyPair;

  constructor(
    provider: CryptoProvider,
    role: NoiseRole,
    own: { readonly static: KeyPair; readonly ephemeral: KeyPair },
  ) {
    this.#provider = provider;
    this.#ephemeral = own.ephemeral;
    this.#noise = new HandshakeState(provider, PATTERN, role, { ...own, prologue: utf8(LABEL.transcript) });
  }

  /** The transcript hash so far. */
  get h(): Uint8Array {
    return this.#noise.symmetric.h;
  }

  /** The chaining key: a view that the next step overwrites. */
  get ck(): Uint8Array {
    return this.#noise.symmetric.ck;
  }

  /** The peer's X25519 identity key, once its message was read. */
  get remoteStatic(): Uint8Array | undefined {
    return this.#noise.remoteStatic;
  }

  snapshot(): NoiseSnapshot {
    return this.#noise.snapshot();
  }

  restore(snapshot: NoiseSnapshot): void {
    this.#noise.restore(snapshot);
  }

  /** The start GE's own DDE enters the transcript; its e must be the public ephemeral. */
  sentDde(dde: Uint8Array): void {
    this.#noise.symmetric.mixHash(withoutHops(dde));
    this.#noise.writeToken('e');
    this.#noise.symmetric.mixHash(dde.subarray(DDE.slots, DDE.end));
  }

  receivedDde(dde: Uint8Array): void {
    this.#noise.symmetric.mixHash(withoutHops(dde));
    this.#noise.readToken('e', dde.subarray(DDE.e, DDE.slots));
    this.#noise.symmetric.mixHash(dde.subarray(DDE.slots, DDE.end));
  }

  /** head = header ‖ sel, 16 bytes; returns the 448 bytes of RGI, or 'weak-key' for an e_I of small order. */
  writeRgi(head: Uint8Array, group: GroupSecret, payload: Uint8Array): Uint8Array | 'weak-key' {
    this.#noise.symmetric.mixHash(withoutHops(head, RGI.e));
    const e = this.#noise.writeToken('e');
    if (e === 'weak-key' || this.#noise.writeToken('ee') === 'weak-key') return 'weak-key';
    this.#mixGroup(group);
    const s = this.#noise.writeToken('s');
    if (s === 'weak-key' || this.#noise.writeToken('es') === 'weak-key') return 'weak-key';
    return concat(head, e, s, this.#noise.symmetric.encryptAndHash(payload));
  }

  /** rgi: the 448 bytes without hop records; returns the payload. */
  readRgi(rgi: Uint8Array, group: GroupSecret): Uint8Array | NoiseFault {
    this.#noise.symmetric.mixHash(withoutHops(rgi, RGI.e));
    const started = this.#read('e', rgi.subarray(RGI.e, RGI.s)) ?? this.#read('ee');
    if (started !== undefined) return started;
    this.#mixGroup(group);
    const named = this.#read('s', rgi.subarray(RGI.s, RGI.payload)) ?? this.#read('es');
    return named ?? this.#noise.symmetric.decryptAndHash(rgi.subarray(RGI.payload, RGI.end)) ?? 'auth';
  }

  /** `payload` gets h as it stands right after MixKey(se), over which a rekey proves the old SA (protocol.md 2.6). */
  writeMpit(head: Uint8Array, payload: (h: Uint8Array) => Uint8Array): Uint8Array | 'weak-key' {
    this.#noise.symmetric.mixHash(withoutHops(head));
    const s = this.#noise.writeToken('s');
    if (s === 'weak-key' || this.#noise.writeToken('se') === 'weak-key') return 'weak-key';
    return concat(head, s, this.#noise.symmetric.encryptAndHash(payload(this.h)));
  }

  /** mpit: without hop actions; returns the payload, and h as above. */
  readMpit(mpit: Uint8Array): { readonly payload: Uint8Array; readonly rekeyHash: Uint8Array } | NoiseFault {
    this.#noise.symmetric.mixHash(withoutHops(mpit, SIZE.header));
    const fault = this.#read('s', mpit.subarray(MPIT.s, MPIT.payload)) ?? this.#read('se');
    if (fault !== undefined) return fault;
    const rekeyHash = this.h;
    const payload = this.#noise.symmetric.decryptAndHash(mpit.subarray(MPIT.payload));
    return payload === null ? 'auth' : { payload, rekeyHash };
  }

  /** The secret of the own ephemeral with an on-path element's (protocol.md 2.3); null for a key of small order. */
  sharedWith(ephemeral: Uint8Array): Uint8Array | null {
    return this.#provider.x25519(this.#ephemeral.secretKey, ephemeral);
  }

  /** Overwrites ck and the ephemeral secret. */
  wipe(): void {
    this.#noise.wipe();
  }

  #read(token: 'e' | 's' | 'ee' | 'es' | 'se', bytes: Uint8Array = new Uint8Array(0)): NoiseFault | undefined {
    const result = this.#noise.readToken(token, bytes);
    return result === 'ok' ? undefined : result;
  }

  #mixGroup(group: GroupSecret): void {
    const named = concat(utf8(LABEL.group), fromHex(group.id), new ByteWriter(8).u32(group.r).u32(group.v).finish());
    this.#noise.symmetric.mixHash(this.#provider.sha256(named));
    this.#noise.symmetric.mixKeyAndHash(group.kPsk);
  }
}
