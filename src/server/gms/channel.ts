import {
  decodeEnrolRequest,
  type EnrolAnswer,
  type EnrolRequest,
  encodeEnrolAnswer,
} from '../../api/channel/enrol-message.ts';
import type { MessageFault } from '../../api/channel/fields.ts';
import { decodeFrame, encodeFrame, type FrameFault, frameHeader, frameKindOf } from '../../api/channel/frames.ts';
import {
  CHANNEL_FORMAT,
  decodeNodeMessage,
  type Hello,
  MAX_NODE_MESSAGE,
  type NodeMessage,
} from '../../api/channel/node-message.ts';
import { encodeServerMessage, type ServerMessage } from '../../api/channel/server-message.ts';
import { CHANNEL_TIMES } from '../../api/channel/times.ts';
import type { Millis, UnixSeconds } from '../../base/brands.ts';
import { millis } from '../../base/brands.ts';
import { wipe } from '../../base/bytes.ts';
import { unreachable } from '../../base/unreachable.ts';
import type { CredentialFault } from '../../crypto/credential.ts';
import { type EnrolmentClaim, verifyClaim } from '../../crypto/enrolment.ts';
import { freshKeyPair } from '../../crypto/fresh-key-pair.ts';
import type { NoiseFault } from '../../crypto/noise.ts';
import { answerHandshake, type ChannelPurpose } from '../../crypto/noise-channel.ts';
import type { RecordChannel, RecordFault } from '../../crypto/noise-channel-records.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import { checkCredential, type SessionNode } from './channel-credential.ts';
import type { ServerKeys } from './server-keys.ts';

/*
 * The server's side of one node channel (protocol.md 11), from the greeting to its end.
 *
 *                     enrol frame            request, well signed            answerEnrolment
 *   'greeted' ──┬────────────────► 'enrolling' ────────────► 'deciding' ────────────► 'answered'
 *               │ session frame                hello, credential good     admit
 *               └────────────────► 'introducing' ────────────► 'checking' ───────► 'open'
 *
 * From everywhere 'closed': by a frame that does not fit, by a deadline, or by `close`. A frame that comes in 'deciding',
 * 'answered' or 'checking' ends the channel: a node waits there for the server.
 */

type Phase =
  | { readonly name: 'greeted' | 'closed' }
  | Secured<'enrolling' | 'deciding' | 'answered' | 'checking' | 'open'>
  | (Secured<'introducing'> & { readonly remoteStatic: Uint8Array });

interface Secured<Name extends string> {
  readonly name: Name;
  readonly records: RecordChannel;
}

/** Why the server ended a channel; also the name of a counter, behind `channel-`. */
export type ChannelFault =
  | FrameFault
  | NoiseFault
  | RecordFault
  | MessageFault
  | CredentialFault
  | 'enrol-signature'
  | 'no-common-format'
  | 'unexpected'
  | 'late'
  | 'silent';

/** What the outside has to do. After 'end' the channel is closed and wiped, and says nothing more. */
export type ChannelEffect =
  | { readonly kind: 'send'; readonly frame: Uint8Array }
  /** Decide, then call `answerEnrolment`. */
  | { readonly kind: 'enrol'; readonly request: EnrolRequest; readonly claim: EnrolmentClaim }
  /** Look the node up, then call `admit`, or `send` a reason and `close`. */
  | { readonly kind: 'introduced'; readonly node: SessionNode; readonly hello: Hello }
  | { readonly kind: 'message'; readonly message: Exclude<NodeMessage, Hello> }
  | { readonly kind: 'end'; readonly fault: ChannelFault };

/** What a channel takes from outside. */
export interface ChannelTools {
  readonly provider: CryptoProvider;
  readonly keys: ServerKeys;
  random(length: number): Uint8Array;
}

/** The server's side of one channel: sans-io, and nothing that the peer sends makes it throw. */
export class ServerChannel {
  readonly #tools: ChannelTools;
  #phase: Phase = { name: 'greeted' };
  #deadline: Millis;

  constructor(tools: ChannelTools, now: Millis) {
    this.#tools = tools;
    this.#deadline = millis(now + CHANNEL_TIMES.opening);
  }

  /** The first frame, which goes out before anything comes in. */
  get greeting(): Uint8Array {
    return this.#tools.keys.greeting;
  }

  get closed(): boolean {
    return this.#phase.name === 'closed';
  }

  /** Whether the node has proved who it is and was let in. */
  get open(): boolean {
    return this.#phase.name === 'open';
  }

  /** When `tick` ends it unless something comes before. */
  get deadline(): Millis {
    return this.#deadline;
  }

  handleFrame(frame: Uint8Array, now: Millis, time: UnixSeconds): readonly ChannelEffect[] {
    const phase = this.#phase;
    switch (phase.name) {
      case 'greeted':
        return this.#handshake(frame);
      case 'enrolling':
        return this.#record(phase, frame, (message) => this.#enrol(phase.records, message));
      case 'introducing':
        return this.#record(phase, frame, (message) => this.#introduce(phase, message, time));
      case 'open':
        this.#deadline = millis(now + CHANNEL_TIMES.silence);
        return this.#record(phase, frame, (message) => this.#message(message));
      case 'deciding':
      case 'checking':
      case 'answered':
        return this.#end('unexpected');
      case 'closed':
        return [];
      default:
        return unreachable(phase);
    }
  }

