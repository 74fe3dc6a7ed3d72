import { fromHex } from '../base/bytes.ts';
import { LENGTH } from './provider.ts';

/** Last byte of a 255-bit number in little-endian order without the sign bit of x. */
const Y_TOP = 0x7f;

/** The y coordinates of the eight points of small order, little-endian; each stands for both signs of x. */
const SMALL_ORDER_Y = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
].map(fromHex);

/**
 * Whether an encoding is one that both providers accept as a public key or as R of a signature: 32 bytes, y below the field
 * prime, not of small order (protocol.md 1.3, rule A5). That it lies on the curve is left to the verification itself.
 */
export function acceptableEd25519Point(encoding: Uint8Array): boolean {
  if (encoding.length !== LENGTH.key) return false;
  return canonicalY(encoding) && !SMALL_ORDER_Y.some((y) => sameY(encoding, y));
}

/** The part of a strict verification that does not depend on the library: OpenSSL's versions differ on points of small order. */
export function acceptableEd25519Signature(publicKey: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== LENGTH.signature || !acceptableEd25519Point(publicKey)) return false;
  return acceptableEd25519Point(signature.subarray(0, 32));
}

/** y < 2^255 − 19, that is: not one of the 19 numbers ed…ff, ff … ff, 7f. */
function canonicalY(key: Uint8Array): boolean {
  if ((key[31] & Y_TOP) !== Y_TOP) return true;
  for (let i = 30; i > 0; i--) if (key[i] !== 0xff) return true;
  return key[0] < 0xed;
}

function sameY(key: Uint8Array, y: Uint8Array): boolean {
  for (let i = 0; i < 31; i++) if (key[i] !== y[i]) return false;
  return (key[31] & Y_TOP) === y[31];
}
