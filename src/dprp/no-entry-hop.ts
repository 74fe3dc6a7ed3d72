import type { SaIndex } from '../base/brands.ts';
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { DATAGRAM } from '../base/datagram-kinds.ts';
import { SIZE } from './constants.ts';
import type { DprpFault } from './fault.ts';
import { plainHeader, readHeader, writeHeader } from './header.ts';

/*
 * NOENTRY-HOP, ← GEN to its inside, 12 bytes (protocol.md 2.2, 8.5): a header whose idx_sender is 0 and whose
 * idx_receiver is the index of the data that the GEN has no relay entry for. Unauthenticated: it may only
 * trigger a rekey (protocol.md C4).
 */

export function encodeNoEntryHop(unknown: SaIndex): Uint8Array {
  return writeHeader(new ByteWriter(SIZE.noEntryHop), DATAGRAM.noEntryHop, plainHeader(0, unknown)).finish();
}

/** The unknown index. */
export function decodeNoEntryHop(bytes: Uint8Array): { readonly unknown: SaIndex } | DprpFault {
  if (bytes.length !== SIZE.noEntryHop) return 'length';
  const header = readHeader(new ByteReader(bytes), DATAGRAM.noEntryHop);
  if (typeof header === 'string') return header;
  if (header.hops !== 0) return 'hops';
  return header.sender === 0 ? { unknown: header.receiver } : 'index';
}