  tick(now: Millis): readonly ChannelEffect[] {
    if (this.closed || now < this.#deadline) return [];
    return this.#end(this.open ? 'silent' : 'late');
  }

  /** What the account server decided; the node closes when it has read it. */
  answerEnrolment(answer: EnrolAnswer, now: Millis): readonly ChannelEffect[] {
    if (this.#phase.name !== 'deciding') return [];
    this.#phase = { ...this.#phase, name: 'answered' };
    this.#deadline = millis(now + CHANNEL_TIMES.opening);
    return this.sendBytes(encodeEnrolAnswer(answer));
  }

  /** The node of 'introduced' is welcome: its messages are heard from now on. */
  admit(now: Millis): void {
    if (this.#phase.name !== 'checking') return;
    this.#phase = { ...this.#phase, name: 'open' };
    this.#deadline = millis(now + CHANNEL_TIMES.silence);
  }

  send(message: ServerMessage): readonly ChannelEffect[] {
    const bytes = encodeServerMessage(message);
    const effects = this.sendBytes(bytes);
    wipe(bytes); // an update holds keys
    return effects;
  }

  /** Sends a message that is encoded already, as one that goes to many. */
  sendBytes(message: Uint8Array): readonly ChannelEffect[] {
    const records = 'records' in this.#phase ? this.#phase.records.seal(message) : 'closed';
    if (records === 'closed') return [];
    if (records === 'record-limit') return this.#end(records);
    return records.map((frame) => ({ kind: 'send', frame }));
  }

  /** Ends it without a word; keys are overwritten. */
  close(): void {
    if ('records' in this.#phase) this.#phase.records.close();
    this.#phase = { name: 'closed' };
  }

  #handshake(frame: Uint8Array): readonly ChannelEffect[] {
    const kind = frameKindOf(frame);
    if (kind === 'enrol') return this.#answerHandshake('enrol', 'enrolReply', frame);
    if (kind === 'session') return this.#answerHandshake('session', 'sessionReply', frame);
    return this.#end(kind === 'greeting' || kind === 'enrolReply' || kind === 'sessionReply' ? 'kind' : kind);
  }

  #answerHandshake(purpose: ChannelPurpose, reply: 'enrolReply' | 'sessionReply', frame: Uint8Array) {
    const body = decodeFrame(frame, purpose);
    if (typeof body === 'string') return this.#end(body);
    const { provider, keys } = this.#tools;
    const opening = { purpose, greeting: keys.greeting, header: frameHeader(purpose) };
    const own = {
      static: purpose === 'enrol' ? keys.as : keys.gms,
      ephemeral: freshKeyPair(provider, (length) => this.#tools.random(length)),
    };
    const answered = answerHandshake(provider, opening, own, body, MAX_NODE_MESSAGE);
    if (typeof answered === 'string') return this.#end(answered);
    const { channel: records, remoteStatic } = answered;
    this.#phase =
      remoteStatic === undefined ? { name: 'enrolling', records } : { name: 'introducing', records, remoteStatic };
    return [{ kind: 'send', frame: encodeFrame(reply, answered.reply) } as const];
  }

  #record(
    { records }: Secured<string>,
    frame: Uint8Array,
    handle: (message: Uint8Array) => readonly ChannelEffect[],
  ): readonly ChannelEffect[] {
    const opened = records.open(frame);
    if (typeof opened === 'string') return this.#end(opened);
    return opened.message === undefined ? [] : handle(opened.message);
  }

  #enrol(records: RecordChannel, bytes: Uint8Array): readonly ChannelEffect[] {
    const request = decodeEnrolRequest(bytes);
    if (typeof request === 'string') return this.#end(request);
    const { tokenId, edPublic, name } = request;
    const claim = { hash: records.hash, tokenId, edPublic, name };
    if (!verifyClaim(this.#tools.provider, claim, request.signature)) return this.#end('enrol-signature');
    this.#phase = { name: 'deciding', records };
    return [{ kind: 'enrol', request, claim }];
  }

  #introduce(
    { records, remoteStatic }: Phase & { name: 'introducing' },
    bytes: Uint8Array,
    time: UnixSeconds,
  ): readonly ChannelEffect[] {
    const hello = decodeNodeMessage(bytes);
    if (typeof hello === 'string') return this.#end(hello);
    if (hello.type !== 'hello') return this.#end('unexpected');
    const node = checkCredential(this.#tools.provider, hello.credential, remoteStatic, this.#tools.keys.caPublic, time);
    if (typeof node === 'string') return this.#refuse(node, 'the server does not accept this certificate', time);
    if (!hello.formats.includes(CHANNEL_FORMAT)) {
      const text = `the server speaks format ${CHANNEL_FORMAT} of the channel, and ${hello.release || 'this node'} only ${hello.formats.join(', ')}: upgrade the server, or run an older release here`;
      return this.#refuse('no-common-format', text, time);
    }
    this.#phase = { name: 'checking', records };
    return [{ kind: 'introduced', node, hello }];
  }

  #message(bytes: Uint8Array): readonly ChannelEffect[] {
    const message = decodeNodeMessage(bytes);
    if (typeof message === 'string') return this.#end(message);
    return message.type === 'hello' ? this.#end('unexpected') : [{ kind: 'message', message }];
  }

  /** Says why and ends it. */
  #refuse(code: CredentialFault | 'no-common-format', text: string, time: UnixSeconds): readonly ChannelEffect[] {
    return [...this.send({ type: 'refused', code, text, time }), ...this.#end(code)];
  }

  #end(fault: ChannelFault): readonly ChannelEffect[] {
    this.close();
    return [{ kind: 'end', fault }];
  }
}
