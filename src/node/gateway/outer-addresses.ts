import { padAddress } from '../../base/ip-address.ts';
import { type AddressPrefix, prefixCovers } from '../../crypto/address-prefix.ts';

/**
 * Own addresses that others may send outer datagrams to: none in the networks behind this node, which others reach through
 * it, and would not route to it any more if it had its endpoint there (protocol.md 8.2). All, where there are no others.
 */
export function outerAddresses<T extends { readonly address: Uint8Array }>(
  addresses: readonly T[],
  behind: readonly AddressPrefix[],
): readonly T[] {
  const outer = addresses.filter(({ address }) => !behind.some((route) => prefixCovers(route, padAddress(address))));
  return outer.length > 0 ? outer : addresses;
}
