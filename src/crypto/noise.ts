import { concat, wipe } from '../base/bytes.ts';
import { unreachable } from '../base/unreachable.ts';
import type { NoisePattern, NoiseRole, NoiseToken } from './noise-pattern.ts';
import { CipherState, SymmetricState } from './noise-symmetric.ts';
import { type CryptoProvider, type KeyPair, LENGTH } from './provider.ts';

const EMPTY = new Uint8Array(0);

/** Why a handshake message was refused. */
export type NoiseFault = 'short' | 'auth' | 'weak-key';

/** What one side brings into a handshake. */
export interface NoiseKeys {
  readonly prologue?: Uint8Array;
  readonly static?: KeyPair;
  /** Made by the caller from injected randomness; it belongs to the handshake, whose `wipe` overwrites its secret. */
  readonly ephemeral?: KeyPair;
  readonly remoteStatic?: Uint8Array;
  /** One for each psk token, in order; `addPsk` may bring them later. They stay the caller's. */
  readonly psks?: readonly Uint8Array[];
}

/** Where a handshake stands, to go back to after a message that turned out to be forged. */
export interface NoiseSnapshot {
  readonly symmetric: SymmetricState;
  readonly remoteStatic: Uint8Array | undefined;
  readonly remoteEphemeral: Uint8Array | undefined;
  readonly nextMessage: number;
  readonly nextPsk: number;
}

/**
 * One side of a handshake (Noise 5.3). Whole messages by `writeMessage` and `readMessage`, or token by token where a
 * protocol hashes more of its own in between, as DPRP does (protocol.md 2.4).
 * Calls in the wrong order or without the key they need throw; what the peer sent never does.
 */
export class HandshakeState {
  readonly #provider: CryptoProvider;
  readonly #pattern: NoisePattern;
  readonly #role: NoiseRole;
  readonly #static: KeyPair | undefined;
  readonly #ephemeral: KeyPair | undefined;
  readonly #psks: Uint8Array[];
  #symmetric: SymmetricState;
  #remoteStatic: Uint8Array | undefined;
  #remoteEphemeral: Uint8Array | undefined;
  #nextMessage = 0;
  #nextPsk = 0;

  constructor(provider: CryptoProvider, pattern: NoisePattern, role: NoiseRole, keys: NoiseKeys) {
    this.#provider = provider;
    this.#pattern = pattern;
    this.#role = role;
    this.#static = keys.static;
    this.#ephemeral = keys.ephemeral;
    this.#remoteStatic = keys.remoteStatic;
    this.#psks = [...(keys.psks ?? [])];
    this.#symmetric = new SymmetricState(provider, pattern.name);
    this.#symmetric.mixHash(keys.prologue ?? EMPTY);
    this.#mixPreMessages();
  }

  /** For the extra hashing of a protocol of its own, for payloads, and for the keys after the last message. */
  get symmetric(): SymmetricState {
    return this.#symmetric;
  }

  get remoteStatic(): Uint8Array | undefined {
    return this.#remoteStatic;
  }

  get remoteEphemeral(): Uint8Array | undefined {
    return this.#remoteEphemeral;
  }

  get finished(): boolean {
    return this.#nextMessage === this.#pattern.messages.length;
  }

  /** Brings a key for a psk token to come. */
  addPsk(psk: Uint8Array): void {
    this.#psks.push(psk);
  }

