import type { Millis } from '../base/brands.ts';
import { compareBytes } from '../base/bytes.ts';
import { prefixCovers } from '../crypto/address-prefix.ts';
import { describeEntry, entriesFrom, type PitEntry } from '../pit/listing.ts';
import { PIT_ACTION } from '../pit/terms.ts';
import type { Member } from './key-store.ts';
import type { NodeState } from './node-state.ts';
import { reasonName } from './reasons.ts';

/**
 * Addresses have other owners now: flows of a network that was taken from this node or from the peer end, and those that
 * were refused because nobody was there are decided anew with their next packet.
 */
export function endWithdrawn(node: NodeState, now: Millis): void {
  const { pit, owners } = node;
  pit.shutAll();
  for (const entry of entriesFrom(pit)) {
    const isRefused = pit.entries.action(entry) === PIT_ACTION.discard;
    const isOver = isRefused
      ? reasonName(pit.entries.reason(entry)) === 'no-member-there'
      : !isBetweenOwners(node, describeEntry(pit, owners, entry, now));
    if (!isOver) continue;
    if (!isRefused) node.counters.add('flows-withdrawn');
    pit.remove(entry, isRefused ? 'closed' : 'owner-removed', now);
  }
}

/** One end is this node's own, the other the peer's that the entry belongs to, by what it is given now (protocol.md 2.1). */
function isBetweenOwners({ keys, directory }: NodeState, { cid, owner }: PitEntry): boolean {
  const self = keys.self();
  const peer = owner === null ? undefined : directory.member(owner.peer);
  if (peer === undefined) return false;
  const { source, destination } = cid;
  return (has(self, source) && has(peer, destination)) || (has(self, destination) && has(peer, source));
}

function has({ vips, routes }: Member, address: Uint8Array): boolean {
  return vips.some((vip) => compareBytes(vip, address) === 0) || routes.some((route) => prefixCovers(route, address));
}
