import type { GroupId, KeyVersion, Millis, NodeId, SaIndex, UnixSeconds } from '../base/brands.ts';
import type { Cid } from '../base/cid.ts';
import type { ModeName } from '../base/datagram-kinds.ts';
import type { PathAddress } from '../base/path-address.ts';
import type { Suite } from '../base/primitives.ts';
import type { Identity } from '../crypto/identity.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import type { Roster } from '../crypto/roster.ts';
import type { RosterCoverage } from '../crypto/roster-coverage.ts';
import type { Member } from '../crypto/roster-entry.ts';
import type { SaTerms } from '../pccom/sa.ts';
import type { EndType } from './wire-names.ts';

/** What the negotiations read of the node around them. All views are live: they are asked again at each step. */
export interface NegotiationDeps {
  readonly provider: CryptoProvider;
  random(length: number): Uint8Array;
  /** Mixed into every ephemeral key, so that a weak random source alone gives nothing away (protocol.md 2.4). */
  readonly hedge: { readonly key: Uint8Array; readonly bootCounter: number };
  /** A new one after `renewIdentity`; handshakes under way go on with the old one. */
  identity(): Identity;
  /** The CA's Ed25519 keys that this node accepts. */
  authorities(): readonly Uint8Array[];
  /** The CA part of an on-path element that names itself by reference, if it is known (protocol.md 2.3); absent: none is. */
  caPartOf?(node: NodeId): Uint8Array | undefined;
  /** Groups held, at most 64, in any order. */
  groups(): readonly GroupView[];
  /** Versions of the domain group D, newest first, at most 8 (protocol.md 1.1 D6). */
  domain(): readonly DomainVersion[];
  /** The lease clock: never runs backwards (protocol.md 10.4). */
  unixNow(): UnixSeconds;
  /** Takes a free SA slot: a multiple of 8, or 0 when none is left. */
  reserveIndex(): SaIndex | 0;
  /** Gives back an index on which nothing was installed. */
  freeIndex(index: SaIndex): void;
  /** The live SA with this own base index (protocol.md 2.6). */
  liveSa(index: SaIndex): LiveSa | undefined;
  /** Whether the PIT has an entry for this flow, or room for a new one of this owner (protocol.md 5.2). */
  admitEntry(owner: Pick<SaTerms, 'peer' | 'group' | 'chain'>, cid: Cid, now: Millis): boolean;
  /** Last measured round trip on a path, if any. */
  roundTrip(path: PathAddress): number | undefined;
  readonly settings: NegotiationSettings;
}

export interface NegotiationSettings {
  /** As stated in RGI: not laxer than the certificate (protocol.md A6). */
  readonly type: EndType;
  readonly mode: ModeName;
  /** In order of preference, one or two. */
  readonly suites: readonly Suite[];
  /** 1 to 8 (protocol.md 5.4). */
  readonly lanes: number;
  /** Inner MTU of this node. */
  readonly mtu: number;
  /** Set by configuration where no GMS exists (caps bit 3, protocol.md 3.5). */
  readonly noGms: boolean;
  /** PIT lifetime asked for, seconds. */
  readonly lifetime: number;
}

/** One group that this node holds. */
export interface GroupView {
  readonly id: GroupId;
  readonly roster: RosterView;
  /** `retain=flow` keeps a flow under the version that admitted it (protocol.md 10.2). */
  readonly retainFlow: boolean;
  /** Set after proof of two rosters for one version: nobody is admitted (protocol.md 9.3). */
  readonly stopped: boolean;
  /** Newest first: NEXT, CURRENT, RETIRED, TAGONLY (protocol.md 10.1). */
  readonly versions: readonly GroupVersion[];
}

/** What admission asks of a roster. */
export interface RosterView extends Pick<RosterCoverage, 'covers' | 'memberCovers'>, Pick<Roster, 'joinedAfter'> {
  readonly members: ReadonlyMap<NodeId, Pick<Member, 'edPk' | 'routes'>>;
}

export interface GroupVersion {
  readonly r: number;
  readonly v: KeyVersion;
  readonly state: 'next' | 'current' | 'retired' | 'tagonly';
  readonly kTag: Uint8Array;
  readonly kStale: Uint8Array;
  /** Absent once erased. */
  readonly kPsk: Uint8Array | undefined;
  /** (seq, head) that the RN2 bundle of v names (protocol.md 9.3). */
  readonly rosterSeq: number;
  readonly rosterHead: Uint8Array;
  /** The lease (protocol.md 10.4). */
  readonly notAfter: UnixSeconds;
  /** Only for RETIRED: since when, and `removal` when any REMOVE lies between it and CURRENT. */
  readonly retired: { readonly at: Millis; readonly cause: 'schedule' | 'removal' } | undefined;
}

/** One version of GK_D's children. */
export interface DomainVersion {
  readonly v: KeyVersion;
  readonly r: number;
  readonly kDde: Uint8Array;
  readonly kTag: Uint8Array;
  readonly kStale: Uint8Array;
}

/** A live SA as the rekey form needs it. */
export interface LiveSa extends SaTerms {
  readonly exporter: Uint8Array;
}
