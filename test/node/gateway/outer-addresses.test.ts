import { expect, it } from 'vitest';
import { formatAddress, padAddress } from '../../../src/base/ip-address.ts';
import { outerAddresses } from '../../../src/node/gateway/outer-addresses.ts';
import { address } from '../../base/ip-packets.ts';

const behind = [
  { family: 4, address: padAddress(address('10.1.0.0')), length: 24 },
  { family: 6, address: address('fd01::'), length: 64 },
] as const;

it.each([
  [
    ['10.1.0.1', '10.99.0.1', 'fd01::1', 'fd99::1'],
    ['10.99.0.1', 'fd99::1'],
  ],
  [['10.1.1.1'], ['10.1.1.1']],
  [
    ['10.1.0.1', 'fd01::1'],
    ['10.1.0.1', 'fd01::1'],
  ],
])('of a router with %s others are told %s', (own, told) => {
  const found = outerAddresses(
    own.map((text) => ({ address: address(text) })),
    behind,
  );
  expect(found.map((each) => formatAddress(each.address))).toEqual(told);
});
