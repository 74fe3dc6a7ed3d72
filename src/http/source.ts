import { toHex } from '../base/bytes.ts';
import { parseAddress } from '../base/ip-address.ts';

/** Whom limits are counted for: an IPv4 address, or the /64 of an IPv6 address, of which one host has all. */
export function sourceOf(address: string | undefined): string {
  const text = (address ?? '').replace(/^::ffff:(?=\d+\.)/, '');
  const bytes = parseAddress(text.replace(/%.*$/, ''));
  return bytes?.length === 16 ? `${toHex(bytes.subarray(0, 8)).replace(/(.{4})(?=.)/g, '$1:')}::/64` : text;
}
