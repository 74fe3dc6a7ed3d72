import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { concat, equalConstantTime, utf8 } from '../base/bytes.ts';
import type { PathAddress } from '../base/path-address.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { NAT_KIND, NAT_LABEL, NAT_SIZE, NAT_VERSION } from './constants.ts';
import { readEndpoint, writeEndpoint } from './endpoint.ts';
import type { NatFault } from './fault.ts';

/*
 * How others see this socket: question 34 and answer 35, 56 bytes each (protocol.md 6.6)
 *
 *   question: kind · version · from 1 · 0 · ticket 4 · nonce 12 · delay 2 · 0 × 18 · MAC 16
 *   answer:   kind · version · from 1 · 0 · ticket 4 · nonce 12 · seen 19 · 0 × 1 · MAC 16
 *
 *   from: 0 as asked, 1 from the coordinator's other port, 2 from its other address (which filters are on the way).
 *   delay: seconds until the answer (does the mapping live as long?). ticket and the key of the MAC come with
 *   REGISTERED, so that neither a stranger nor a liar on the path makes a node believe an address.
 */

export const REFLECT_FROM = ['asked', 'other-port', 'other-address'] as const;
export type ReflectFrom = (typeof REFLECT_FROM)[number];

export interface ReflectQuestion {
  readonly kind: 'question';
  readonly from: ReflectFrom;
  readonly ticket: number;
  /** 12 bytes */
  readonly nonce: Uint8Array;
  /** seconds */
  readonly delay: number;
}

export interface ReflectAnswer {
  readonly kind: 'answer';
  readonly from: ReflectFrom;
  readonly ticket: number;
  readonly nonce: Uint8Array;
  readonly seen: PathAddress;
}

export type Reflection = ReflectQuestion | ReflectAnswer;

/** Longest delay that a coordinator keeps an answer for; seconds. */
export const REFLECT_DELAY_MAX = 600;
const MAC_AT = 40;
const MAC_BYTES = 16;

export function encodeReflect(provider: CryptoProvider, key: Uint8Array, message: Reflection): Uint8Array {
  const { kind, from, ticket, nonce } = message;
  const writer = new ByteWriter(NAT_SIZE.reflect).u8(kind === 'question' ? NAT_KIND.reflect : NAT_KIND.reflected);
  writer.u8(NAT_VERSION).u8(REFLECT_FROM.indexOf(from)).zeros(1).u32(ticket).raw(nonce);
  if (kind === 'question') writer.u16(message.delay).zeros(18);
  else writeEndpoint(writer, message.seen).zeros(1);
  return writer.raw(reflectMac(provider, key, kind, writer.bytes)).finish();
}

/** Not yet authenticated: the ticket tells whose key `isAuthenticReflect` needs. */
export function decodeReflect(bytes: Uint8Array): Reflection | NatFault {
  if (bytes.length !== NAT_SIZE.reflect) return 'length';
  const reader = new ByteReader(bytes);
  const code = reader.u8();
  if (code !== NAT_KIND.reflect && code !== NAT_KIND.reflected) return 'kind';
  if (reader.u8() !== NAT_VERSION) return 'version';
  const from = REFLECT_FROM[reader.u8()];
  if (from === undefined) return 'flags';
  if (!reader.zeros(1)) return 'pad';
  const [ticket, nonce] = [reader.u32(), reader.raw(12)];
  if (code === NAT_KIND.reflect) {
    const delay = reader.u16();
    if (delay > REFLECT_DELAY_MAX) return 'lifetime';
    return reader.zeros(18) ? { kind: 'question', from, ticket, nonce, delay } : 'pad';
  }
  const seen = readEndpoint(reader);
  if (!seen) return 'endpoint';
  return reader.zeros(1) ? { kind: 'answer', from, ticket, nonce, seen } : 'pad';
}

export function isAuthenticReflect(
  provider: CryptoProvider,
  key: Uint8Array,
  bytes: Uint8Array,
  { kind }: Reflection,
): boolean {
  return equalConstantTime(reflectMac(provider, key, kind, bytes), bytes.subarray(MAC_AT));
}

function reflectMac(
  provider: CryptoProvider,
  key: Uint8Array,
  kind: Reflection['kind'],
  bytes: Uint8Array,
): Uint8Array {
  const label = utf8(kind === 'question' ? NAT_LABEL.reflect : NAT_LABEL.reflected);
  return provider.hmac(key, concat(label, bytes.subarray(0, MAC_AT))).subarray(0, MAC_BYTES);
}
