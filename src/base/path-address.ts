import type { Brand } from './brands.ts';
import { type AddressBytes, formatAddress, parseAddress } from './ip-address.ts';

/** Where datagrams are sent to or came from, in one spelling: "10.0.0.1:47247" or "[2001:db8::1]:47247" (protocol.md 6). */
export type PathAddress = Brand<string, 'PathAddress'>;

export interface PathParts {
  readonly family: 4 | 6;
  readonly address: AddressBytes;
  readonly port: number;
}

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

/** Family, address bytes and port of a path. */
export function parsePath(path: PathAddress): PathParts {
  const parts = split(path);
  if (parts === null) throw new RangeError(`not an address and port: ${JSON.stringify(path)}`);
  return parts;
}

function split(text: string): PathParts | null {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):(0|[1-9]\d{0,4})$/.exec(text);
  if (match === null) return null;
  const [, six, four, digits] = match;
  const address = parseAddress(six ?? four ?? '');
  const port = Number(digits);
  if (address === null || port > 0xffff) return null;
  const family = address.length === 4 ? 4 : 6;
  return (family === 6) === (six !== undefined) ? { family, address, port } : null;
}
