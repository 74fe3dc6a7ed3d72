import { decodeEnrolAnswer, type Enrolled, encodeEnrolRequest } from '../../api/channel/enrol-message.ts';
import {
  decodeFrame,
  decodeGreeting,
  encodeFrame,
  type FrameKind,
  frameHeader,
  type Greeting,
} from '../../api/channel/frames.ts';
import { encodeNodeMessage, type Hello, type NodeMessage } from '../../api/channel/node-message.ts';
import type { Refused } from '../../api/channel/refused.ts';
import { decodeServerMessage, MAX_SERVER_MESSAGE, type ServerMessage } from '../../api/channel/server-message.ts';
import type { JoinToken } from '../../api/join-token.ts';
import { type UnixSeconds, unixSeconds } from '../../base/brands.ts';
import { compareBytes, concat, wipe } from '../../base/bytes.ts';
import { unreachable } from '../../base/unreachable.ts';
import { encodeKeyPart, nodeIdOf, verifyCaPart } from '../../crypto/credential.ts';
import { isNamedKey, macClaim, signClaim } from '../../crypto/enrolment.ts';
import { freshKeyPair } from '../../crypto/fresh-key-pair.ts';
import { verifyGmsCertificate } from '../../crypto/gms-certificate.ts';
import { ChannelHandshake } from '../../crypto/noise-channel.ts';
import type { RecordChannel } from '../../crypto/noise-channel-records.ts';
import type { CryptoProvider, KeyPair } from '../../crypto/provider.ts';

/*
 * The node's side of one connection to its server (protocol.md 11):
 *
 *   greeting ──▶ handshake ──▶ enrolling ──▶ over          by a join token, with the account server
 *                    └───────▶ open ───────▶ over          with the group management server that is pinned
 *
 * Whatever does not fit ends it; the link opens another one.
 */

export interface ChannelTools {
  readonly provider: CryptoProvider;
  random(length: number): Uint8Array;
  /** the server's clock as far as it is known */
  corrected(): UnixSeconds;
}

/** What a connection is for. Seeds stay the caller's. */
export type ChannelPlan =
  | { readonly purpose: 'enrol'; readonly token: JoinToken; readonly edSeed: Uint8Array; readonly name: string }
  | {
      readonly purpose: 'session';
      readonly gmsKey: Uint8Array;
      readonly edSeed: Uint8Array;
      /** the newest certificate, which may have ended: then the session is good for `renew` alone */
      readonly caPart: Uint8Array;
      readonly hello: () => Omit<Hello, 'type' | 'credential'>;
    };

/** Why a connection is over. */
export type ChannelFault =
  /** The greeting's key is not the one that the token names, or that was pinned: it may be another's server. */
  | 'server-not-named'
  | 'server-key-changed'
  /** What the server sent is no such message, or its proof does not hold. */
  | 'server-frame'
  /** It speaks another version of the channel than this release. */
  | 'server-version'
  | 'server-proof'
  | 'server-message'
  | 'server-certificates';

export type ChannelEvent =
  | { readonly kind: 'send'; readonly frames: readonly Uint8Array[] }
  /** the server has proved who it is, and `hello` was sent */
  | { readonly kind: 'open' }
  | { readonly kind: 'enrolled'; readonly answer: Enrolled; readonly gmsKey: Uint8Array }
  | { readonly kind: 'enrol-refused'; readonly refused: Refused }
  | { readonly kind: 'message'; readonly message: ServerMessage }
  | { readonly kind: 'over'; readonly fault: ChannelFault };

type Stage = 'greeting' | 'handshake' | 'enrolling' | 'open' | 'over';

/** How long a key part made for one session is valid, to both sides of a clock that is wrong; in seconds. */
const KEY_PART_LIFE = 3.5 * 86_400;
const KINDS = {
  enrol: { first: 'enrol', reply: 'enrolReply' },
  session: { first: 'session', reply: 'sessionReply' },
} as const satisfies Record<string, { first: FrameKind; reply: FrameKind }>;

/** One connection, from the greeting on. Frames go in, events come out; nothing throws on what a server sends. */
export class NodeChannel {
  readonly #tools: ChannelTools;
  readonly #plan: ChannelPlan;
  #stage: Stage = 'greeting';
  #handshake: ChannelHandshake | undefined;
  #records: RecordChannel | undefined;
  /** made for this session: the X25519 key that the key part of its credential names */
  #own: KeyPair | undefined;

  constructor(tools: ChannelTools, plan: ChannelPlan) {
    this.#tools = tools;
    this.#plan = plan;
  }

  get isOpen(): boolean {
    return this.#stage === 'open';
  }

