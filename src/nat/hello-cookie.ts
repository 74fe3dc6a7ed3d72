import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { NAT_KIND, NAT_SIZE, NAT_VERSION } from './constants.ts';
import type { NatFault } from './fault.ts';

/*
 * How a coordinator under load lets nodes prove their address before it computes anything (protocol.md 6.6)
 *
 *   COOKIE 36          kind · version · 0 × 2 · index of the HELLO 4 · cookie 16
 *   PROVED-HELLO 37    kind · version · 0 × 2 · cookie 16 · the HELLO as it was
 */

/** What an answer to a HELLO gives: 16 bytes that this address alone is sent. */
export interface HelloCookie {
  readonly index: number;
  readonly cookie: Uint8Array;
}

const COOKIE_BYTES = 16;
const PROVED_HEAD = 4 + COOKIE_BYTES;

export function encodeHelloCookie({ index, cookie }: HelloCookie): Uint8Array {
  const writer = new ByteWriter(NAT_SIZE.helloCookie).u8(NAT_KIND.helloCookie).u8(NAT_VERSION).zeros(2);
  return writer.u32(index).raw(cookie).finish();
}

export function decodeHelloCookie(bytes: Uint8Array): HelloCookie | NatFault {
  if (bytes.length !== NAT_SIZE.helloCookie) return 'length';
  const reader = new ByteReader(bytes);
  return readHead(reader, NAT_KIND.helloCookie) ?? { index: reader.u32(), cookie: reader.raw(COOKIE_BYTES) };
}

/** The same HELLO once more, with the cookie that it was answered by. */
export function encodeProvedHello(cookie: Uint8Array, hello: Uint8Array): Uint8Array {
  const writer = new ByteWriter(PROVED_HEAD + hello.length).u8(NAT_KIND.provedHello).u8(NAT_VERSION).zeros(2);
  return writer.raw(cookie).raw(hello).finish();
}

/** The HELLO is a view of the bytes, and not looked at yet. */
export function decodeProvedHello(bytes: Uint8Array): { cookie: Uint8Array; hello: Uint8Array } | NatFault {
  if (bytes.length !== PROVED_HEAD + NAT_SIZE.hello) return 'length';
  const reader = new ByteReader(bytes);
  return (
    readHead(reader, NAT_KIND.provedHello) ?? { cookie: reader.raw(COOKIE_BYTES), hello: bytes.subarray(PROVED_HEAD) }
  );
}

/** The index of what has the form of a HELLO, by which its answer is found. */
export function helloIndex(bytes: Uint8Array): number | NatFault {
  if (bytes.length !== NAT_SIZE.hello) return 'length';
  const reader = new ByteReader(bytes);
  return readHead(reader, NAT_KIND.hello) ?? reader.u32();
}

function readHead(reader: ByteReader, kind: number): NatFault | undefined {
  if (reader.u8() !== kind) return 'kind';
  if (reader.u8() !== NAT_VERSION) return 'version';
  return reader.zeros(2) ? undefined : 'pad';
}
