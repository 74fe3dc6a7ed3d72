import { ByteReader } from '../../base/byte-reader.ts';
import { ByteWriter } from '../../base/byte-writer.ts';
import { concat } from '../../base/bytes.ts';

/*
 * The frames of a node channel before its records (protocol.md 11). One frame is one binary WebSocket message. All
 * begin with version 1 · kind 1 · zeros 2.
 *
 *   01 greeting        server → node   AS key 32 · GMS key 32                                             = 68
 *   02 enrol           node → server   Noise_NK message 1: e 32 · tag 16                                  = 52
 *   03 session         node → server   Noise_IK message 1: e 32 · s 32 + tag 16 · tag 16                  = 100
 *   04 enrol reply     server → node   Noise_NK message 2: e 32 · tag 16                                  = 52
 *   05 session reply   server → node   Noise_IK message 2: e 32 · tag 16                                  = 52
 *
 * Everything after that is a record: one Noise transport message, without a header of its own.
 */

export const FRAME_KIND = { greeting: 1, enrol: 2, session: 3, enrolReply: 4, sessionReply: 5 } as const;
export type FrameKind = keyof typeof FRAME_KIND;

/** Bytes behind the four of the header. */
const BODY: Readonly<Record<FrameKind, number>> = {
  greeting: 64,
  enrol: 48,
  session: 96,
  enrolReply: 48,
  sessionReply: 48,
};
/** First byte of each of these frames. */
export const FRAME_VERSION = 1;
const HEADER = 4;

/** What a server says first; unauthenticated, so that a node believes of it only what a fingerprint or a pin confirms. */
export interface Greeting {
  /** X25519 key of the account server */
  readonly asKey: Uint8Array;
  /** X25519 key of the group management server */
  readonly gmsKey: Uint8Array;
}

export type FrameFault = 'short' | 'version' | 'kind' | 'pad' | 'length';

export function encodeGreeting({ asKey, gmsKey }: Greeting): Uint8Array {
  return encodeFrame('greeting', concat(asKey, gmsKey));
}

export function decodeGreeting(frame: Uint8Array): Greeting | FrameFault {
  const body = decodeFrame(frame, 'greeting');
  return typeof body === 'string' ? body : { asKey: body.slice(0, 32), gmsKey: body.slice(32) };
}

/** A frame with its header; throws RangeError when the body has not the length that the kind has. */
export function encodeFrame(kind: FrameKind, body: Uint8Array): Uint8Array {
  return new ByteWriter(HEADER + BODY[kind]).raw(frameHeader(kind)).raw(body).finish();
}

/** The body of a frame of this kind. */
export function decodeFrame(frame: Uint8Array, kind: FrameKind): Uint8Array | FrameFault {
  const found = frameKindOf(frame);
  if (found !== kind) return isKind(found) ? 'kind' : found;
  return frame.slice(HEADER);
}

/** Which kind of frame this is, its length checked. */
export function frameKindOf(frame: Uint8Array): FrameKind | FrameFault {
  if (frame.length < HEADER) return 'short';
  const reader = new ByteReader(frame);
  if (reader.u8() !== FRAME_VERSION) return 'version';
  const number = reader.u8();
  const kind = KINDS.find((each) => FRAME_KIND[each] === number);
  if (kind === undefined) return 'kind';
  if (!reader.zeros(2)) return 'pad';
  return frame.length === HEADER + BODY[kind] ? kind : 'length';
}

/** The four bytes in front of a frame's body: part of the prologue of its handshake. */
export function frameHeader(kind: FrameKind): Uint8Array {
  return Uint8Array.of(FRAME_VERSION, FRAME_KIND[kind], 0, 0);
}

const KINDS = ['greeting', 'enrol', 'session', 'enrolReply', 'sessionReply'] as const;

function isKind(text: FrameKind | FrameFault): text is FrameKind {
  return text in FRAME_KIND;
}
