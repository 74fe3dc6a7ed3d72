import { type NodeId, nodeId } from '../base/brands.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { concat, fromHex, isZero, toHex, utf8 } from '../base/bytes.ts';
import { DATAGRAM } from '../base/datagram-kinds.ts';
import { type CryptoProvider, LENGTH } from '../crypto/provider.ts';
import { NAT_LABEL, NAT_VERSION } from './constants.ts';
import type { NatFault } from './fault.ts';

/*
 * CERTIFICATE-QUERY and its answer, kind 30 as well (protocol.md 8.4): the CA part of an element that named itself by
 * reference. Sealed for the members of D, both 244 bytes.
 *
 *   kind · version · type 1 (5 query, 6 answer) · domain version mod 8 · nonce 24 · XChaChaPoly(200) 216
 *
 *   query: node id 16 · 0 × 184      answer: CA part 200      additional data: the four bytes before the nonce
 */

const TYPE = { query: 5, answer: 6 } as const;
const HEAD = 4;
const NONCE = 24;
const BODY = 200;
const NODE = 16;
const SIZE = HEAD + NONCE + BODY + LENGTH.tag;

export type CertificateMessage =
  | { readonly type: 'query'; readonly node: NodeId }
  | { readonly type: 'answer'; readonly caPart: Uint8Array };

/** The key under which members of a domain version speak of certificates. */
export function certificateKey(provider: CryptoProvider, kDde: Uint8Array): Uint8Array {
  return provider.hkdfExpand(kDde, utf8(NAT_LABEL.certificate), LENGTH.key);
}

/** Undefined for what is neither of the two; else the low bits of its domain version. */
export function certificateDomain(bytes: Uint8Array): number | undefined {
  const isOne = bytes.length === SIZE && bytes[0] === DATAGRAM.elementQuery && bytes[1] === NAT_VERSION;
  return isOne && (bytes[2] === TYPE.query || bytes[2] === TYPE.answer) && bytes[3] < 8 ? bytes[3] : undefined;
}

export function sealCertificate(
  provider: CryptoProvider,
  key: Uint8Array,
  nonce: Uint8Array,
  domain: number,
  message: CertificateMessage,
): Uint8Array {
  const head = new ByteWriter(HEAD)
    .u8(DATAGRAM.elementQuery)
    .u8(NAT_VERSION)
    .u8(TYPE[message.type])
    .u8(domain)
    .finish();
  const body = message.type === 'answer' ? message.caPart : padded(fromHex(message.node));
  return concat(head, nonce, provider.xchachaSeal(key, nonce, head, body));
}

/** `bytes` are such that `certificateDomain` names a version of. */
export function openCertificate(
  provider: CryptoProvider,
  key: Uint8Array,
  bytes: Uint8Array,
): CertificateMessage | NatFault | 'auth' {
  const nonce = bytes.subarray(HEAD, HEAD + NONCE);
  const body = provider.xchachaOpen(key, nonce, bytes.subarray(0, HEAD), bytes.subarray(HEAD + NONCE));
  if (body === null) return 'auth';
  if (bytes[2] === TYPE.answer) return { type: 'answer', caPart: body };
  return isZero(body, NODE) ? { type: 'query', node: nodeId(toHex(body.subarray(0, NODE))) } : 'pad';
}

function padded(node: Uint8Array): Uint8Array {
  return new ByteWriter(BODY)
    .raw(node)
    .zeros(BODY - NODE)
    .finish();
}
