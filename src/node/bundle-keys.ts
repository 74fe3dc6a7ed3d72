import {
  type GroupId,
  type KeyVersion,
  keyVersion,
  type Millis,
  millis,
  type UnixSeconds,
  unixSeconds,
} from '../base/brands.ts';
import {
  fillDomainRing,
  fillRing,
  type HeldRoster,
  type VerifiedBundle,
  type VerifiedGroup,
  wipeVerified,
} from '../crypto/bundle-verify.ts';
import { DomainRing } from '../crypto/domain-ring.ts';
import type { Identity } from '../crypto/identity.ts';
import { KeyRing } from '../crypto/key-ring.ts';
import type { KeyClock, RingEffect, RingPolicy, VersionTerms } from '../crypto/key-states.ts';
import { LeaseClock, worthKeeping } from '../crypto/lease-clock.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { acceptChain, extendRoster, type Roster, type RosterFault } from '../crypto/roster.ts';
import { isManaged } from '../crypto/roster-state.ts';
import type { DomainVersion, GroupView } from '../dprp/negotiation-deps.ts';
import type { CachedKeys } from './cached-keys.ts';
import { type KeptRoster, keepRoster, resumeRoster, withLearned } from './kept-roster.ts';
import type { KeyChange, KeyStore, KeyUsage, Member } from './key-store.ts';
import { missing, otherMembers, removalsSince, selfAsMember } from './members.ts';
import { factsAfter, type NodeFacts } from './node-facts.ts';
import { OwnIdentity } from './own-identity.ts';
import { cachedVersions, type ResumedKeys, resumeRing, termsOf } from './resumed-keys.ts';

/** What must survive a restart, so that nothing ever goes back (protocol.md 10.5 V1, 9.3, 10.4). */
export interface PersistedKeys {
  readonly groups: Readonly<Record<string, { readonly highestCurrent: number; readonly removalFloor: number }>>;
  readonly rosters: Readonly<Record<string, KeptRoster>>;
  readonly leaseClock: number;
}

export interface BundleKeysDeps {
  readonly provider: CryptoProvider;
  random(length: number): Uint8Array;
  /** the machine's wall clock */
  wall(): UnixSeconds;
  /** milliseconds since the machine started, sleep included; absent where no server tells the time */
  boot?(): Millis;
  readonly clock?: LeaseClock;
  /** the seed of an identity that the node made itself; it stays the caller's */
  readonly edSeed?: Uint8Array;
  readonly persisted: PersistedKeys | undefined;
  /** absent: there is no server, and replaced versions admit as long as their lease (protocol.md 3.5) */
  readonly longGrace?: boolean;
}

const NO_SEED = new Uint8Array(0);
const END_OF_TIME = unixSeconds(0xffff_ffff);

interface HeldGroup {
  roster: Roster;
  /** how many of its entries came in a bundle */
  bundled: number;
  retain: VerifiedGroup['retain'];
  readonly ring: KeyRing;
  /** what was said of each version beside its keys */
  readonly terms: Map<number, VersionTerms>;
}

/** A group by name, and why its roster was refused. */
export interface RefusedRoster {
  readonly group: string;
  readonly fault: RosterFault;
}

/** The keys of a node: from bundles of an authority or a server, or from what an earlier run kept of them. */
export class BundleKeys implements KeyStore {
  readonly #deps: BundleKeysDeps;
  readonly #groups = new Map<GroupId, HeldGroup>();
  /** groups of the bundle whose roster was refused, by id; held as before, or at a start not at all */
  readonly #refused = new Map<GroupId, RefusedRoster>();
  readonly #domain = new DomainRing();
  readonly #lease: LeaseClock;
  readonly #identity: OwnIdentity;
  #facts: NodeFacts;
  #self: Member;
  #members: readonly Member[] = [];
  #views: readonly GroupView[] | undefined;

