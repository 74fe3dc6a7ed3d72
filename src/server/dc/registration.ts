import type { PathAddress } from '../../base/path-address.ts';
import { parsePath } from '../../base/path-address.ts';
import type { Candidate } from '../../nat/candidate.ts';
import { CANDIDATES_MAX, UNSEEN_PUBLIC_MAX } from '../../nat/constants.ts';
import type { NatKind } from '../../nat/nat-kind.ts';
import { hostOf, isPrivate } from '../../nat/outer-address.ts';
import type { RelayReach } from '../../nat/signal-message.ts';
import { type ServedPlace, sourceFault } from '../datagrams/served-place.ts';

/** What a node last said of itself; soft state, which it says again after a restart. */
export interface Registration {
  readonly seq: number;
  readonly nat: NatKind;
  readonly candidates: readonly Candidate[];
  /** how far it is from which relays */
  readonly relays: readonly RelayReach[];
}

/**
 * The candidates of a node that may be told to others (protocol.md 6.1): nothing that datagrams must not go to, and few public
 * addresses that this coordinator has not seen, since those may be anybody's. "Seen" is this coordinator's own statement.
 */
export function vetCandidates(
  candidates: readonly Candidate[],
  seenAt: PathAddress,
  place: ServedPlace,
  drop: (reason: string) => void,
): readonly Candidate[] {
  const kept: Candidate[] = [];
  let unseenPublic = 0;
  for (const { kind, address } of candidates) {
    if (kept.some((each) => each.address === address)) continue;
    const fault = sourceFault(address, { ...place, allowPrivate: true });
    const seen = hostOf(address) === hostOf(seenAt);
    const isUnseen = fault === undefined && !seen && !isPrivate(parsePath(address).address);
    if (fault !== undefined) drop(fault);
    else if (isUnseen && ++unseenPublic > UNSEEN_PUBLIC_MAX) drop('unseen-public');
    else kept.push({ kind, address, seen });
  }
  return kept.slice(0, CANDIDATES_MAX);
}