  /** The next message with its payload; 'weak-key' when the peer's public key gave an all-zero result. */
  writeMessage(payload: Uint8Array): Uint8Array | 'weak-key' {
    const parts: Uint8Array[] = [];
    for (const token of this.#takeLine(this.#role)) {
      const part = this.writeToken(token);
      if (part === 'weak-key') return part;
      parts.push(part);
    }
    return concat(...parts, this.#symmetric.encryptAndHash(payload));
  }

  /** The payload of the peer's next message. After a fault the handshake is as it was before: a forgery ends nothing. */
  readMessage(message: Uint8Array): Uint8Array | NoiseFault {
    const before = this.snapshot();
    const result = this.#readMessage(message);
    if (typeof result === 'string') this.restore(before);
    else before.symmetric.wipe();
    return result;
  }

  /** What the token puts into the message: a public key, encrypted or not, or nothing. */
  writeToken(token: NoiseToken): Uint8Array | 'weak-key' {
    switch (token) {
      case 'e':
        return this.#mixEphemeral(need(this.#ephemeral, 'own ephemeral').publicKey);
      case 's':
        return this.#symmetric.encryptAndHash(need(this.#static, 'own static').publicKey);
      case 'ee':
      case 'es':
      case 'se':
      case 'ss':
      case 'psk':
        return this.#mixSecret(token) ?? EMPTY;
      default:
        return unreachable(token);
    }
  }

  /** Takes exactly `tokenLength(token)` bytes. After a fault only `restore` makes the handshake usable again. */
  readToken(token: NoiseToken, bytes: Uint8Array): 'ok' | NoiseFault {
    if (bytes.length !== this.tokenLength(token)) return 'short';
    switch (token) {
      case 'e':
        this.#remoteEphemeral = this.#mixEphemeral(bytes.slice());
        return 'ok';
      case 's': {
        const key = this.#symmetric.decryptAndHash(bytes);
        if (key === null) return 'auth';
        this.#remoteStatic = key;
        return 'ok';
      }
      case 'ee':
      case 'es':
      case 'se':
      case 'ss':
      case 'psk':
        return this.#mixSecret(token) ?? 'ok';
      default:
        return unreachable(token);
    }
  }

  /** Bytes that a token takes in a message at this point. */
  tokenLength(token: NoiseToken): number {
    if (token === 'e') return LENGTH.key;
    return token === 's' ? LENGTH.key + this.#symmetric.overhead : 0;
  }

  snapshot(): NoiseSnapshot {
    return {
      symmetric: this.#symmetric.clone(),
      remoteStatic: this.#remoteStatic,
      remoteEphemeral: this.#remoteEphemeral,
      nextMessage: this.#nextMessage,
      nextPsk: this.#nextPsk,
    };
  }

  /** Goes back; the snapshot is used up. */
  restore(snapshot: NoiseSnapshot): void {
    this.#symmetric.wipe();
    this.#symmetric = snapshot.symmetric;
    this.#remoteStatic = snapshot.remoteStatic;
    this.#remoteEphemeral = snapshot.remoteEphemeral;
    this.#nextMessage = snapshot.nextMessage;
    this.#nextPsk = snapshot.nextPsk;
  }

  /** Transport keys by direction, after the last message. */
  split(): { readonly send: CipherState; readonly receive: CipherState } {
    const { send, receive } = this.splitKeys();
    return { send: new CipherState(this.#provider, send), receive: new CipherState(this.#provider, receive) };
  }

  /** The same as bare keys, for datagrams that carry their counter. */
  splitKeys(): { readonly send: Uint8Array; readonly receive: Uint8Array } {
    const [fromInitiator, fromResponder] = this.#symmetric.split();
    return this.#role === 'initiator'
      ? { send: fromInitiator, receive: fromResponder }
      : { send: fromResponder, receive: fromInitiator };
  }

  wipe(): void {
    this.#symmetric.wipe();
    if (this.#ephemeral !== undefined) wipe(this.#ephemeral.secretKey);
  }

  #readMessage(message: Uint8Array): Uint8Array | NoiseFault {
    let at = 0;
    for (const token of this.#takeLine(this.#role === 'initiator' ? 'responder' : 'initiator')) {
      const end = at + this.tokenLength(token);
      const result = this.readToken(token, message.subarray(at, end));
      if (result !== 'ok') return result;
      at = end;
    }
    const payload = message.subarray(at);
    if (payload.length < this.#symmetric.overhead) return 'short';
    return this.#symmetric.decryptAndHash(payload) ?? 'auth';
  }

  #takeLine(sender: NoiseRole): readonly NoiseToken[] {
    const line = this.#pattern.messages[this.#nextMessage];
    if (line?.sender !== sender) throw new Error(`noise: it is not the ${sender}'s turn`);
    this.#nextMessage++;
    return line.tokens;
  }

  #mixEphemeral(publicKey: Uint8Array): Uint8Array {
    this.#symmetric.mixHash(publicKey);
    if (this.#pattern.usesPsk) this.#symmetric.mixKey(publicKey);
    return publicKey;
  }

  /** Mixes a shared secret or the next psk; undefined when it went well. */
  #mixSecret(token: 'ee' | 'es' | 'se' | 'ss' | 'psk'): 'weak-key' | undefined {
    if (token === 'psk') {
      this.#symmetric.mixKeyAndHash(need(this.#psks[this.#nextPsk++], 'psk'));
      return undefined;
    }
    const [mine, theirs] = this.#role === 'initiator' ? token : [token[1], token[0]];
    const own = need(mine === 'e' ? this.#ephemeral : this.#static, `own key for ${token}`);
    const remote = need(theirs === 'e' ? this.#remoteEphemeral : this.#remoteStatic, `peer's key for ${token}`);
    const shared = this.#provider.x25519(own.secretKey, remote);
    if (shared === null) return 'weak-key';
    this.#symmetric.mixKey(shared);
    wipe(shared);
    return undefined;
  }

  #mixPreMessages(): void {
    for (const { sender, tokens } of this.#pattern.preMessages) {
      for (const token of tokens) {
        if (token !== 's') throw new Error('noise: only static keys are known before the first message');
        const key = sender === this.#role ? this.#static?.publicKey : this.#remoteStatic;
        this.#symmetric.mixHash(need(key, `${sender}'s static key`));
      }
    }
  }
}

function need<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`noise: ${what} is missing`);
  return value;
}
