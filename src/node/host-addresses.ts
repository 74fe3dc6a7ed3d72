import { readFileSync } from 'node:fs';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { toHex } from '../base/bytes.ts';
import { parseAddress } from '../base/ip-address.ts';
import type { AddressPrefix } from '../nat/outer-address.ts';

/** An address of this machine in the underlay. */
export interface HostAddress extends AddressPrefix {
  readonly device: string;
}

/** What Node and the kernel say of the addresses of this machine. */
export interface AddressSources {
  readonly interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>;
  /** /proc/net/if_inet6; '' where there is no IPv6 */
  readonly inet6: string;
}

/** Bits of the last but one column of if_inet6: other machines do not reach such an address, or not for long. */
const UNUSABLE = 0x08 | 0x20 | 0x40; // failed duplicate detection, deprecated, tentative

/**
 * The addresses of all interfaces that are up and have a carrier, other than the overlay's: neither loopback nor
 * link-local ones, which mean nothing to others.
 */
export function hostAddresses(tun: string, sources = addressSources()): HostAddress[] {
  const unusable = unusableOnes(sources.inet6);
  return Object.entries(sources.interfaces)
    .filter(([device]) => device !== tun)
    .flatMap(([device, infos = []]) => infos.flatMap((info) => addressOf(device, info)))
    .filter(({ address }) => !unusable.has(toHex(address)));
}

function addressSources(): AddressSources {
  return { interfaces: networkInterfaces(), inet6: inet6Table() };
}

function inet6Table(): string {
  try {
    return readFileSync('/proc/net/if_inet6', 'utf8');
  } catch {
    return '';
  }
}

function addressOf(device: string, { address, cidr, internal }: NetworkInterfaceInfo): HostAddress[] {
  const bytes = parseAddress(address.split('%')[0]);
  if (internal || !bytes || isLinkLocal(bytes)) return [];
  const length = Number(cidr?.split('/')[1] ?? 8 * bytes.length);
  return [{ device, address: bytes, length }];
}

/** Such an address means nothing without the name of a link. */
function isLinkLocal(bytes: Uint8Array): boolean {
  return bytes.length === 4 ? bytes[0] === 169 && bytes[1] === 254 : bytes[0] === 0xfe && (bytes[1] & 0xc0) === 0x80;
}

function unusableOnes(inet6: string): ReadonlySet<string> {
  const rows = inet6.split('\n').map((line) => line.trim().split(/\s+/));
  return new Set(rows.flatMap(([address, , , , flags]) => (Number.parseInt(flags, 16) & UNUSABLE ? [address] : [])));
}
