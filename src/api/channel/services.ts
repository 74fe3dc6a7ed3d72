import type { CborValue } from '../../base/cbor.ts';
import { asBytes, asList, asListOf, asText } from '../../base/cbor-fields.ts';
import type { PathAddress } from '../../base/path-address.ts';
import { isServerAddress } from '../join-token.ts';
import { encodeEndpoint, endpointsField } from './fields.ts';

/** A direction coordinator of the network (protocol.md 6.6), as its group management server names it. */
export interface CoordinatorPlace {
  /** X25519, 32 bytes: what its WELCOME proves */
  readonly key: Uint8Array;
  /** over UDP; any of them is the same coordinator */
  readonly endpoints: readonly PathAddress[];
  /** "HOST:PORT" of TCP ports that take its datagrams, and those of its relay, where UDP is blocked */
  readonly tunnels: readonly string[];
}

/** Most coordinators of one message, and most tunnels of a coordinator. */
export const MOST_COORDINATORS = 8;
export const MOST_TUNNELS = 8;

export function encodeCoordinator({ key, endpoints, tunnels }: CoordinatorPlace): CborValue {
  return [key, endpoints.map(encodeEndpoint), [...tunnels]];
}

export function coordinatorFrom(value: CborValue): CoordinatorPlace | undefined {
  const list = asList(value) ?? [];
  const [key, endpoints, tunnels] = [
    asBytes(list[0], 32),
    endpointsField(list[1]),
    asListOf(list[2], tunnelFrom, MOST_TUNNELS),
  ];
  return list.length === 3 && key && endpoints && tunnels ? { key, endpoints, tunnels } : undefined;
}

function tunnelFrom(value: CborValue): string | undefined {
  const text = asText(value, 261);
  return text !== undefined && isServerAddress(text) ? text : undefined;
}
