import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { DATAGRAM } from '../base/datagram-kinds.ts';
import { SIZE } from './constants.ts';
import type { DprpFault } from './fault.ts';
import { type DprpHeader, readHeader, writeHeader } from './header.ts';

/*
 * COOKIE, ← R under load, 68 bytes (protocol.md 2.2, 2.5)
 *
 *   0         12          36                    68
 *   +---------+-----------+---------------------+
 *   | header  | nonce 24  | box(cookie 16) 32   |
 *   +---------+-----------+---------------------+
 *
 * idx_sender 0, idx_receiver = idx_sender of the DDE.
 */

/** The outer layout of COOKIE; the box's plaintext is the 16-byte cookie itself. */
export interface Cookie {
  readonly header: DprpHeader;
  readonly nonce: Uint8Array;
  readonly box: Uint8Array;
}

export function encodeCookie(cookie: Cookie): Uint8Array {
  const writer = writeHeader(new ByteWriter(SIZE.cookie), DATAGRAM.cookie, cookie.header);
  return writer.raw(cookie.nonce).raw(cookie.box).finish();
}

export function decodeCookie(bytes: Uint8Array): Cookie | DprpFault {
  if (bytes.length !== SIZE.cookie) return 'length';
  const reader = new ByteReader(bytes);
  const header = readHeader(reader, DATAGRAM.cookie);
  if (typeof header === 'string') return header;
  if (header.hops !== 0) return 'hops';
  if (header.sender !== 0) return 'index';
  return { header, nonce: reader.raw(24), box: reader.raw(32) };
}
