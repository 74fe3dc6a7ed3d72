import { nodeId } from '../../../src/base/brands.ts';
import { padAddress, parseAddress } from '../../../src/base/ip-address.ts';
import { type NamedMember, NameTable } from '../../../src/node/names/name-table.ts';
import { parsePrefix } from '../../../src/tun/prefix.ts';

export const POOL = [parsePrefix('100.64.0.0/10'), parsePrefix('fd12:3456:789a::/48')];

/** A member of a network; `number` makes id and addresses. */
export function member(name: string, number: number): NamedMember {
  const addresses = [`100.64.0.${number}`, `fd12:3456:789a::${number}`];
  return { id: nodeId(number.toString(16).padStart(32, '0')), name, addresses, vips: addresses.map(bytesOf) };
}

export function table(network: string, ...names: readonly string[]): NameTable {
  return new NameTable(
    network,
    POOL,
    names.map((name, at) => member(name, at + 1)),
  );
}

/** 16 bytes of a written address. */
export function bytesOf(text: string): Uint8Array {
  const bytes = parseAddress(text);
  if (!bytes) throw new Error(`no address: ${text}`);
  return padAddress(bytes);
}
