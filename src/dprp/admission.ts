import type { GroupId, Millis, NodeId } from '../base/brands.ts';
import { compareBytes } from '../base/bytes.ts';
import type { Cid } from '../base/cid.ts';
import type { CaPart } from '../crypto/credential.ts';
import { KEY_TIMES } from '../crypto/key-states.ts';
import { isFlow } from './address-check.ts';
import type { GroupRef, RosterPoint } from './group-ref.ts';
import type { GroupVersion, GroupView, NegotiationDeps } from './negotiation-deps.ts';

/** Why a peer is not admitted; also the name of the counter that counts it. */
export type Refusal =
  | 'group-not-held'
  | 'group-stopped'
  | 'version-old'
  | 'lease-expired'
  | 'roster-differs'
  | 'own-node'
  | 'not-in-roster'
  | 'foreign-address'
  | 'not-own-address';

/** Who wants to talk about what, under which version; the same question is asked before RX and before TX. */
export interface Applicant {
  readonly role: 'initiator' | 'responder';
  readonly ref: GroupRef;
  /** (seq, head) that the peer names for this version */
  readonly roster: RosterPoint;
  readonly peer: Pick<CaPart, 'nodeId' | 'edPk'>;
  readonly cid: Cid;
  /** either end says that it has no GMS: grace then lasts as long as the lease (protocol.md 3.5) */
  readonly noGms: boolean;
  /** a rekey of a chain that this RETIRED version admitted (protocol.md 2.6) */
  readonly chained: boolean;
}

/** What the applicant was admitted by. */
export interface Admission {
  readonly group: GroupView;
  readonly version: GroupVersion;
}

/**
 * S1: the one atomic step before keys are installed (protocol.md 3.1): version admissible now, lease valid now, rosters
 * equal for equal versions (R6), and the address checks of 2.1 (A2 at the end GE, A3 at the start GE).
 */
export function admit(deps: NegotiationDeps, applicant: Applicant, now: Millis): Admission | Refusal {
  const group = deps.groups().find((view) => view.id === applicant.ref.group);
  if (group === undefined) return 'group-not-held';
  if (group.stopped) return 'group-stopped';
  const version = group.versions.find(({ v, r }) => v === applicant.ref.version && r === applicant.ref.epoch);
  if (version === undefined || !admitsNow(version, applicant, now)) return 'version-old';
  if (deps.unixNow() >= version.notAfter) return 'lease-expired';
  const { seq, head } = applicant.roster;
  if (seq !== version.rosterSeq || compareBytes(head, version.rosterHead) !== 0) return 'roster-differs';
  const refusal = rosterRefusal(group, deps.identity().caPart.nodeId, applicant);
  if (refusal !== undefined) return refusal;
  return { group, version };
}

/** Whether new SAs may be made under a version now (protocol.md 3.5, 10.1). The start GE never uses a NEXT. */
export function admitsNow(
  version: GroupVersion,
  by: { readonly role: 'initiator' | 'responder'; readonly noGms: boolean; readonly chained: boolean },
  now: Millis,
): boolean {
  if (version.state === 'current') return true;
  if (version.state === 'next') return by.role === 'responder';
  if (version.state === 'tagonly') return false;
  if (version.retired?.cause !== 'schedule') return false;
  const grace = by.chained ? KEY_TIMES.chain : KEY_TIMES.grace;
  return by.noGms || now < version.retired.at + grace;
}

/** Groups that may reach an address: their roster gives it to somebody else than this node. */
export function groupsTowards(groups: readonly GroupView[], own: NodeId, destination: Uint8Array): GroupView[] {
  return groups.filter((group) => {
    const owner = group.roster.covers(destination);
    return owner !== undefined && owner !== own && !group.stopped;
  });
}

function rosterRefusal(group: GroupView, ownId: NodeId, applicant: Applicant): Refusal | undefined {
  const { peer, cid, role } = applicant;
  const own = group.roster.members.get(ownId);
  const member = group.roster.members.get(peer.nodeId);
  if (peer.nodeId === ownId) return 'own-node'; // H8
  if (own === undefined || member === undefined) return 'not-in-roster';
  if (compareBytes(member.edPk, peer.edPk) !== 0) return 'not-in-roster';
  if (!isFlow(cid)) return 'foreign-address';
  const [theirs, ours] = role === 'responder' ? [cid.source, cid.destination] : [cid.destination, cid.source];
  if (!group.roster.memberCovers(peer.nodeId, theirs)) return 'foreign-address';
  return group.roster.memberCovers(ownId, ours) ? undefined : 'not-own-address';
}

/** The version to talk under: exactly one is CURRENT. */
export function currentOf(group: GroupView): GroupVersion | undefined {
  return group.versions.find((version) => version.state === 'current');
}

/** Finds a held group. */
export function groupOf(deps: NegotiationDeps, id: GroupId): GroupView | undefined {
  return deps.groups().find((view) => view.id === id);
}
