import { concat, wipe } from '../base/bytes.ts';
import { type CryptoProvider, LENGTH, requireHkdfLength } from './provider.ts';

/** RFC 5869's expansion over any HMAC-SHA-256: for providers whose library has no call of its own for it. */
export function hkdfExpandBy(
  hmac: CryptoProvider['hmac'],
  prk: Uint8Array,
  info: Uint8Array,
  length: number,
): Uint8Array {
  requireHkdfLength(length);
  const out = new Uint8Array(Math.ceil(length / LENGTH.hash) * LENGTH.hash);
  let previous: Uint8Array = new Uint8Array(0);
  for (let at = 0; at < out.length; at += LENGTH.hash) {
    const block = concat(previous, info, Uint8Array.of(at / LENGTH.hash + 1));
    previous = hmac(prk, block);
    wipe(block);
    out.set(previous, at);
  }
  return out.slice(0, length);
}
