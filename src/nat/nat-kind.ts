import type { PathAddress } from '../base/path-address.ts';
import { hostOf } from './outer-address.ts';

/**
 * How a NAT maps and filters (RFC 4787, sections 4.1 and 5): `none`: no NAT; `endpoint`: the same for every destination;
 * `address`: another one for each destination address; `port`: another one for each destination address and port.
 */
export const NAT_RULES = ['unknown', 'none', 'endpoint', 'address', 'port'] as const;
export type NatRule = (typeof NAT_RULES)[number];

export interface NatKind {
  readonly mapping: NatRule;
  readonly filtering: NatRule;
  /** Do datagrams to one's own outer address come back in? Undefined while nobody tried. */
  readonly hairpin: boolean | undefined;
}

export const UNKNOWN_NAT: NatKind = { mapping: 'unknown', filtering: 'unknown', hairpin: undefined };

/** What was learnt of one socket and family: who saw it where, and which answers came from elsewhere. */
export interface NatObservations {
  /** own addresses with the port of this socket */
  readonly local: readonly PathAddress[];
  /** by the vantage point that was asked */
  readonly seen: ReadonlyMap<PathAddress, PathAddress>;
  /** undefined: not tried or not decided yet; false only after several tries */
  readonly fromOtherPort: boolean | undefined;
  readonly fromOtherAddress: boolean | undefined;
  readonly hairpin: boolean | undefined;
}

/** The kind of NAT between this socket and the vantage points. */
export function natKindOf(observations: NatObservations): NatKind {
  const mapping = mappingOf(observations);
  return { mapping, filtering: filteringOf(observations, mapping), hairpin: observations.hairpin };
}

function mappingOf({ local, seen }: NatObservations): NatRule {
  const all = [...seen];
  if (all.length === 0) return 'unknown';
  if (all.every(([, address]) => local.includes(address))) return 'none';
  let rule: NatRule = 'unknown';
  for (const [first, firstSeen] of all) {
    for (const [second, secondSeen] of all) {
      if (first === second) continue;
      const sameHost = hostOf(first) === hostOf(second);
      // two ports of one address that see two mappings: nothing depends on more than that
      if (sameHost && firstSeen !== secondSeen) return 'port';
      if (!sameHost && firstSeen !== secondSeen) rule = 'address';
      else if (!sameHost && rule === 'unknown') rule = 'endpoint';
    }
  }
  // vantage points on one address only: mappings by address alone are rare, so equal ones are taken for the common kind
  return rule === 'unknown' && all.length > 1 ? 'endpoint' : rule;
}

function filteringOf({ fromOtherPort, fromOtherAddress }: NatObservations, mapping: NatRule): NatRule {
  if (fromOtherAddress === true) return mapping === 'none' ? 'none' : 'endpoint';
  if (fromOtherPort === true) return fromOtherAddress === false ? 'address' : 'unknown';
  return fromOtherPort === false ? 'port' : 'unknown';
}

/** Both rules in one byte: mapping in the high half. Hairpinning is nobody else's business. */
export function natByte({ mapping, filtering }: NatKind): number {
  return (NAT_RULES.indexOf(mapping) << 4) | NAT_RULES.indexOf(filtering);
}

export function natOfByte(byte: number): NatKind | undefined {
  const mapping = NAT_RULES[byte >>> 4];
  const filtering = NAT_RULES[byte & 15];
  return mapping && filtering && { mapping, filtering, hairpin: undefined };
}

/** Can two nodes behind such NATs find a direct path at all? Unknown rules count as good ones: trying tells. */
export function canMeet(a: NatKind, b: NatKind): boolean {
  return opensTo(a, b) || opensTo(b, a);
}

/** b sends to the one address that a is known by; a's filter must let it in, or a must be able to open for it. */
function opensTo(a: NatKind, b: NatKind): boolean {
  const known = a.mapping !== 'address' && a.mapping !== 'port';
  if (!known) return false;
  // a's filter asks for an address that a has sent to: b's outer address is known; the port is, where b maps evenly
  return a.filtering !== 'port' || (b.mapping !== 'address' && b.mapping !== 'port');
}
