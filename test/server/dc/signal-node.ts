import { unixSeconds } from '../../../src/base/brands.ts';
import { ByteWriter } from '../../../src/base/byte-writer.ts';
import { concat } from '../../../src/base/bytes.ts';
import { encodeKeyPart, nodeIdOf } from '../../../src/crypto/credential.ts';
import { nodeProvider } from '../../../src/crypto/node-provider.ts';
import { decodeSignal, encodeSignal, type SignalMessage } from '../../../src/nat/signal-message.ts';
import { SignalHandshake, type SignalSession } from '../../../src/nat/signal-session.ts';
import { ok, seedOf } from '../../crypto/fixtures.ts';

/** The node's half of a signalling session, by hand: bytes in, bytes out. */
export class SignalNode {
  readonly name: string;
  readonly #coordinator: Uint8Array;
  readonly #edSeed: Uint8Array;
  #handshake: SignalHandshake | undefined;
  #session: SignalSession | undefined;
  #hellos = 0;
  #last = 0;

  constructor(name: string, coordinator: Uint8Array, edSeed = seedOf(`${name} identity`)) {
    this.name = name;
    this.#coordinator = coordinator;
    this.#edSeed = edSeed;
  }

  get edPublic(): Uint8Array {
    return nodeProvider.ed25519KeyPair(this.#edSeed).publicKey;
  }

  get id() {
    return nodeIdOf(nodeProvider, this.edPublic);
  }

  /** `time` in seconds; the X25519 key is the one that the key part names, unless told another. */
  hello(
    caPart: Uint8Array,
    time: number,
    change: { readonly life?: number; readonly thief?: string } = {},
  ): Uint8Array {
    const keys = nodeProvider.x25519KeyPair(seedOf(`${this.name} x25519`));
    const until = unixSeconds(time + (change.life ?? 86_400));
    const keyPart = encodeKeyPart(nodeProvider, this.#edSeed, this.id, keys.publicKey, until);
    this.#last = Math.max(this.#last + 1, time * 1_000);
    const head = new ByteWriter(8).u32(Math.floor(this.#last / 2 ** 32)).u32(this.#last % 2 ** 32);
    this.#handshake = new SignalHandshake(
      nodeProvider,
      {
        static: change.thief ? nodeProvider.x25519KeyPair(seedOf(change.thief)) : keys,
        ephemeral: nodeProvider.x25519KeyPair(seedOf(`${this.name} ${++this.#hellos}`)),
        coordinator: this.#coordinator,
      },
      1_000 + this.#hellos,
      concat(head.finish(), caPart, keyPart),
    );
    return this.#handshake.hello;
  }

  welcomed(bytes: Uint8Array): void {
    this.#session = ok(this.#handshake?.handleWelcome(bytes) ?? 'no handshake').session;
  }

  seal(message: SignalMessage): Uint8Array {
    return ok(this.#session ?? 'no session').seal(encodeSignal(message));
  }

  open(bytes: Uint8Array): SignalMessage {
    return ok<SignalMessage>(decodeSignal(ok<Uint8Array>(ok(this.#session ?? 'no session').open(bytes))));
  }
}