  /**
   * Takes over a verified bundle and wipes its secrets, once the keys are derived, or takes up what was kept. Throws
   * RangeError when the node's own key and certificate do not fit or the certificate has ended, which verification excludes.
   */
  constructor(source: VerifiedBundle | ResumedKeys, deps: BundleKeysDeps, now: Millis) {
    this.#deps = deps;
    this.#lease = deps.clock ?? new LeaseClock({ lease: unixSeconds(deps.persisted?.leaseClock ?? 0) });
    this.#facts = 'bundle' in source ? factsAfter(source.bundle) : source.facts;
    if ('bundle' in source) this.#hearTime(source);
    const seed = 'bundle' in source ? source.bundle.node.edSeed : NO_SEED;
    this.#identity = new OwnIdentity(deps, this.#seedOr(seed), this.#facts.caPart, this.corrected());
    this.#self = selfAsMember(this.identity().caPart, this.#facts.name);
    if ('bundle' in source) this.#fill(source, now);
    else this.#resume(source, now);
  }

  /**
   * A newer bundle of the same authority: versions are added, rosters extended, never rolled back. One that builds on what
   * is held leaves alone what it does not name. Its secrets are wiped.
   */
  reload(verified: VerifiedBundle, now: Millis): KeyChange[] {
    this.#hearTime(verified);
    this.#facts = factsAfter(verified.bundle, this.#facts);
    this.#replaceIdentity(verified.bundle.node.edSeed, now);
    return this.#fill(verified, now);
  }

  /** A certificate that was verified to be this node's. */
  takeCertificate(caPart: Uint8Array, now: Millis): void {
    this.#facts = { ...this.#facts, caPart };
    this.#replaceIdentity(NO_SEED, now);
  }

  /** An authentic time from the server (protocol.md 10.4). */
  handleServerTime(time: UnixSeconds): void {
    this.#lease.handleServerTime(time, this.#boot());
  }

  /** The clock of the server where it is known, else the machine's (protocol.md 10.4). */
  corrected(): UnixSeconds {
    return this.#lease.corrected(this.#deps.wall(), this.#boot());
  }

  identity(): Identity {
    return this.#identity.current;
  }

