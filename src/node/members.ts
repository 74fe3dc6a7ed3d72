import type { NodeId } from '../base/brands.ts';
import { compareBytes } from '../base/bytes.ts';
import { formatAddress } from '../base/ip-address.ts';
import { type AddressPrefix, isIpv4 } from '../crypto/address-prefix.ts';
import { type CaPart, vipsOf } from '../crypto/credential.ts';
import type { Roster } from '../crypto/roster.ts';
import { decodeEntry } from '../crypto/roster-entry.ts';
import { endTypeName, modeName } from '../dprp/wire-names.ts';
import type { Member } from './key-store.ts';
import type { NodeFacts } from './node-facts.ts';

/** This node as its certificate describes it; routes that have no room there stand in rosters alone (protocol.md 1.3). */
export function selfAsMember(caPart: CaPart, name: string, rosters: readonly Roster[] = []): Member {
  const vips = vipsOf(caPart).toSorted(v4First);
  return {
    id: caPart.nodeId,
    name,
    type: endTypeName(caPart.type) ?? '',
    mode: modeName(caPart.mode) ?? '',
    addresses: vips.map(addressText),
    vips,
    routes: caPart.moreRoutes ? withListed(caPart, rosters) : caPart.routes,
  };
}

/** The certificate's routes, then those that rosters give the node beside them. */
function withListed({ nodeId, routes }: CaPart, rosters: readonly Roster[]): AddressPrefix[] {
  const listed = rosters.flatMap((roster) => roster.members.get(nodeId)?.routes ?? []);
  const all = [...routes, ...listed];
  return all.filter((route, at) => all.findIndex((other) => sameRoute(other, route)) === at);
}

function sameRoute(a: AddressPrefix, b: AddressPrefix): boolean {
  return a.family === b.family && a.length === b.length && compareBytes(a.address, b.address) === 0;
}

/** Everybody in these rosters but this node. */
export function otherMembers(rosters: readonly Roster[], facts: NodeFacts, self: NodeId): readonly Member[] {
  const found = new Map<NodeId, Member>();
  for (const roster of rosters)
    for (const { nodeId, vips, routes } of roster.members.values()) {
      if (nodeId === self) continue;
      const { name = nodeId, type = '', mode = '' } = facts.peers.get(nodeId) ?? {};
      const addresses = vips.toSorted(v4First).map(addressText);
      found.set(nodeId, { id: nodeId, name, type, mode, addresses, vips, routes });
    }
  return [...found.values()];
}

/** REMOVE entries that the newer of two rosters of one chain has and the older has not. */
export function removalsSince(before: Roster, after: Roster): Uint8Array[] {
  return after.entries.slice(before.entries.length).filter((bytes) => {
    const entry = decodeEntry(bytes);
    return typeof entry !== 'string' && entry.change.kind === 'remove';
  });
}

/** Whom a signed REMOVE names. */
export function removedBy(bytes: Uint8Array): NodeId[] {
  const entry = decodeEntry(bytes);
  return typeof entry !== 'string' && entry.change.kind === 'remove' ? [entry.change.nodeId] : [];
}

/** Members of the older roster that the newer one does not have. */
export function missing(before: Roster, after: Roster): NodeId[] {
  return [...before.members.keys()].filter((id) => !after.members.has(id));
}

/** People know IPv4 addresses by heart, so these are shown first. */
function v4First(a: Uint8Array, b: Uint8Array): number {
  return Number(isIpv4(b)) - Number(isIpv4(a));
}

function addressText(vip: Uint8Array): string {
  return formatAddress(isIpv4(vip) ? vip.subarray(12) : vip);
}
