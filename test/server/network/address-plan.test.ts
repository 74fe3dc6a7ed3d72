import { describe, expect, it } from 'vitest';
import { nodeId } from '../../../src/base/brands.ts';
import { formatAddress, parseAddress } from '../../../src/base/ip-address.ts';
import {
  chosenIpv4,
  formatRange,
  freeIpv4,
  ipv6Of,
  makePlan,
  parsePool,
  parseRange,
  rangesOverlap,
} from '../../../src/server/network/address-plan.ts';

const plan = makePlan(parsePool('10.1.0.0/30'), (length) => new Uint8Array(length).fill(0xab));

function address(text: string): Uint8Array {
  return parseAddress(text) ?? new Uint8Array(0);
}

describe('a written range', () => {
  it.each([
    '10.1.0.0/16',
    '0.0.0.0/0',
    '192.168.1.7/32',
    'fd00:1::/32',
    '::/0',
    '2001:db8::1/128',
  ])('%s is read', (text) => {
    expect(formatRange(parseRange(text))).toBe(text);
  });

  it.each([
    ['10.1.0.5/16', /inside a range.*/],
    ['fd00::1/64', /inside a range/],
    ['10.1.0.0', /not an address range/],
    ['10.1.0.0/33', /not an address range/],
    ['10.1.0.0/-1', /not an address range/],
    ['010.1.0.0/16', /not an address range/],
    ['10.1.0.0/16/3', /not an address range/],
    ['', /not an address range/],
  ])('%s is refused', (text, reason) => {
    expect(() => parseRange(text)).toThrow(reason);
  });

  it('with host bits is refused with the range that was meant', () => {
    expect(() => parseRange('10.1.0.5/16')).toThrow(expect.objectContaining({ remedy: 'Did you mean 10.1.0.0/16?' }));
  });

  it.each([
    ['10.0.0.0/8', '10.9.0.0/16', true],
    ['10.9.0.0/16', '10.0.0.0/8', true],
    ['10.0.0.0/16', '10.1.0.0/16', false],
    ['0.0.0.0/0', 'fd00::/48', false],
    ['::/0', '10.0.0.0/8', false],
    ['::/0', 'fd00::/48', true],
  ])('%s and %s share an address: %s', (a, b, expected) => {
    expect(rangesOverlap(parseRange(a), parseRange(b))).toBe(expected);
  });
});

describe('a pool', () => {
  it.each(['10.0.0.0/7', '10.0.0.0/31', 'fd00::/48'])('%s is refused', (text) => {
    expect(() => parsePool(text)).toThrow(/is not an IPv4 range between/);
  });

  it('gives its addresses in order, without the first and the last, until it is full', () => {
    const taken: Uint8Array[] = [];
    for (const expected of ['10.1.0.1', '10.1.0.2']) {
      const next = freeIpv4(plan, taken);
      expect(formatAddress(next)).toBe(expected);
      taken.push(next);
    }
    expect(() => freeIpv4(plan, taken)).toThrow(/no free address/);
  });

  it.each([
    ['10.1.0.0', /first or last/],
    ['10.1.0.3', /first or last/],
    ['10.1.0.4', /not in the network's pool/],
    ['10.1.0.2', /belongs to another node/],
    ['fd00::1', /not an IPv4 address/],
    ['ten', /not an IPv4 address/],
  ])('refuses the chosen address %s', (text, reason) => {
    expect(() => chosenIpv4(plan, text, [address('10.1.0.2')])).toThrow(reason);
  });

  it('gives a chosen address that is free', () => {
    expect(chosenIpv4(plan, '10.1.0.1', [])).toEqual(address('10.1.0.1'));
  });

  it('gives addresses of a large pool above 2^31', () => {
    const high = makePlan(parsePool('240.0.0.0/8'), (length) => new Uint8Array(length));
    expect(formatAddress(freeIpv4(high, []))).toBe('240.0.0.1');
  });
});

describe('an IPv6 address', () => {
  it('is the 48 bits of the network and 80 bits of the node id', () => {
    const id = nodeId('00112233445566778899aabbccddeeff');
    expect(formatAddress(ipv6Of(plan, id))).toBe('fdab:abab:abab:11:2233:4455:6677:8899');
  });
});