  authorities(): readonly Uint8Array[] {
    return [this.#facts.ca];
  }

  facts(): NodeFacts {
    return this.#facts;
  }

  network(): string {
    return this.#facts.network;
  }

  bundleNumber(): number {
    return this.#facts.number;
  }

  /** Rosters as they were verified, for bundles that build on them. */
  heldRosters(): ReadonlyMap<GroupId, HeldRoster> {
    return this.#groups;
  }

  /** The newest version of each group that is held, for whoever asks for newer ones. */
  newestVersions(): readonly { readonly id: GroupId; readonly v: KeyVersion; readonly roster: Roster }[] {
    return [...this.#groups].map(([id, { roster, ring }]) => ({
      id,
      v: ring.versions()[0]?.v ?? keyVersion(0),
      roster,
    }));
  }

  /** What a start without a server needs: live key bytes, to be encoded at once (protocol.md 10.5 V7). */
  toCache(): CachedKeys {
    const domain = this.#domain.versions(END_OF_TIME);
    const groups = [...this.#groups].map(([id, { roster, bundled, retain, ring, terms }]) => ({
      ...{ id, retain, bundled, chain: roster.entries },
      ...{ stopped: ring.stopped, versions: cachedVersions(ring, terms) },
    }));
    return { facts: this.#facts, domain, groups };
  }

  groups(): readonly GroupView[] {
    this.#views ??= [...this.#groups].map(([id, { roster, ring }]) => ({
      id,
      roster,
      retainFlow: ring.retainFlow,
      stopped: ring.stopped,
      versions: ring.versions(),
    }));
    return this.#views;
  }

  domain(): readonly DomainVersion[] {
    return this.#domain.versions(this.corrected());
  }

  unixNow(): UnixSeconds {
    return this.#lease.lease(this.#deps.wall(), this.#boot());
  }

  groupName(group: GroupId): string {
    return this.#groups.get(group)?.roster.name ?? group;
  }

  isManaged(group: GroupId): boolean {
    const held = this.#groups.get(group);
    return held !== undefined && isManaged(held.roster);
  }

  self(): Member {
    return this.#self;
  }

  members(): readonly Member[] {
    return this.#members;
  }

  peerUsed(group: GroupId, version: KeyVersion, now: Millis): KeyChange {
    return this.#ringStep(group, (ring) => ring.handle({ type: 'peer-used', v: version }, this.#clock(now)));
  }

  hint(group: GroupId, version: KeyVersion, now: Millis): KeyChange {
    return this.#ringStep(group, (ring) => ring.handle({ type: 'hint', v: version }, this.#clock(now)));
  }

  signedRemove(group: GroupId, entry: Uint8Array): KeyChange | undefined {
    const held = this.#groups.get(group);
    if (!held) return undefined;
    const extended = extendRoster(this.#deps.provider, held.roster, [entry]);
    if (typeof extended === 'string') return undefined;
    const removals = removalsSince(held.roster, extended);
    // other changes come with their keys, in a bundle
    if (removals.length === 0) return undefined;
    const removed = missing(held.roster, extended);
    held.roster = extended;
    this.#views = undefined;
    this.#refreshMembers();
    return { ...unchanged(group), removed, removals, left: removed.includes(this.#self.id) };
  }

  tick(now: Millis, usage: KeyUsage): KeyChange[] {
    this.#identity.tick(this.corrected(), now);
    const clock = this.#clock(now);
    const input = (id: GroupId) => ({
      type: 'tick' as const,
      inUse: (v: number) => usage.handshake(id, v),
      chainAlive: (v: number) => usage.chain(id, v),
    });
    return [...this.#groups.keys()]
      .map((id) => this.#ringStep(id, (ring) => ring.handle(input(id), clock)))
      .filter(({ effects }) => effects.length > 0);
  }

  persistent(): PersistedKeys {
    const { persisted } = this.#deps;
    const groups: Record<string, PersistedKeys['groups'][string]> = {};
    const rosters: Record<string, KeptRoster> = {};
    // what was refused at the start must be refused at the next one, too
    for (const id of this.#refused.keys()) {
      const [marks, roster] = [persisted?.groups[id], persisted?.rosters[id]];
      if (marks) groups[id] = marks;
      if (roster) rosters[id] = roster;
    }
    for (const [id, { ring, roster, bundled }] of this.#groups) {
      groups[id] = ring.persistent;
      rosters[id] = keepRoster(roster, bundled);
    }
    return { groups, rosters, leaseClock: worthKeeping(this.#lease.highest, this.groups()) };
  }

  /** The node is nobody's member any more: every key of its groups and of the domain goes. */
  leaveAll(): KeyChange[] {
    const changes = [...this.#groups].map(([id, held]) => this.#leave(id, held));
    this.#domain.wipe();
    this.#refreshMembers();
    return changes;
  }

  /** Groups of the bundle in use whose roster does not extend the one that this node held (protocol.md 9.3). */
  refusedRosters(): readonly RefusedRoster[] {
    return [...this.#refused.values()];
  }

  wipe(): void {
    for (const { ring } of this.#groups.values()) ring.wipe();
    this.#domain.wipe();
    this.#identity.wipe();
  }

  #fill(verified: VerifiedBundle, now: Millis): KeyChange[] {
    fillDomainRing(this.#deps.provider, this.#domain, verified.bundle);
    this.#refused.clear();
    const changes = verified.groups.map((group) => this.#take(group, this.#clock(now)));
    const listed = new Set(verified.groups.map(({ roster }) => roster.groupId));
    const { base, left = [] } = verified.bundle;
    const stays = (id: GroupId) => (base === undefined ? listed.has(id) : !left.includes(id));
    for (const [id, held] of this.#groups) if (!stays(id)) changes.push(this.#leave(id, held));
    this.#refreshMembers();
    wipeVerified(verified); // V7
    return changes;
  }

  #take(group: VerifiedGroup, clock: KeyClock): KeyChange {
    const { provider, persisted } = this.#deps;
    const { roster, bundled, retain } = group;
    const id = roster.groupId;
    const held = this.#groups.get(id);
    const accepted = held ? this.#accept(held, roster) : resumeRoster(provider, roster, persisted?.rosters[id]);
    if (typeof accepted === 'string') return this.#refuse(roster, accepted);
    this.#views = undefined;
    if (!held) {
      const ring = new KeyRing(this.#policy(group), persisted?.groups[id]);
      this.#groups.set(id, { roster: accepted, bundled, retain, ring, terms: termsOf(group.versions) });
      return { ...unchanged(id), effects: fillRing(provider, ring, group, clock) };
    }
    const before = held.roster;
    held.roster = accepted;
    held.bundled = bundled;
    held.retain = retain;
    for (const [v, terms] of termsOf(group.versions)) held.terms.set(v, terms);
    held.ring.handle({ type: 'policy', policy: this.#policy(group) }, clock);
    const effects = fillRing(provider, held.ring, group, clock);
    return { ...unchanged(id), effects, removed: missing(before, accepted), removals: removalsSince(before, accepted) };
  }

  /** A roster that was extended from the one held holds all that was learnt; another is compared with it. */
  #accept(held: HeldGroup, roster: Roster): Roster | RosterFault {
    const isExtension = held.roster.entries.every((entry, i) => entry === roster.entries[i]);
    if (isExtension) return roster;
    const chain = withLearned(roster.entries, keepRoster(held.roster, held.bundled));
    return acceptChain(this.#deps.provider, held.roster, chain);
  }

  #resume({ domain, groups }: ResumedKeys, now: Millis): void {
    const { provider, persisted } = this.#deps;
    for (const { v, activateAt, ...keys } of domain) this.#domain.add(v, activateAt, keys);
    for (const { roster, bundled, retain, stopped, versions } of groups) {
      const id = roster.groupId;
      const accepted = resumeRoster(provider, roster, persisted?.rosters[id]);
      if (typeof accepted === 'string') {
        this.#refuse(roster, accepted);
        continue;
      }
      const ring = new KeyRing(this.#policy({ retain }), persisted?.groups[id], stopped);
      this.#groups.set(id, { roster: accepted, bundled, retain, ring, terms: termsOf(versions) });
      resumeRing(ring, accepted, versions, this.#clock(now));
    }
    this.#refreshMembers();
  }

  /** Nothing of the group changes: keys that were made for another roster are not this one's. */
  #refuse({ groupId, name }: Roster, fault: RosterFault): KeyChange {
    this.#refused.set(groupId, { group: name, fault });
    return { ...unchanged(groupId), refused: fault };
  }

  #policy({ retain }: Pick<VerifiedGroup, 'retain'>): RingPolicy {
    return { retain, longGrace: this.#deps.longGrace ?? true };
  }

  #leave(group: GroupId, held: HeldGroup): KeyChange {
    held.ring.wipe();
    this.#groups.delete(group);
    this.#views = undefined;
    return { ...unchanged(group), left: true };
  }

  #ringStep(group: GroupId, step: (ring: KeyRing) => readonly RingEffect[]): KeyChange {
    const held = this.#groups.get(group);
    const effects = held ? step(held.ring) : [];
    if (effects.length > 0) this.#views = undefined;
    return { ...unchanged(group), effects };
  }

  #clock(now: Millis): KeyClock {
    return { monotonic: now, unix: this.unixNow(), corrected: this.corrected() };
  }

  #boot(): Millis {
    return this.#deps.boot?.() ?? millis(0);
  }

  #hearTime({ bundle }: VerifiedBundle): void {
    if (bundle.serverTime !== undefined) this.handleServerTime(bundle.serverTime);
  }

  #seedOr(given: Uint8Array): Uint8Array {
    return given.length > 0 ? given : (this.#deps.edSeed ?? given);
  }

  #replaceIdentity(seed: Uint8Array, now: Millis): void {
    this.#identity.replace(this.#seedOr(seed), this.#facts.caPart, this.corrected(), now);
    this.#refreshMembers();
  }

  #refreshMembers(): void {
    const rosters = [...this.#groups.values()].map(({ roster }) => roster);
    this.#self = selfAsMember(this.identity().caPart, this.#facts.name, rosters);
    this.#members = otherMembers(rosters, this.#facts, this.#self.id);
  }
}

function unchanged(group: GroupId): KeyChange {
  return { group, effects: [], removed: [], removals: [], left: false, refused: undefined };
}
