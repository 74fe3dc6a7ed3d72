import { concat, utf8 } from '../base/bytes.ts';
import { HandshakeState, type NoiseFault } from './noise.ts';
import { RecordChannel } from './noise-channel-records.ts';
import { noisePattern } from './noise-pattern.ts';
import type { CryptoProvider, KeyPair } from './provider.ts';

/*
 * The handshakes between a node and a server (protocol.md 11), as messages without their frames. Payloads are empty: what
 * a first message says could be replayed, so nothing is said there, and the responder keeps and changes nothing.
 *
 *   enrol     Noise_NK   <- s ... -> e, es        <- e, ee        the node knows the account server's key
 *   session   Noise_IK   <- s ... -> e, es, s, ss <- e, ee, se    the node knows the group management server's key
 *
 * The prologue is "gscip1 channel" ‖ greeting ‖ header of the first frame: both sides saw the same greeting, or the
 * handshake fails.
 */

/** Labels of the node channel; what else is hashed or signed in an enrolment has its own in enrolment.ts. */
const PROLOGUE = 'gscip1 channel';

export type ChannelPurpose = 'enrol' | 'session';

const PATTERN = {
  enrol: noisePattern('Noise_NK_25519_ChaChaPoly_SHA256', '<- s\n...\n-> e, es\n<- e, ee'),
  session: noisePattern('Noise_IK_25519_ChaChaPoly_SHA256', '<- s\n...\n-> e, es, s, ss\n<- e, ee, se'),
} as const;

const EMPTY = new Uint8Array(0);

/** What both sides have seen in clear before the first handshake message. */
export interface ChannelOpening {
  readonly purpose: ChannelPurpose;
  /** the greeting as it was received, whole */
  readonly greeting: Uint8Array;
  /** header of the frame that carries the first message */
  readonly header: Uint8Array;
}

export interface InitiatorKeys {
  /** the server's key: by the token's fingerprint, or pinned */
  readonly remoteStatic: Uint8Array;
  /** 'session' only: the X25519 key of the node's credential; it stays the caller's */
  readonly static?: KeyPair;
  /** fresh for this handshake, which overwrites its secret */
  readonly ephemeral: KeyPair;
}

export interface ResponderKeys {
  readonly static: KeyPair;
  /** fresh for this handshake, which overwrites its secret */
  readonly ephemeral: KeyPair;
}

/** The responder's side of a finished handshake. */
export interface AnsweredHandshake {
  readonly reply: Uint8Array;
  readonly channel: RecordChannel;
  /** the node's static key in a session; it is its own only when the first record opens */
  readonly remoteStatic: Uint8Array | undefined;
}

/** The node's side of a handshake under way. After `finish` or `abandon` it is used up. */
export class ChannelHandshake {
  readonly #state: HandshakeState;
  /** What goes to the server; 'weak-key' when the key that it claims is no key. */
  readonly message: Uint8Array | 'weak-key';
  #over = false;

  constructor(provider: CryptoProvider, opening: ChannelOpening, keys: InitiatorKeys) {
    const pattern = PATTERN[opening.purpose];
    this.#state = new HandshakeState(provider, pattern, 'initiator', { ...keys, prologue: prologueOf(opening) });
    this.message = this.#state.writeMessage(EMPTY);
  }

  /** The records, `mostReceived` bytes a message at most; or why the reply is none: nothing can be tried again then. */
  finish(reply: Uint8Array, mostReceived: number): RecordChannel | NoiseFault | 'closed' {
    if (this.#over || this.message === 'weak-key') return 'closed';
    const payload = this.#state.readMessage(reply);
    const result = typeof payload === 'string' ? payload : recordsOf(this.#state, mostReceived);
    this.abandon();
    return result;
  }

  abandon(): void {
    this.#over = true;
    this.#state.wipe();
  }
}

/** Answers a first message in one step; a fault leaves nothing behind. */
export function answerHandshake(
  provider: CryptoProvider,
  opening: ChannelOpening,
  keys: ResponderKeys,
  message: Uint8Array,
  mostReceived: number,
): AnsweredHandshake | NoiseFault {
  const pattern = PATTERN[opening.purpose];
  const state = new HandshakeState(provider, pattern, 'responder', { ...keys, prologue: prologueOf(opening) });
  const result = answer(state, message, mostReceived);
  state.wipe();
  return result;
}

function answer(state: HandshakeState, message: Uint8Array, mostReceived: number): AnsweredHandshake | NoiseFault {
  const payload = state.readMessage(message);
  if (typeof payload === 'string') return payload;
  const reply = state.writeMessage(EMPTY);
  if (reply === 'weak-key') return reply;
  return { reply, channel: recordsOf(state, mostReceived), remoteStatic: state.remoteStatic };
}

function recordsOf(state: HandshakeState, mostReceived: number): RecordChannel {
  return new RecordChannel({ ...state.split(), hash: state.symmetric.h, mostReceived });
}

function prologueOf({ greeting, header }: ChannelOpening): Uint8Array {
  return concat(utf8(PROLOGUE), greeting, header);
}
