import { expect, it } from 'vitest';
import { pathAddress } from '../../../src/base/path-address.ts';
import { NO_ADDRESSES, placeOf } from '../../../src/node/reach/own-addresses.ts';

it('below a GEN that others reach where this node does, the GEN is not taken for this node', () => {
  const [gen, outer] = ['192.168.7.1:47247', '192.0.2.1:47247'].map(pathAddress);
  expect(placeOf(NO_ADDRESSES, [], [], { gen, place: [gen, outer] }).outer).toEqual([outer]);
});
