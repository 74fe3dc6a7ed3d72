import type { NodeId } from '../base/brands.ts';
import { toHex } from '../base/bytes.ts';
import { type AddressPrefix, prefixCovers } from './address-prefix.ts';
import type { Member } from './roster-entry.ts';

/** Whose an inner address is. The most specific statement wins: a vip, then the longest route (protocol.md 2.1). */
export interface RosterCoverage {
  /** The member that an address of 16 bytes belongs to; with equal routes, the one that joined first. */
  covers(address: Uint8Array): NodeId | undefined;
  /** All members that have the most specific vip or route over it: gateways may stand side by side. */
  coveredBy(address: Uint8Array): readonly NodeId[];
  /** Whether this member may use the address: a wide route gives no right to another member's vip. */
  memberCovers(id: NodeId, address: Uint8Array): boolean;
}

/** By the members of a roster, which no longer change. */
const indexes = new WeakMap<ReadonlyMap<NodeId, Member>, ReadonlyMap<string, NodeId>>();

/** Whose each vip is, by the address in hex. */
export function vipIndex(members: ReadonlyMap<NodeId, Member>): Map<string, NodeId> {
  const known = indexes.get(members);
  if (known !== undefined) return new Map(known);
  const index = new Map<string, NodeId>();
  for (const { nodeId, vips } of members.values()) for (const vip of vips) index.set(toHex(vip), nodeId);
  return index;
}

/** Indexes the routes of the members, which stay as they are from now on. `vips`: their `vipIndex`, where it is known. */
export function rosterCoverage(
  members: ReadonlyMap<NodeId, Member>,
  vips: ReadonlyMap<string, NodeId> = vipIndex(members),
): RosterCoverage {
  indexes.set(members, vips);
  const routes: { readonly prefix: AddressPrefix; readonly id: NodeId }[] = [];
  for (const { nodeId, routes: behind } of members.values())
    for (const prefix of behind) routes.push({ prefix, id: nodeId });
  routes.sort((a, b) => b.prefix.length - a.prefix.length);

  const coveredBy = (address: Uint8Array): readonly NodeId[] => {
    const owner = vips.get(toHex(address));
    if (owner !== undefined) return [owner];
    const longest = routes.find(({ prefix }) => prefixCovers(prefix, address));
    if (longest === undefined) return [];
    const { length } = longest.prefix;
    const equal = routes.filter(({ prefix }) => prefix.length === length && prefixCovers(prefix, address));
    return equal.map(({ id }) => id);
  };
  return {
    covers: (address) => coveredBy(address)[0],
    coveredBy,
    memberCovers: (id, address) => coveredBy(address).includes(id),
  };
}
