import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { concat, utf8, wipe } from '../base/bytes.ts';
import { HandshakeState } from '../crypto/noise.ts';
import { noisePattern } from '../crypto/noise-pattern.ts';
import { noiseNonce } from '../crypto/noise-symmetric.ts';
import { type CryptoProvider, type KeyPair, LENGTH } from '../crypto/provider.ts';
import { NAT_KIND, NAT_LABEL, NAT_VERSION } from './constants.ts';
import type { NatFault } from './fault.ts';

/*
 * The channel of a node to a direction coordinator over UDP: Noise_IK (protocol.md 6.6)
 *
 *   HELLO 31    kind · version · 0 × 2 · own index 4 · Noise message 1 (e 32 · s 48 · payload + 16)
 *   WELCOME 32  kind · version · 0 × 2 · peer's index 4 · own index 4 · Noise message 2 (e 32 · payload + 16)
 *   SIGNAL 33   kind · version · 0 × 2 · peer's index 4 · counter 8 · ciphertext + 16
 *
 *   HELLO's payload: time 8 (milliseconds since 1970, so that an old one is refused) · credential 268.
 *   WELCOME's payload is the first SIGNAL message, or empty. A WELCOME is shorter than its HELLO.
 *   The counter is the nonce; the 16 bytes before the ciphertext are its additional data.
 */

const IK = noisePattern(
  'Noise_IK_25519_ChaChaPoly_SHA256',
  `<- s
   ...
   -> e, es, s, ss
   <- e, ee, se`,
);
const PROLOGUE = utf8(NAT_LABEL.signal);
const HELLO_HEAD = 8;
const WELCOME_HEAD = 12;
const SIGNAL_HEAD = 16;
/** e, s and its tag, the tag of the payload */
const HELLO_NOISE = 96;
const WELCOME_NOISE = 48;
const MESSAGE_MAX = 1_024;
const WINDOW = 64n;

export type SignalFault = NatFault | 'auth' | 'replay' | 'weak-key' | 'short';

/** The node's half of a handshake with a DC whose X25519 key it knows. */
export class SignalHandshake {
  readonly #provider: CryptoProvider;
  readonly #noise: HandshakeState;
  readonly #index: number;
  /** the HELLO as sent: a repeat sends the same bytes */
  readonly hello: Uint8Array;

