import type { Brand } from './brands.ts';
import { type AddressBytes, formatAddress, parseAddress } from './ip-address.ts';

/**
 * Where datagrams are sent to or came from, in one spelling: "10.0.0.1:47247" or "[2001:db8::1]:47247"; through a relay
 * "relay:192.0.2.9:47249#12", its address and the channel (protocol.md 6).
 */
export type PathAddress = Brand<string, 'PathAddress'>;

export interface PathParts {
  readonly family: 4 | 6;
  /** address and port that datagrams go to: the peer's, or the relay's */
  readonly address: AddressBytes;
  readonly port: number;
  /** channel of the relay; 0 on a straight path */
  readonly channel: number;
}

const RELAY = 'relay:';

/** Brings a written address and port into the one spelling; throws RangeError when it is none. */
export function pathAddress(text: string): PathAddress {
  const parts = split(text);
  if (parts === null) throw new RangeError(`not an address and port: ${JSON.stringify(text)}`);
  return formatPath(parts.family, parts.address, parts.port);
}

/** The spelling of a family (4 or 6), its 4 or 16 address bytes, and a port. */
export function formatPath(family: 4 | 6, bytes: AddressBytes, port: number): PathAddress {
  const address = formatAddress(bytes);
  return (family === 4 ? `${address}:${port}` : `[${address}]:${port}`) as PathAddress;
}

/** The path by a channel (1 to 2^32 - 1) of the relay at this address. */
export function relayPath(relay: PathAddress, channel: number): PathAddress {
  return `${RELAY}${relay}#${channel}` as PathAddress;
}

/** Family, address bytes, port and channel of a path. */
export function parsePath(path: PathAddress): PathParts {
  const hash = path.startsWith(RELAY) ? path.lastIndexOf('#') : path.length;
  const parts = split(path.startsWith(RELAY) ? path.slice(RELAY.length, hash) : path);
  if (parts === null) throw new RangeError(`not an address and port: ${JSON.stringify(path)}`);
  return { ...parts, channel: Number(path.slice(hash + 1)) };
}

function split(text: string): Omit<PathParts, 'channel'> | null {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):(0|[1-9]\d{0,4})$/.exec(text);
  if (match === null) return null;
  const [, six, four, digits] = match;
  const address = parseAddress(six ?? four ?? '');
  const port = Number(digits);
  if (address === null || port > 0xffff) return null;
  const family = address.length === 4 ? 4 : 6;
  return (family === 6) === (six !== undefined) ? { family, address, port } : null;
}
