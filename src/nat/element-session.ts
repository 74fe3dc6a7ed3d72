import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { concat, isZero, utf8, wipe } from '../base/bytes.ts';
import { DATAGRAM } from '../base/datagram-kinds.ts';
import { HandshakeState } from '../crypto/noise.ts';
import { noisePattern } from '../crypto/noise-pattern.ts';
import { noiseNonce } from '../crypto/noise-symmetric.ts';
import { type CryptoProvider, type KeyPair, LENGTH } from '../crypto/provider.ts';
import { NAT_LABEL, NAT_VERSION } from './constants.ts';
import type { NatFault } from './fault.ts';

/*
 * ELEMENT, kind 30: an element finds the GEN above it and both prove themselves by Noise_XXpsk0 under the domain key
 * (protocol.md 8.4). Head: kind · version · type · domain version mod 8 (QUERY) or 0 · receiver's index 4 (QUERY: own)
 *
 *   1 QUERY   →  own index 4 · e 32 · 0 × 320 + 16                    376 bytes, as long as its answer
 *   2 ANSWER  ←  receiver's index 4 · own index 4 · e 32 · s 48 · credential 268 + 16    376
 *   3 HELLO   →  receiver's index 4 · s 48 · credential 268 + 16      340
 *   4 SEALED  ↔  receiver's index 4 · counter 8 · ciphertext + 16
 *
 * The psk stands first: who is not of the domain gets no answer, and learns nobody's name.
 */

const XX = noisePattern(
  'Noise_XXpsk0_25519_ChaChaPoly_SHA256',
  `-> psk, e
   <- e, ee, s, es
   -> s, se`,
);
const PROLOGUE = utf8(NAT_LABEL.element);
export const ELEMENT_TYPE = { query: 1, answer: 2, hello: 3, sealed: 4 } as const;
export type ElementType = keyof typeof ELEMENT_TYPE;
const HEAD = 8;
const CREDENTIAL = 268;
const PADDING = 320;
const SEALED_HEAD = 16;
export const ELEMENT_SIZE = { query: 376, answer: 376, hello: 340 } as const;
const SEALED_MAX = 300;

export type ElementFault = NatFault | 'auth' | 'weak-key' | 'short' | 'replay';

/** What stands in front of every message of kind 30. */
export interface ElementHead {
  readonly type: ElementType;
  /** QUERY: the low bits of the domain version */
  readonly domain: number;
  /** the receiver's; in QUERY the sender's */
  readonly index: number;
}

export function decodeElementHead(bytes: Uint8Array): ElementHead | NatFault {
  if (bytes.length < HEAD) return 'length';
  const reader = new ByteReader(bytes);
  if (reader.u8() !== DATAGRAM.elementQuery) return 'kind';
  if (reader.u8() !== NAT_VERSION) return 'version';
  const code = reader.u8();
  const domain = reader.u8();
  const types: readonly ElementType[] = ['query', 'answer', 'hello', 'sealed'];
  const type = types.find((name) => ELEMENT_TYPE[name] === code);
  if (type === undefined) return 'message';
  if (type === 'query' ? domain > 7 : domain !== 0) return 'pad';
  const isSized = type === 'sealed' ? bytes.length <= SEALED_HEAD + SEALED_MAX : bytes.length === ELEMENT_SIZE[type];
  return isSized ? { type, domain, index: reader.u32() } : 'length';
}

/** The key that stands for membership of a domain version. */
export function elementPsk(provider: CryptoProvider, kTag: Uint8Array): Uint8Array {
  return provider.hkdfExpand(kTag, utf8(NAT_LABEL.elementPsk), LENGTH.key);
}

interface Own {
  readonly static: KeyPair;
  readonly ephemeral: KeyPair;
  readonly psk: Uint8Array;
  readonly credential: Uint8Array;
  readonly index: number;
}

/** What the other one proved: that it holds this key; the credential must be checked against it. */
export interface Proved {
  readonly remoteStatic: Uint8Array;
  readonly credential: Uint8Array;
}

/** The lower element's half. */
export class ElementAsker {
  readonly #provider: CryptoProvider;
  readonly #noise: HandshakeState;
  readonly #own: Own;
  /** as sent: a repeat sends the same bytes */
  readonly query: Uint8Array;

