import { concat, fromHex, toHex } from '../../base/bytes.ts';

/*
 * The two frames of a relay link before its records (protocol.md 7.1), each one binary WebSocket message:
 *
 *   01 opening   relay → server   version 1 · kind 1 · zeros 2 · id 8 · Noise_NNpsk0 message 1: e 32 · tag 16 = 60
 *   02 reply     server → relay   version 1 · kind 1 · zeros 2 · Noise_NNpsk0 message 2: e 32 · tag 16        = 52
 */

const [VERSION, OPENING, REPLY] = [1, 1, 2];
const [HEAD, ID, MESSAGE] = [4, 8, 48];

/** `id`: 16 hex digits. */
export function encodeOpening(id: string, message: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(VERSION, OPENING, 0, 0), fromHex(id), message);
}

export function decodeOpening(frame: Uint8Array): { readonly id: string; readonly message: Uint8Array } | undefined {
  if (frame.length !== HEAD + ID + MESSAGE || !isHead(frame, OPENING)) return undefined;
  return { id: toHex(frame.subarray(HEAD, HEAD + ID)), message: frame.slice(HEAD + ID) };
}

export function encodeReply(message: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(VERSION, REPLY, 0, 0), message);
}

export function decodeReply(frame: Uint8Array): Uint8Array | undefined {
  return frame.length === HEAD + MESSAGE && isHead(frame, REPLY) ? frame.slice(HEAD) : undefined;
}

function isHead([version, kind, zero, other]: Uint8Array, wanted: number): boolean {
  return version === VERSION && kind === wanted && zero === 0 && other === 0;
}
