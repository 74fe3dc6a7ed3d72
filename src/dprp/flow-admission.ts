import type { Millis, NodeId, UnixSeconds } from '../base/brands.ts';
import type { Cid } from '../base/cid.ts';
import type { SaTerms } from '../pccom/sa.ts';
import { isFlow } from './address-check.ts';
import { admitsNow, type Refusal } from './admission.ts';
import type { GroupView } from './negotiation-deps.ts';

/** What an in-band MPIT is judged by, at the moment it comes. */
export interface FlowJudge {
  readonly ownId: NodeId;
  readonly noGms: boolean;
  groups(): readonly GroupView[];
  unixNow(): UnixSeconds;
}

/**
 * A2 for a flow opened inside a live SA (protocol.md 2.1, 5.2, 5.3): group and version still admit new entries, the peer
 * is in the roster now, and both addresses are where the roster puts them. `opener` is the end whose packet began the flow.
 */
export function admitFlow(
  judge: FlowJudge,
  sa: Pick<SaTerms, 'peer' | 'group' | 'version' | 'chain'>,
  opener: 'peer' | 'self',
  cid: Cid,
  now: Millis,
): Refusal | undefined {
  const group = judge.groups().find((view) => view.id === sa.group);
  if (group === undefined) return 'group-not-held';
  if (group.stopped) return 'group-stopped';
  // A chain under a RETIRED version keeps its flows and takes no new ones (protocol.md 2.6).
  const version = group.versions.find(({ v }) => v === sa.version);
  const by = { role: 'responder', noGms: judge.noGms, chained: false } as const;
  if (version === undefined || !admitsNow(version, by, now)) return 'version-old';
  if (judge.unixNow() >= version.notAfter) return 'lease-expired';
  const own = group.roster.members.get(judge.ownId);
  const peer = group.roster.members.get(sa.peer);
  if (own === undefined || peer === undefined) return 'not-in-roster';
  if (!isFlow(cid)) return 'foreign-address';
  const [theirs, ours] = opener === 'peer' ? [cid.source, cid.destination] : [cid.destination, cid.source];
  if (!group.roster.memberCovers(sa.peer, theirs)) return 'foreign-address';
  return group.roster.memberCovers(judge.ownId, ours) ? undefined : 'not-own-address';
}