  constructor(provider: CryptoProvider, own: Own, domain: number) {
    this.#provider = provider;
    this.#own = own;
    this.#noise = handshake(provider, 'initiator', own);
    this.query = concat(head('query', domain, own.index), written(this.#noise, new Uint8Array(PADDING)));
  }

  /** A forged ANSWER leaves the question open; `accept` uses it up. */
  handleAnswer(
    bytes: Uint8Array,
  ): (Proved & { accept(): { readonly hello: Uint8Array; readonly session: ElementSession } }) | ElementFault {
    if (this.#noise.finished) return 'sequence';
    const proved = read(this.#noise, bytes.subarray(HEAD + 4));
    if (typeof proved === 'string') return proved;
    const remote = new ByteReader(bytes, HEAD).u32();
    return {
      ...proved,
      accept: () => {
        const hello = concat(head('hello', 0, remote), written(this.#noise, this.#own.credential));
        return { hello, session: sessionOf(this.#provider, this.#noise, remote) };
      },
    };
  }

  wipe(): void {
    this.#noise.wipe();
  }
}

/** The GEN's half, made for one QUERY; a fault name when the sender is not of the domain. */
export function answerElement(provider: CryptoProvider, own: Own, query: Uint8Array): ElementAnswerer | ElementFault {
  const noise = handshake(provider, 'responder', own);
  const padding = noise.readMessage(query.subarray(HEAD));
  if (typeof padding === 'string') return padding;
  if (!isZero(padding)) return 'pad'; // W1
  const remote = new ByteReader(query, 4).u32();
  const message = noise.writeMessage(own.credential);
  if (typeof message === 'string') return message;
  const front = new ByteWriter(HEAD + 4)
    .raw(head('answer', 0, remote))
    .u32(own.index)
    .finish();
  return new ElementAnswerer(provider, noise, remote, concat(front, message));
}

export class ElementAnswerer {
  readonly #provider: CryptoProvider;
  readonly #noise: HandshakeState;
  readonly #remote: number;
  /** as sent: the same QUERY gets the same bytes */
  readonly answer: Uint8Array;

  constructor(provider: CryptoProvider, noise: HandshakeState, remote: number, answer: Uint8Array) {
    this.#provider = provider;
    this.#noise = noise;
    this.#remote = remote;
    this.answer = answer;
  }

  handleHello(bytes: Uint8Array): (Proved & { readonly session: ElementSession }) | ElementFault {
    if (this.#noise.finished) return 'sequence';
    const proved = read(this.#noise, bytes.subarray(HEAD));
    if (typeof proved === 'string') return proved;
    return { ...proved, session: sessionOf(this.#provider, this.#noise, this.#remote) };
  }

  wipe(): void {
    this.#noise.wipe();
  }
}

/** Sealed messages in both directions. A counter must be higher than the last: what is overtaken is asked for again. */
export class ElementSession {
  readonly #provider: CryptoProvider;
  readonly #send: Uint8Array;
  readonly #receive: Uint8Array;
  readonly #remote: number;
  #sent = 0;
  #taken = -1;

  constructor(provider: CryptoProvider, send: Uint8Array, receive: Uint8Array, remote: number) {
    this.#provider = provider;
    this.#send = send;
    this.#receive = receive;
    this.#remote = remote;
  }

  seal(message: Uint8Array): Uint8Array {
    const counter = this.#sent++;
    const aad = new ByteWriter(SEALED_HEAD)
      .raw(head('sealed', 0, this.#remote))
      .u32(0)
      .u32(counter)
      .finish();
    return concat(aad, this.#provider.chachaSeal(this.#send, noiseNonce(counter), aad, message));
  }

  open(bytes: Uint8Array): Uint8Array | ElementFault {
    if (bytes.length < SEALED_HEAD + LENGTH.tag) return 'length';
    const reader = new ByteReader(bytes, HEAD);
    if (reader.u32() !== 0) return 'sequence';
    const counter = reader.u32();
    if (counter <= this.#taken) return 'replay';
    const aad = bytes.subarray(0, SEALED_HEAD);
    const message = this.#provider.chachaOpen(this.#receive, noiseNonce(counter), aad, bytes.subarray(SEALED_HEAD));
    if (message === null) return 'auth';
    this.#taken = counter;
    return message;
  }

  wipe(): void {
    wipe(this.#send, this.#receive);
  }
}

function handshake(provider: CryptoProvider, role: 'initiator' | 'responder', own: Own): HandshakeState {
  const { ephemeral, psk } = own;
  return new HandshakeState(provider, XX, role, { prologue: PROLOGUE, static: own.static, ephemeral, psks: [psk] });
}

function written(noise: HandshakeState, payload: Uint8Array): Uint8Array {
  const message = noise.writeMessage(payload);
  if (typeof message === 'string') throw new RangeError('a key that was read is weak only now');
  return message;
}

function read(noise: HandshakeState, message: Uint8Array): Proved | ElementFault {
  const credential = noise.readMessage(message);
  if (typeof credential === 'string') return credential;
  const { remoteStatic } = noise;
  return remoteStatic === undefined || credential.length !== CREDENTIAL ? 'length' : { remoteStatic, credential };
}

/** By Noise's Split, with keys that take a counter from the datagram; uses the handshake up. */
function sessionOf(provider: CryptoProvider, noise: HandshakeState, remote: number): ElementSession {
  const { send, receive } = noise.splitKeys();
  noise.wipe();
  return new ElementSession(provider, send, receive, remote);
}

function head(type: ElementType, domain: number, index: number): Uint8Array {
  const writer = new ByteWriter(HEAD).u8(DATAGRAM.elementQuery).u8(NAT_VERSION).u8(ELEMENT_TYPE[type]);
  return writer.u8(domain).u32(index).finish();
}
