import { type PathAddress, pathAddress } from '../../../src/base/path-address.ts';
import { NAT_KIND, NAT_SIZE } from '../../../src/nat/constants.ts';

/** What has the form of a HELLO and is none, from an address that nobody has. */
export function spoofedHello(number: number): [Uint8Array, PathAddress] {
  const hello = new Uint8Array(NAT_SIZE.hello).fill(number % 251, 8);
  hello.set([NAT_KIND.hello, 1, 0, 0, number >> 24, number >> 16, number >> 8, number]);
  return [hello, pathAddress(`192.0.${1 + ((number >> 8) % 250)}.${1 + (number % 250)}:${1_024 + (number % 60_000)}`)];
}
