import type { AddressPrefix } from '../crypto/address-prefix.ts';
import type { Prefix } from '../tun/prefix.ts';

/** A prefix as rosters write it, with 4 bytes for IPv4. */
export function prefixOf({ family, address, length }: AddressPrefix): Prefix {
  return { family, address: family === 4 ? address.subarray(12) : address, length };
}
