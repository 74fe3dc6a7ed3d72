import type { NodeId } from '../../base/brands.ts';
import { compareBytes, concat, fromHex, toHex } from '../../base/bytes.ts';
import { GscipError } from '../../base/errors.ts';
import { formatAddress, padAddress, parseAddress } from '../../base/ip-address.ts';
import { type AddressPrefix, encodePrefix, prefixCovers } from '../../crypto/address-prefix.ts';

/** Where a network's addresses come from: an IPv4 pool, and 48 bits of an IPv6 prefix of its own (RFC 4193). */
export interface AddressPlan {
  readonly pool: AddressPrefix;
  /** 6 bytes, the first 0xfd */
  readonly ula: Uint8Array;
}

export const DEFAULT_POOL = '100.64.0.0/10';
/** A pool has at least this many addresses: /30 leaves two nodes. */
const LONGEST_POOL = 30;
const SHORTEST_POOL = 8;

/** Reads "10.1.0.0/16" or "fd00::/48"; host bits must be zero, since a slip there would name another network. */
export function parseRange(text: string): AddressPrefix {
  const [address = '', length = '', ...rest] = text.split('/');
  const bytes = parseAddress(address);
  const bits = /^\d{1,3}$/.test(length) ? Number(length) : -1;
  if (!bytes || rest.length > 0 || bits < 0 || bits > bytes.length * 8)
    throw new GscipError('usage', `"${text}" is not an address range`, 'Write it like 10.1.0.0/16 or fd12:3456::/32.');
  const masked = mask(bytes, bits);
  if (compareBytes(masked, bytes) !== 0)
    throw new GscipError(
      'usage',
      `"${text}" is an address inside a range, not the range itself`,
      `Did you mean ${formatAddress(masked)}/${bits}?`,
    );
  return { family: bytes.length === 4 ? 4 : 6, address: padAddress(bytes), length: bits };
}

export function formatRange(range: AddressPrefix): string {
  return `${formatAddress(range.family === 4 ? range.address.subarray(12) : range.address)}/${range.length}`;
}

/** Reads the pool of a new network. */
export function parsePool(text: string): AddressPrefix {
  const pool = parseRange(text);
  if (pool.family !== 4 || pool.length < SHORTEST_POOL || pool.length > LONGEST_POOL)
    throw new GscipError(
      'usage',
      `the pool ${text} is not an IPv4 range between /${SHORTEST_POOL} and /${LONGEST_POOL}`,
      `Leave --pool out for ${DEFAULT_POOL}.`,
    );
  return pool;
}

export function makePlan(pool: AddressPrefix, random: (length: number) => Uint8Array): AddressPlan {
  return { pool, ula: concat(Uint8Array.of(0xfd), random(5)) };
}

/** The IPv6 address of a node: the network's 48 bits, then 80 bits of the node id, so it needs no list of what is taken. */
export function ipv6Of(plan: AddressPlan, id: NodeId): Uint8Array {
  return concat(plan.ula, fromHex(id).subarray(0, 10));
}

/** The lowest free IPv4 address of the pool; `taken` holds addresses of 4 bytes. */
export function freeIpv4(plan: AddressPlan, taken: readonly Uint8Array[]): Uint8Array {
  const used = new Set(taken.map(toHex));
  const first = ipv4Number(plan.pool.address.subarray(12));
  const size = 2 ** (32 - plan.pool.length);
  for (let i = 1; i < size - 1; i++) {
    const address = ipv4Bytes(first + i);
    if (!used.has(toHex(address))) return address;
  }
  throw poolFull(plan);
}

/** The IPv4 address at a place in the pool, from 1 on. */
export function hostAddress(plan: AddressPlan, place: number): Uint8Array {
  const size = 2 ** (32 - plan.pool.length);
  if (place < size - 1) return ipv4Bytes(ipv4Number(plan.pool.address.subarray(12)) + place);
  throw poolFull(plan);
}

/** Checks an address that the administrator chose for a node. */
export function chosenIpv4(plan: AddressPlan, text: string, taken: readonly Uint8Array[]): Uint8Array {
  const address = parseAddress(text);
  if (address?.length !== 4)
    throw new GscipError('usage', `"${text}" is not an IPv4 address`, 'The IPv6 address follows from the node id.');
  if (!prefixCovers(plan.pool, padAddress(address)))
    throw new GscipError(
      'address-outside',
      `${text} is not in the network's pool ${formatRange(plan.pool)}`,
      'Choose an address from it.',
    );
  const offset = ipv4Number(address) - ipv4Number(plan.pool.address.subarray(12));
  if (offset === 0 || offset === 2 ** (32 - plan.pool.length) - 1)
    throw new GscipError('address-outside', `${text} is the first or last address of the pool`, 'Choose another.');
  if (taken.some((each) => compareBytes(each, address) === 0))
    throw new GscipError(
      'address-taken',
      `${text} belongs to another node`,
      'Leave --address out for the next free one.',
    );
  return address;
}

/** Whether two ranges share an address. */
export function rangesOverlap(a: AddressPrefix, b: AddressPrefix): boolean {
  return a.length <= b.length ? prefixCovers(a, b.address) && a.family === b.family : rangesOverlap(b, a);
}

/** The network's IPv6 range. */
export function ulaRange(plan: AddressPlan): AddressPrefix {
  return { family: 6, address: concat(plan.ula, new Uint8Array(10)), length: 48 };
}

/** All that the network's nodes have addresses of. */
export function overlayRanges(plan: AddressPlan): readonly AddressPrefix[] {
  return [plan.pool, ulaRange(plan)];
}

export function sameRange(a: AddressPrefix, b: AddressPrefix): boolean {
  return compareBytes(encodePrefix(a), encodePrefix(b)) === 0;
}

function poolFull(plan: AddressPlan): GscipError {
  return new GscipError(
    'pool-full',
    `the pool ${formatRange(plan.pool)} has no free address`,
    'Start a new network with a larger --pool; addresses of removed nodes are not given again.',
  );
}

function ipv4Number(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => sum * 256 + byte, 0);
}

function ipv4Bytes(value: number): Uint8Array {
  return Uint8Array.of(value / 2 ** 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
}

function mask(bytes: Uint8Array, bits: number): Uint8Array {
  return bytes.map((byte, i) => byte & (0xff00 >> Math.max(0, Math.min(8, bits - 8 * i))));
}
