import type { NodeId } from '../base/brands.ts';
import type { AddressPrefix } from '../crypto/address-prefix.ts';
import type { Bundle, BundlePeer } from '../crypto/bundle.ts';

/** What bundles say beside keys and rosters: no secrets. */
export interface NodeFacts {
  /** of the newest bundle */
  readonly number: number;
  readonly network: string;
  /** Ed25519 keys of administrator and CA */
  readonly admin: Uint8Array;
  readonly ca: Uint8Array;
  readonly name: string;
  /** 200 bytes, the newest */
  readonly caPart: Uint8Array;
  readonly pool: readonly AddressPrefix[];
  readonly peers: ReadonlyMap<NodeId, BundlePeer>;
}

/** The facts after a bundle: where it builds on another one, its peers join those that were known. */
export function factsAfter(bundle: Bundle, before?: NodeFacts): NodeFacts {
  const { number, network, admin, ca, pool, node } = bundle;
  const known = bundle.base === undefined ? [] : (before?.peers ?? []);
  const peers = new Map([...known, ...bundle.peers.map((peer) => [peer.nodeId, peer] as const)]);
  return { number, network, admin, ca, name: node.name, caPart: node.caPart, pool, peers };
}
