import type { Cid } from '../base/cid.ts';
import { wordsOfCid } from '../base/flow-cid.ts';
import { FLOW, FLOW_STATUS } from '../base/flow-words.ts';
import { addressFault } from '../base/inner-address.ts';
import { type CaPart, caPartCovers } from '../crypto/credential.ts';
import type { GroupView } from './negotiation-deps.ts';

/** Whether both ends of a CID may be ends of a flow: none loopback, link-local, multicast, unspecified or broadcast (protocol.md 2.1). */
export function isFlow(cid: Cid): boolean {
  const words = new Int32Array(FLOW.stride);
  wordsOfCid(cid, words);
  return addressFault(words, FLOW.source, FLOW.destination) === FLOW_STATUS.ok;
}

/**
 * A1: whether a DDE is meant for this node at all, by the CA part alone; a node with more routes than fit there
 * also asks the rosters that it holds (protocol.md 1.3, 2.1).
 */
export function isAddressedTo(own: CaPart, groups: readonly GroupView[], destination: Uint8Array): boolean {
  if (caPartCovers(own, destination)) return true;
  return own.moreRoutes && groups.some((group) => group.roster.memberCovers(own.nodeId, destination));
}
