import { decodeEnrolAnswer, type EnrolAnswer, encodeEnrolRequest } from '../../../src/api/channel/enrol-message.ts';
import { decodeFrame, decodeGreeting, encodeFrame, frameHeader } from '../../../src/api/channel/frames.ts';
import { encodeNodeMessage, type Hello, type NodeMessage } from '../../../src/api/channel/node-message.ts';
import {
  decodeServerMessage,
  MAX_SERVER_MESSAGE,
  type ServerMessage,
} from '../../../src/api/channel/server-message.ts';
import type { JoinToken } from '../../../src/api/join-token.ts';
import type { UnixSeconds } from '../../../src/base/brands.ts';
import { unixSeconds } from '../../../src/base/brands.ts';
import { concat } from '../../../src/base/bytes.ts';
import { encodeKeyPart, nodeIdOf } from '../../../src/crypto/credential.ts';
import { macClaim, signClaim } from '../../../src/crypto/enrolment.ts';
import { nodeProvider } from '../../../src/crypto/node-provider.ts';
import { ChannelHandshake, type ChannelPurpose } from '../../../src/crypto/noise-channel.ts';
import type { RecordChannel } from '../../../src/crypto/noise-channel-records.ts';
import { ok, seedOf } from '../../crypto/fixtures.ts';

/** Anything that takes frames and gives frames: a channel, or a channel inside a hub. */
export type Line = (frame: Uint8Array) => readonly Uint8Array[];

const HELLO: Omit<Hello, 'credential'> = {
  type: 'hello',
  release: 'test',
  formats: [1],
  have: { number: 0, groups: [] },
  udpPort: 47_247,
  endpoints: [],
  fetch: 'start',
  alwaysOn: false,
};

/** A node's end of a channel, by hand: it believes everything, so that tests decide what is wrong. */
export class Peer {
  readonly name: string;
  readonly greeting: Uint8Array;
  readonly #line: Line;
  #records: RecordChannel | undefined;
  #count = 0;

  constructor(name: string, greeting: Uint8Array, line: Line) {
    this.name = name;
    this.greeting = greeting;
    this.#line = line;
  }

  get edSeed(): Uint8Array {
    return seedOf(`${this.name} identity`);
  }

  get edPublic(): Uint8Array {
    return nodeProvider.ed25519KeyPair(this.edSeed).publicKey;
  }

  get xKeys() {
    return nodeProvider.x25519KeyPair(seedOf(`${this.name} x25519`));
  }

  get records(): RecordChannel {
    return ok(this.#records ?? 'no records');
  }

  /** The frame that begins an enrolment or a session. */
  firstFrame(purpose: ChannelPurpose): { readonly frame: Uint8Array; readonly handshake: ChannelHandshake } {
    const { asKey, gmsKey } = ok(decodeGreeting(this.greeting));
    const handshake = new ChannelHandshake(
      nodeProvider,
      { purpose, greeting: this.greeting, header: frameHeader(purpose) },
      {
        remoteStatic: purpose === 'enrol' ? asKey : gmsKey,
        static: this.xKeys,
        ephemeral: nodeProvider.x25519KeyPair(seedOf(`${this.name} ${this.#count++}`)),
      },
    );
    return { frame: encodeFrame(purpose, ok<Uint8Array>(handshake.message)), handshake };
  }

  /** The handshake, as far as the records. */
  open(purpose: ChannelPurpose): readonly Uint8Array[] {
    const { frame, handshake } = this.firstFrame(purpose);
    const [reply, ...more] = this.#line(frame);
    const message = ok(decodeFrame(reply ?? new Uint8Array(0), purpose === 'enrol' ? 'enrolReply' : 'sessionReply'));
    this.#records = ok<RecordChannel>(handshake.finish(message, MAX_SERVER_MESSAGE));
    return more;
  }

  enrolRequest(token: Pick<JoinToken, 'id' | 'secret'>, change: { readonly name?: string } = {}): Uint8Array {
    const asked = { tokenId: token.id, edPublic: this.edPublic, name: this.name, ...change };
    const claim = { ...asked, hash: this.records.hash };
    const signature = signClaim(nodeProvider, claim, this.edSeed);
    const mac = macClaim(nodeProvider, claim, token.secret);
    return encodeEnrolRequest({ type: 'enrol', ...asked, signature, mac });
  }

  /** All of an enrolment; undefined when the server says nothing. */
  enrol(token: Pick<JoinToken, 'id' | 'secret'>): EnrolAnswer | undefined {
    this.open('enrol');
    const [answer] = this.exchange(this.enrolRequest(token));
    return answer && ok(decodeEnrolAnswer(answer));
  }

  credential(caPart: Uint8Array, now: UnixSeconds, life = 6 * 86_400): Uint8Array {
    const id = nodeIdOf(nodeProvider, this.edPublic);
    const keyPart = encodeKeyPart(nodeProvider, this.edSeed, id, this.xKeys.publicKey, unixSeconds(now + life));
    return concat(caPart, keyPart);
  }

  hello(credential: Uint8Array, change: Partial<Hello> = {}): Uint8Array {
    return encodeNodeMessage({ ...HELLO, credential, ...change });
  }

  /** A whole session up to the answers to `hello`. */
  start(caPart: Uint8Array, now: UnixSeconds, change: Partial<Hello> = {}): readonly ServerMessage[] {
    this.open('session');
    return this.exchange(this.hello(this.credential(caPart, now), change)).map((each) => ok(decodeServerMessage(each)));
  }

  say(message: NodeMessage): readonly ServerMessage[] {
    return this.exchange(encodeNodeMessage(message)).map((each) => ok(decodeServerMessage(each)));
  }

  /** Sends a message and gives those that come back. */
  exchange(message: Uint8Array): readonly Uint8Array[] {
    return this.seal(message).flatMap((frame) => this.read(this.#line(frame)));
  }

  seal(message: Uint8Array): readonly Uint8Array[] {
    return ok<readonly Uint8Array[]>(this.records.seal(message));
  }

  /** The messages that frames bring. */
  read(frames: readonly Uint8Array[]): readonly Uint8Array[] {
    return frames.flatMap((frame) => ok(this.records.open(frame)).message ?? []);
  }
}
