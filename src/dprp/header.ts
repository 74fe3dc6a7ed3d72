import { type SaIndex, saIndex } from '../base/brands.ts';
import type { ByteReader } from '../base/byte-reader.ts';
import type { ByteWriter } from '../base/byte-writer.ts';
import { MAX_HOPS, PROTOCOL_VERSION, SIZE } from './constants.ts';
import type { DprpFault } from './fault.ts';

/*
 * Common header, 12 bytes (protocol.md 2.2)
 *
 *   0       1       2       3       4               8               12
 *   +-------+-------+-------+-------+---------------+---------------+
 *   | type  |  ver  | flags | hops  |  idx_sender   | idx_receiver  |
 *   +-------+-------+-------+-------+---------------+---------------+
 *
 * hops counts the on-path elements: in DDE those passed so far, in RGI the records appended so far, in MPIT and CDN
 * the boxes carried. It is 0 in every hash, MAC and AAD, so a wrong value harms nothing but the negotiation itself.
 */

/** What the header of a DPRP message says besides its type. */
export interface DprpHeader {
  readonly flags: number;
  readonly hops: number;
  /** 0 where the sender has no index yet: COOKIE, STALE, NOGROUP, NOENTRY-HOP */
  readonly sender: SaIndex;
  readonly receiver: SaIndex;
}

/** A header without flags, and without hops as long as no on-path element raised them. */
export function plainHeader(sender: number, receiver: number, hops = 0): DprpHeader {
  return { flags: 0, hops, sender: saIndex(sender), receiver: saIndex(receiver) };
}

/** Writes the 12 bytes. */
export function writeHeader(writer: ByteWriter, type: number, header: DprpHeader): ByteWriter {
  return writer.u8(type).u8(PROTOCOL_VERSION).u8(header.flags).u8(header.hops).u32(header.sender).u32(header.receiver);
}

/** Reads the 12 bytes, which the caller knows to be there; flags outside `flagMask` must be zero (protocol.md W1). */
export function readHeader(reader: ByteReader, type: number, flagMask = 0): DprpHeader | DprpFault {
  if (reader.u8() !== type) return 'type';
  if (reader.u8() !== PROTOCOL_VERSION) return 'version';
  const flags = reader.u8();
  if ((flags & ~flagMask) !== 0) return 'flags';
  const hops = reader.u8();
  if (hops > MAX_HOPS) return 'hops';
  return { flags, hops, sender: saIndex(reader.u32()), receiver: saIndex(reader.u32()) };
}

/** True for the base index of an SA: not 0, lane bits clear (protocol.md 5.4). */
export function isBaseIndex(index: SaIndex): boolean {
  return index !== 0 && (index & 7) === 0;
}

/** A copy of the first `length` bytes of a message with hops = 0, as hashes, MACs and AADs take it (protocol.md 2.3). */
export function withoutHops(message: Uint8Array, length: number = SIZE.header): Uint8Array {
  const copy = message.slice(0, length);
  copy[3] = 0;
  return copy;
}
