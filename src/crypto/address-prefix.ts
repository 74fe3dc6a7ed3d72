import { isZero } from '../base/bytes.ts';

/** A route: an address of 16 bytes (IPv4 in the last four, the others zero) and the prefix length in its own family. */
export interface AddressPrefix {
  readonly family: 4 | 6;
  readonly address: Uint8Array;
  readonly length: number;
}

/** Bytes of a prefix in a certificate or roster: length 1 · address 16 (protocol.md 1.3). */
export const PREFIX_SIZE = 17;

/** An IPv4 prefix /n is written as the last n bits of 96 + n, so that one byte tells the families apart. */
const V4_OFFSET = 96;

/** Whether an address of 16 bytes stands for IPv4. */
export function isIpv4(address: Uint8Array): boolean {
  return isZero(address, 0, 12);
}

/** Whether an address of 16 bytes lies inside the prefix; a prefix of one family covers nothing of the other. */
export function prefixCovers(prefix: AddressPrefix, address: Uint8Array): boolean {
  if (isIpv4(address) !== (prefix.family === 4)) return false;
  const bits = totalBits(prefix);
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (address[i] !== prefix.address[i]) return false;
  const rest = bits & 7;
  return rest === 0 || (address[whole] ^ prefix.address[whole]) >> (8 - rest) === 0;
}

/** The 17 bytes of a prefix; throws RangeError when a bit behind the prefix is set or the length is impossible. */
export function encodePrefix(prefix: AddressPrefix): Uint8Array {
  const bytes = new Uint8Array(PREFIX_SIZE);
  bytes[0] = totalBits(prefix);
  bytes.set(prefix.address, 1);
  const back = decodePrefix(bytes);
  if (back?.family !== prefix.family || back.length !== prefix.length) throw new RangeError('not a canonical prefix');
  return bytes;
}

/** The prefix in 17 bytes, or null when the length is impossible or a bit behind the prefix is set. */
export function decodePrefix(bytes: Uint8Array): AddressPrefix | null {
  const bits = bytes[0];
  if (bytes.length !== PREFIX_SIZE || bits > 128) return null;
  const address = Uint8Array.from(bytes.subarray(1));
  if (!hostBitsZero(address, bits)) return null;
  if (bits >= V4_OFFSET && isIpv4(address)) return { family: 4, address, length: bits - V4_OFFSET };
  return { family: 6, address, length: bits };
}

function totalBits(prefix: AddressPrefix): number {
  return prefix.family === 4 ? V4_OFFSET + prefix.length : prefix.length;
}

function hostBitsZero(address: Uint8Array, bits: number): boolean {
  const whole = bits >> 3;
  if (whole === 16) return true;
  return (address[whole] & (0xff >> (bits & 7))) === 0 && isZero(address, whole + 1);
}
