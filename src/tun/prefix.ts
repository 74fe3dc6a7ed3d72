import ipaddr from 'ipaddr.js';
import { GscipError } from '../base/errors.ts';

/** An address range as people write it: "100.64.0.0/10". */
export interface Prefix {
  readonly family: 4 | 6;
  /** 4 or 16 bytes, host bits zero */
  readonly address: Uint8Array;
  readonly length: number;
}

/** Parses CIDR notation; a bare address is a full-length prefix. Throws a GscipError that names the text. */
export function parsePrefix(text: string): Prefix {
  try {
    const [address, length] = text.includes('/') ? ipaddr.parseCIDR(text) : wholeAddress(text);
    const bytes = Uint8Array.from(address.toByteArray());
    maskInPlace(bytes, length);
    return { family: address.kind() === 'ipv4' ? 4 : 6, address: bytes, length };
  } catch (cause) {
    if (cause instanceof GscipError) throw cause;
    throw new GscipError(
      'bad-prefix',
      `"${text}" is not an address range`,
      'write it like 10.1.0.0/16 or fd00::/8',
      cause,
    );
  }
}

export function formatPrefix(prefix: Prefix): string {
  return `${ipaddr.fromByteArray([...prefix.address]).toString()}/${prefix.length}`;
}

/** True when the two ranges share an address. */
export function overlaps(a: Prefix, b: Prefix): boolean {
  if (a.family !== b.family) return false;
  const length = Math.min(a.length, b.length);
  const left = Uint8Array.from(a.address);
  const right = Uint8Array.from(b.address);
  maskInPlace(left, length);
  maskInPlace(right, length);
  return left.every((byte, i) => byte === right[i]);
}

export function samePrefix(a: Prefix, b: Prefix): boolean {
  return a.length === b.length && overlaps(a, b);
}

function wholeAddress(text: string): [ipaddr.IPv4 | ipaddr.IPv6, number] {
  const address = ipaddr.parse(text);
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}

function maskInPlace(bytes: Uint8Array, length: number): void {
  for (let i = 0; i < bytes.length; i++) {
    const keep = Math.max(0, Math.min(8, length - 8 * i));
    bytes[i] &= 0xff00 >> keep;
  }
}