  handleFrame(frame: Uint8Array): readonly ChannelEvent[] {
    switch (this.#stage) {
      case 'greeting':
        return this.#begin(frame);
      case 'handshake':
        return this.#finish(frame);
      case 'enrolling':
      case 'open':
        return this.#receive(frame);
      case 'over':
        return [];
      default:
        return unreachable(this.#stage);
    }
  }

  /** The frames of a message; none when the channel is not open. */
  send(message: NodeMessage): readonly Uint8Array[] {
    const frames = this.#stage === 'open' ? this.#records?.seal(encodeNodeMessage(message)) : undefined;
    return frames === undefined || typeof frames === 'string' ? [] : frames;
  }

  /** Overwrites its keys. */
  close(): void {
    this.#stage = 'over';
    this.#handshake?.abandon();
    this.#records?.close();
    if (this.#own) wipe(this.#own.secretKey);
  }

  #begin(frame: Uint8Array): readonly ChannelEvent[] {
    const greeting = decodeGreeting(frame);
    if (typeof greeting === 'string') return this.#over(greeting === 'version' ? 'server-version' : 'server-frame');
    const remoteStatic = this.#believed(greeting);
    if (typeof remoteStatic === 'string') return this.#over(remoteStatic);
    const { provider, random } = this.#tools;
    const { purpose } = this.#plan;
    const { first } = KINDS[purpose];
    if (purpose === 'session') this.#own = freshKeyPair(provider, random);
    const ephemeral = freshKeyPair(provider, random);
    const keys = { remoteStatic, ephemeral, ...(this.#own && { static: this.#own }) };
    this.#handshake = new ChannelHandshake(provider, { purpose, greeting: frame, header: frameHeader(first) }, keys);
    const { message } = this.#handshake;
    if (message === 'weak-key') return this.#over('server-proof');
    this.#stage = 'handshake';
    return [{ kind: 'send', frames: [encodeFrame(first, message)] }];
  }

  /** E1: nothing is done with a server whose key the token, or the account server's certificate, does not name. */
  #believed({ asKey, gmsKey }: Greeting): Uint8Array | ChannelFault {
    const plan = this.#plan;
    switch (plan.purpose) {
      case 'enrol':
        return isNamedKey(this.#tools.provider, asKey, plan.token.fingerprint) ? asKey : 'server-not-named';
      case 'session':
        return compareBytes(gmsKey, plan.gmsKey) === 0 ? gmsKey : 'server-key-changed';
      default:
        return unreachable(plan);
    }
  }

  #finish(frame: Uint8Array): readonly ChannelEvent[] {
    const reply = decodeFrame(frame, KINDS[this.#plan.purpose].reply);
    if (typeof reply === 'string') return this.#over('server-frame');
    const records = this.#handshake?.finish(reply, MAX_SERVER_MESSAGE);
    if (records === undefined || typeof records === 'string') return this.#over('server-proof');
    this.#records = records;
    if (this.#plan.purpose === 'enrol') return this.#enrol(records, this.#plan);
    this.#stage = 'open';
    const hello = { ...this.#plan.hello(), type: 'hello', credential: this.#credential(this.#plan) } as const;
    return [{ kind: 'send', frames: this.send(hello) }, { kind: 'open' }];
  }

  #enrol(
    records: RecordChannel,
    { token, edSeed, name }: Extract<ChannelPlan, { purpose: 'enrol' }>,
  ): readonly ChannelEvent[] {
    const { provider } = this.#tools;
    const { publicKey: edPublic } = provider.ed25519KeyPair(edSeed);
    const asked = { tokenId: token.id, edPublic, name };
    const claim = { ...asked, hash: records.hash };
    const signature = signClaim(provider, claim, edSeed);
    const mac = macClaim(provider, claim, token.secret);
    const frames = records.seal(encodeEnrolRequest({ type: 'enrol', ...asked, signature, mac }));
    if (typeof frames === 'string') return this.#over('server-proof');
    this.#stage = 'enrolling';
    return [{ kind: 'send', frames }];
  }

  /** CA part and a key part for this session alone. */
  #credential({ edSeed, caPart }: Extract<ChannelPlan, { purpose: 'session' }>): Uint8Array {
    const { provider, corrected } = this.#tools;
    const xPublic = this.#own?.publicKey;
    if (xPublic === undefined) throw new Error('a session without a key of its own');
    const id = nodeIdOf(provider, provider.ed25519KeyPair(edSeed).publicKey);
    const notAfter = unixSeconds(Math.floor(corrected() + KEY_PART_LIFE));
    return concat(caPart, encodeKeyPart(provider, edSeed, id, xPublic, notAfter));
  }

  #receive(frame: Uint8Array): readonly ChannelEvent[] {
    const opened = this.#records?.open(frame);
    if (opened === undefined || typeof opened === 'string') return this.#over('server-proof');
    const { message } = opened;
    if (message === undefined) return [];
    const events = this.#plan.purpose === 'enrol' ? this.#enrolAnswer(message, this.#plan) : this.#message(message);
    wipe(message); // it may have held keys, which were copied
    return events;
  }

  #message(bytes: Uint8Array): readonly ChannelEvent[] {
    const message = decodeServerMessage(bytes);
    // a later release of the server may say more
    if (message === 'message-type') return [];
    return typeof message === 'string' ? this.#over('server-message') : [{ kind: 'message', message }];
  }

  #enrolAnswer(bytes: Uint8Array, { edSeed }: Extract<ChannelPlan, { purpose: 'enrol' }>): readonly ChannelEvent[] {
    const answer = decodeEnrolAnswer(bytes);
    if (typeof answer === 'string') return this.#over('server-message');
    if (answer.type === 'refused') return this.#last({ kind: 'enrol-refused', refused: answer });
    const { provider } = this.#tools;
    const caPart = verifyCaPart(provider, answer.caPart, [answer.ca], answer.time);
    const gms = verifyGmsCertificate(provider, answer.gmsCertificate, answer.ca, answer.time);
    if (typeof caPart === 'string' || typeof gms === 'string') return this.#over('server-certificates');
    if (compareBytes(caPart.edPk, provider.ed25519KeyPair(edSeed).publicKey) !== 0) {
      return this.#over('server-certificates');
    }
    return this.#last({ kind: 'enrolled', answer, gmsKey: gms.gmsKey });
  }

  #last(event: ChannelEvent): readonly ChannelEvent[] {
    this.close();
    return [event];
  }

  #over(fault: ChannelFault): readonly ChannelEvent[] {
    return this.#last({ kind: 'over', fault });
  }
}
