import { concat, utf8, wipe } from '../base/bytes.ts';
import { HandshakeState, type NoiseFault } from './noise.ts';
import { RecordChannel } from './noise-channel-records.ts';
import { noisePattern } from './noise-pattern.ts';
import type { CryptoProvider, KeyPair } from './provider.ts';

/*
 * How a relay that runs apart and a server prove to each other that both hold the relay's secret (protocol.md 7.1):
 * Noise_NNpsk0, records as in a node channel. The first message may be a recording, so the server does nothing before
 * the first record.
 */

const PATTERN = noisePattern('Noise_NNpsk0_25519_ChaChaPoly_SHA256', '-> psk, e\n<- e, ee');
const PROLOGUE = 'gscip1 relay link';
const LABEL = { link: 'gscip1 relay link psk', nodes: 'gscip1 relay link nodes' } as const;
const EMPTY = new Uint8Array(0);

/** What follows from the secret of a relay's token: the key of the link, and what the keys of nodes follow from. */
export interface RelaySecrets {
  readonly link: Uint8Array;
  readonly nodes: Uint8Array;
}

export function relaySecrets(provider: CryptoProvider, secret: Uint8Array): RelaySecrets {
  const of = (label: string) => provider.hkdfExpand(secret, utf8(label), 32);
  return { link: of(LABEL.link), nodes: of(LABEL.nodes) };
}

/** The relay's side: its message, and the records when the server's reply is in. */
export class RelayHandshake {
  readonly #state: HandshakeState;
  readonly message: Uint8Array;
  readonly #mostReceived: number;

  /** `id` names the relay in clear; `ephemeral` is fresh, and belongs to the handshake. */
  constructor(provider: CryptoProvider, id: Uint8Array, psk: Uint8Array, ephemeral: KeyPair, mostReceived: number) {
    this.#state = new HandshakeState(provider, PATTERN, 'initiator', {
      prologue: prologue(id),
      psks: [psk],
      ephemeral,
    });
    const message = this.#state.writeMessage(EMPTY);
    if (message === 'weak-key') throw new Error('a message without a shared secret has no weak key');
    this.message = message;
    this.#mostReceived = mostReceived;
  }

  finish(reply: Uint8Array): RecordChannel | NoiseFault {
    const payload = this.#state.readMessage(reply);
    const result = typeof payload === 'string' ? payload : recordsOf(this.#state, this.#mostReceived);
    this.#state.wipe();
    return result;
  }
}

/** The server's side, in one step; a fault leaves nothing behind. */
export function answerRelay(
  provider: CryptoProvider,
  id: Uint8Array,
  psk: Uint8Array,
  ephemeral: KeyPair,
  message: Uint8Array,
  mostReceived: number,
): { readonly reply: Uint8Array; readonly records: RecordChannel } | NoiseFault {
  const state = new HandshakeState(provider, PATTERN, 'responder', { prologue: prologue(id), psks: [psk], ephemeral });
  const payload = state.readMessage(message);
  const reply = typeof payload === 'string' ? payload : state.writeMessage(EMPTY);
  const result = typeof reply === 'string' ? reply : { reply, records: recordsOf(state, mostReceived) };
  state.wipe();
  wipe(ephemeral.secretKey);
  return result;
}

function prologue(id: Uint8Array): Uint8Array {
  return concat(utf8(PROLOGUE), id);
}

function recordsOf(state: HandshakeState, mostReceived: number): RecordChannel {
  return new RecordChannel({ ...state.split(), hash: state.symmetric.h, mostReceived });
}
