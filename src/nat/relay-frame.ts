import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { DATAGRAM } from '../base/datagram-kinds.ts';
import { NAT_SIZE } from './constants.ts';
import type { NatFault } from './fault.ts';

/*
 * Relay frame 20, 8 bytes before a datagram (protocol.md 7): type 1 · 0 × 3 · channel 4.
 * It is the prefix of a path slot (protocol.md 6.3), so a GRO run keeps it on each of its segments.
 */

/** The prefix that puts the datagrams of one path slot on a channel. */
export function encodeFrame(channel: number): Uint8Array {
  return new ByteWriter(NAT_SIZE.frame).u8(DATAGRAM.frame).zeros(3).u32(channel).finish();
}

/** The channel of a framed datagram that a relay may forward or a node may take; the datagram is what follows the frame. */
export function decodeFrame(bytes: Uint8Array): number | NatFault {
  if (bytes.length <= NAT_SIZE.frame) return 'length';
  const reader = new ByteReader(bytes);
  if (reader.u8() !== DATAGRAM.frame) return 'kind';
  if (!reader.zeros(3)) return 'pad';
  const channel = reader.u32();
  if (channel === 0) return 'channel';
  return isRelayable(bytes[NAT_SIZE.frame]) ? channel : 'kind';
}

/** DPRP 01 to 07 and data 10; nothing else, and never a frame in a frame (protocol.md N4). */
export function isRelayable(kind: number): boolean {
  return (kind >= DATAGRAM.dde && kind <= DATAGRAM.nogroup) || kind === DATAGRAM.data;
}