  constructor(
    provider: CryptoProvider,
    keys: { readonly static: KeyPair; readonly ephemeral: KeyPair; readonly coordinator: Uint8Array },
    index: number,
    payload: Uint8Array,
  ) {
    this.#provider = provider;
    this.#index = index;
    const { coordinator, ephemeral } = keys;
    this.#noise = new HandshakeState(provider, IK, 'initiator', {
      prologue: PROLOGUE,
      static: keys.static,
      ephemeral,
      remoteStatic: coordinator,
    });
    const message = this.#noise.writeMessage(payload);
    if (typeof message === 'string') throw new RangeError("the coordinator's key is weak");
    this.hello = new ByteWriter(HELLO_HEAD + message.length)
      .u8(NAT_KIND.hello)
      .u8(NAT_VERSION)
      .zeros(2)
      .u32(index)
      .raw(message)
      .finish();
  }

  /** After a fault the handshake goes on waiting: a forged WELCOME ends nothing. */
  handleWelcome(bytes: Uint8Array): { session: SignalSession; payload: Uint8Array } | SignalFault {
    if (bytes.length < WELCOME_HEAD + WELCOME_NOISE || bytes.length > WELCOME_HEAD + WELCOME_NOISE + MESSAGE_MAX)
      return 'length';
    const reader = new ByteReader(bytes);
    const fault = readHead(reader, NAT_KIND.welcome);
    if (fault) return fault;
    if (reader.u32() !== this.#index || this.#noise.finished) return 'channel';
    const remote = reader.u32();
    const payload = this.#noise.readMessage(bytes.subarray(WELCOME_HEAD));
    if (typeof payload === 'string') return payload;
    return { session: SignalSession.fromHandshake(this.#provider, this.#noise, remote), payload };
  }

  wipe(): void {
    this.#noise.wipe();
  }
}

/** What a HELLO said: the coordinator checks payload and static key against each other before it answers. */
export interface HeardHello {
  readonly index: number;
  /** X25519 key that the sender holds: it must be the one of the credential in the payload */
  readonly remoteStatic: Uint8Array;
  readonly payload: Uint8Array;
  /** The WELCOME and the session. Nothing of the coordinator has changed before this is called. */
  accept(
    ephemeral: KeyPair,
    index: number,
    payload: Uint8Array,
  ): { welcome: Uint8Array; session: SignalSession } | SignalFault;
}

/** The coordinator's half; `bytes` must stay as they are until `accept`. */
export function openHello(provider: CryptoProvider, own: KeyPair, bytes: Uint8Array): HeardHello | SignalFault {
  if (bytes.length < HELLO_HEAD + HELLO_NOISE || bytes.length > HELLO_HEAD + HELLO_NOISE + MESSAGE_MAX) return 'length';
  const reader = new ByteReader(bytes);
  const fault = readHead(reader, NAT_KIND.hello);
  if (fault) return fault;
  const index = reader.u32();
  const opening = new HandshakeState(provider, IK, 'responder', { prologue: PROLOGUE, static: own });
  const payload = opening.readMessage(bytes.subarray(HELLO_HEAD));
  const remoteStatic = opening.remoteStatic;
  opening.wipe();
  if (typeof payload === 'string') return payload;
  if (remoteStatic === undefined) return 'auth';
  return {
    index,
    remoteStatic,
    payload,
    accept(ephemeral, ownIndex, answer) {
      const noise = new HandshakeState(provider, IK, 'responder', { prologue: PROLOGUE, static: own, ephemeral });
      const again = noise.readMessage(bytes.subarray(HELLO_HEAD));
      const message = typeof again === 'string' ? again : noise.writeMessage(answer);
      if (typeof message === 'string') return message;
      const writer = new ByteWriter(WELCOME_HEAD + message.length).u8(NAT_KIND.welcome).u8(NAT_VERSION).zeros(2);
      const welcome = writer.u32(index).u32(ownIndex).raw(message).finish();
      return { welcome, session: SignalSession.fromHandshake(provider, noise, index) };
    },
  };
}

/** Sealed messages in both directions; each is taken once. */
export class SignalSession {
  readonly #provider: CryptoProvider;
  readonly #send: Uint8Array;
  readonly #receive: Uint8Array;
  readonly #remote: number;
  #sent = 0;
  #highest = -1;
  /** bit i: counter `highest - i` was taken */
  #taken = 0n;

  private constructor(provider: CryptoProvider, send: Uint8Array, receive: Uint8Array, remote: number) {
    this.#provider = provider;
    this.#send = send;
    this.#receive = receive;
    this.#remote = remote;
  }

  /** By Noise's Split, with keys that take a counter from the datagram; uses the handshake up. */
  static fromHandshake(provider: CryptoProvider, noise: HandshakeState, remote: number): SignalSession {
    const { send, receive } = noise.splitKeys();
    noise.wipe();
    return new SignalSession(provider, send, receive, remote);
  }

  seal(message: Uint8Array): Uint8Array {
    const counter = this.#sent++;
    const head = new ByteWriter(SIGNAL_HEAD).u8(NAT_KIND.signal).u8(NAT_VERSION).zeros(2).u32(this.#remote);
    head.u32(Math.floor(counter / 2 ** 32)).u32(counter % 2 ** 32);
    const aad = head.finish();
    return concat(aad, this.#provider.chachaSeal(this.#send, noiseNonce(counter), aad, message));
  }

  open(bytes: Uint8Array): Uint8Array | SignalFault {
    if (bytes.length < SIGNAL_HEAD + LENGTH.tag || bytes.length > SIGNAL_HEAD + LENGTH.tag + MESSAGE_MAX)
      return 'length';
    const reader = new ByteReader(bytes, HELLO_HEAD);
    const counter = reader.u32() * 2 ** 32 + reader.u32();
    if (!Number.isSafeInteger(counter)) return 'sequence';
    const behind = BigInt(this.#highest - counter);
    if (behind >= 0n && (behind >= WINDOW || (this.#taken >> behind) & 1n)) return 'replay';
    const aad = bytes.subarray(0, SIGNAL_HEAD);
    const message = this.#provider.chachaOpen(this.#receive, noiseNonce(counter), aad, bytes.subarray(SIGNAL_HEAD));
    if (message === null) return 'auth';
    this.#mark(counter);
    return message;
  }

  wipe(): void {
    wipe(this.#send, this.#receive);
  }

  #mark(counter: number): void {
    if (counter > this.#highest) {
      const step = BigInt(counter - this.#highest);
      this.#taken = step >= WINDOW ? 1n : ((this.#taken << step) | 1n) & ((1n << WINDOW) - 1n);
      this.#highest = counter;
    } else this.#taken |= 1n << BigInt(this.#highest - counter);
  }
}

/** The receiver's index of a SIGNAL or WELCOME, by which its session or handshake is found. */
export function signalIndex(bytes: Uint8Array): number | NatFault {
  if (bytes.length < SIGNAL_HEAD) return 'length';
  const reader = new ByteReader(bytes);
  const fault = readHead(reader, bytes[0] === NAT_KIND.welcome ? NAT_KIND.welcome : NAT_KIND.signal);
  return fault ?? reader.u32();
}

function readHead(reader: ByteReader, kind: number): NatFault | undefined {
  if (reader.u8() !== kind) return 'kind';
  if (reader.u8() !== NAT_VERSION) return 'version';
  return reader.zeros(2) ? undefined : 'pad';
}
