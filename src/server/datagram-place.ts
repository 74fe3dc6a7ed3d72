import { networkInterfaces } from 'node:os';
import { parseAddress } from '../base/ip-address.ts';
import type { ListenAddress } from '../base/listen-address.ts';
import { formatPath, type PathAddress } from '../base/path-address.ts';
import { type AddressPrefix, isPrivate } from '../nat/outer-address.ts';
import type { ServedPlace } from './datagrams/served-place.ts';
import { reachableAt } from './listen-address.ts';
import type { SettingsRow } from './network/state.ts';

/** An endpoint list on the wire holds so many. */
const MOST = 8;
const ULA_BITS = 48;

/** Addresses that nodes may be told for UDP: of those that join tokens name the ones that are numbers, else this machine's. */
export function tellableHosts(
  advertise: readonly string[] | undefined,
  listen: ListenAddress,
  overlay: Parameters<typeof reachableAt>[2],
): readonly Uint8Array[] {
  const named = literalHosts(advertise ?? []);
  return named.length > 0 ? named : literalHosts(reachableAt(listen, listen.port, overlay));
}

/** Each address with each port. */
export function endpoints(hosts: readonly Uint8Array[], ports: readonly number[]): readonly PathAddress[] {
  return hosts.flatMap((host) => ports.map((port) => pathOf(host, port))).slice(0, MOST);
}

/** Whom sockets with these ports serve, and what they never send to. */
export function placeOf(
  { pool, ula }: Pick<SettingsRow, 'pool' | 'ula'>,
  listen: ListenAddress,
  hosts: readonly Uint8Array[],
  ports: readonly number[],
): ServedPlace {
  const overlay: readonly AddressPrefix[] = [
    { address: pool.family === 4 ? pool.address.slice(12) : pool.address, length: pool.length },
    { address: paddedBehind(ula), length: ULA_BITS },
  ];
  return { ...sourcesServed(listen, hosts, ports), overlay };
}

/** The same where nothing is known of the overlay: its usual addresses are private ones. */
export function sourcesServed(
  { host }: ListenAddress,
  hosts: readonly Uint8Array[],
  ports: readonly number[],
): ServedPlace {
  const machine = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const own = [...literals(machine.map(({ address }) => address)), ...hosts];
  return {
    overlay: [],
    sockets: own.flatMap((address) => ports.map((port) => pathOf(address, port))),
    allowPrivate: hosts.some((each) => isPrivate(each) || isLoopback(each)),
    allowLoopback: host !== undefined && literals([host]).some(isLoopback),
  };
}

function literalHosts(addresses: readonly string[]): readonly Uint8Array[] {
  return literals(addresses.map((each) => each.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')));
}

function literals(texts: readonly string[]): readonly Uint8Array[] {
  return texts.map((text) => parseAddress(text)).filter((address) => address !== null);
}

function isLoopback(address: Uint8Array): boolean {
  if (address.length === 4) return address[0] === 127;
  return address.every((byte, at) => byte === (at === 15 ? 1 : 0));
}

function pathOf(address: Uint8Array, port: number): PathAddress {
  return formatPath(address.length === 4 ? 4 : 6, address, port);
}

function paddedBehind(prefix: Uint8Array): Uint8Array {
  const address = new Uint8Array(16);
  address.set(prefix);
  return address;
}
