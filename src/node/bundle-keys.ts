import {
  type GroupId,
  type KeyVersion,
  type Millis,
  millis,
  type NodeId,
  type UnixSeconds,
  unixSeconds,
} from '../base/brands.ts';
import { formatAddress } from '../base/ip-address.ts';
import { isIpv4 } from '../crypto/address-prefix.ts';
import type { Bundle } from '../crypto/bundle.ts';
import {
  fillDomainRing,
  fillRing,
  type VerifiedBundle,
  type VerifiedGroup,
  wipeVerified,
} from '../crypto/bundle-verify.ts';
import { vipsOf } from '../crypto/credential.ts';
import { DomainRing } from '../crypto/domain-ring.ts';
import { createIdentity, type Identity, renewalDue, renewIdentity, wipeIdentity } from '../crypto/identity.ts';
import { KeyRing } from '../crypto/key-ring.ts';
import type { KeyClock, RingEffect } from '../crypto/key-states.ts';
import { LeaseClock } from '../crypto/lease-clock.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { acceptChain, extendRoster, type Roster, type RosterFault } from '../crypto/roster.ts';
import { decodeEntry } from '../crypto/roster-entry.ts';
import { isManaged } from '../crypto/roster-state.ts';
import type { DomainVersion, GroupView } from '../dprp/negotiation-deps.ts';
import { endTypeName, modeName } from '../dprp/wire-names.ts';
import { type KeptRoster, keepRoster, resumeRoster, withLearned } from './kept-roster.ts';
import type { KeyChange, KeyStore, Member } from './key-store.ts';

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
  readonly persisted: PersistedKeys | undefined;
}

/** How long the secrets of a replaced identity are kept, in milliseconds: more than any handshake lasts. */
const FORMER_IDENTITY = 60_000;

interface HeldGroup {
  roster: Roster;
  /** how many of its entries came in a bundle */
  bundled: number;
  readonly ring: KeyRing;
}

/** A group by name, and why its roster was refused. */
export interface RefusedRoster {
  readonly group: string;
  readonly fault: RosterFault;
}

/** The keys of a node that lives by its authority's bundle: no server, no lease unless the bundle names one. */
export class BundleKeys implements KeyStore {
  readonly #deps: BundleKeysDeps;
  readonly #groups = new Map<GroupId, HeldGroup>();
  /** groups of the bundle whose roster was refused, by id; held as before, or at a start not at all */
  readonly #refused = new Map<GroupId, RefusedRoster>();
  readonly #domain = new DomainRing();
  readonly #lease: LeaseClock;
  #bundle: Bundle;
  #identity: Identity;
  /** those that handshakes under way may still use, oldest first */
  readonly #former: { readonly identity: Identity; readonly since: Millis }[] = [];
  #self: Member;
  #members: readonly Member[] = [];
  #views: readonly GroupView[] | undefined;

  /**
   * Takes over a verified bundle and wipes its secrets, once the keys are derived; throws RangeError when the node's own
   * key and certificate do not fit, which verification excludes.
   */
  constructor(verified: VerifiedBundle, deps: BundleKeysDeps, now: Millis) {
    this.#deps = deps;
    this.#lease = new LeaseClock(unixSeconds(deps.persisted?.leaseClock ?? 0));
    this.#bundle = verified.bundle;
    this.#identity = this.#makeIdentity();
    this.#self = this.#describeSelf();
    this.#fill(verified, now);
  }

  /** A newer bundle of the same authority: versions are added, rosters extended, never rolled back. Its secrets are wiped. */
  reload(verified: VerifiedBundle, now: Millis): KeyChange[] {
    this.#bundle = verified.bundle;
    this.#replaceIdentity(this.#makeIdentity(), now);
    this.#self = this.#describeSelf();
    return this.#fill(verified, now);
  }

  identity(): Identity {
    return this.#identity;
  }

  authorities(): readonly Uint8Array[] {
    return [this.#bundle.ca];
  }

  network(): string {
    return this.#bundle.network;
  }

  bundleNumber(): number {
    return this.#bundle.number;
  }

  pool(): Bundle['pool'] {
    return this.#bundle.pool;
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
    return this.#domain.versions(this.#deps.wall());
  }

  unixNow(): UnixSeconds {
    // Without a server's time the boot clock adds nothing to the computer's own.
    return this.#lease.lease(this.#deps.wall(), millis(0));
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

  tick(now: Millis, inUse: (group: GroupId, version: number) => boolean): KeyChange[] {
    this.#renewKeyPart(now);
    this.#wipeFormer(millis(now - FORMER_IDENTITY));
    const clock = this.#clock(now);
    const input = (id: GroupId) => ({
      type: 'tick' as const,
      inUse: (v: number) => inUse(id, v),
      chainAlive: (v: number) => inUse(id, v),
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
    return { groups, rosters, leaseClock: this.#lease.highest };
  }

  /** Groups of the bundle in use whose roster does not extend the one that this node held (protocol.md 9.3). */
  refusedRosters(): readonly RefusedRoster[] {
    return [...this.#refused.values()];
  }

  wipe(): void {
    for (const { ring } of this.#groups.values()) ring.wipe();
    this.#domain.wipe();
    this.#wipeFormer();
    wipeIdentity(this.#identity);
  }

  #fill(verified: VerifiedBundle, now: Millis): KeyChange[] {
    fillDomainRing(this.#deps.provider, this.#domain, verified.bundle);
    this.#refused.clear();
    const changes = verified.groups.map((group) => this.#take(group, this.#clock(now)));
    const listed = new Set(verified.groups.map(({ roster }) => roster.groupId));
    for (const [id, held] of this.#groups) if (!listed.has(id)) changes.push(this.#leave(id, held));
    this.#refreshMembers();
    wipeVerified(verified); // V7
    return changes;
  }

  #take(group: VerifiedGroup, clock: KeyClock): KeyChange {
    const { provider, persisted } = this.#deps;
    const { roster } = group;
    const id = roster.groupId;
    const held = this.#groups.get(id);
    const accepted = held
      ? acceptChain(provider, held.roster, withLearned(roster.entries, keepRoster(held.roster, held.bundled)))
      : resumeRoster(provider, roster, persisted?.rosters[id]);
    if (typeof accepted === 'string') return this.#refuse(roster, accepted);
    this.#views = undefined;
    const bundled = roster.entries.length;
    if (!held) {
      const ring = new KeyRing({ retain: group.retain, longGrace: true }, persisted?.groups[id]);
      this.#groups.set(id, { roster: accepted, bundled, ring });
      return { ...unchanged(id), effects: fillRing(provider, ring, group, clock) };
    }
    const before = held.roster;
    held.roster = accepted;
    held.bundled = bundled;
    const effects = fillRing(provider, held.ring, group, clock);
    return { ...unchanged(id), effects, removed: missing(before, accepted), removals: removalsSince(before, accepted) };
  }

  /** Nothing of the group changes: keys that were made for another roster are not this one's. */
  #refuse({ groupId, name }: Roster, fault: RosterFault): KeyChange {
    this.#refused.set(groupId, { group: name, fault });
    return { ...unchanged(groupId), refused: fault };
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
    return { monotonic: now, unix: this.unixNow(), corrected: this.#deps.wall() };
  }

  #makeIdentity(): Identity {
    const { provider, random, wall } = this.#deps;
    const { edSeed, caPart } = this.#bundle.node;
    const identity = createIdentity(provider, edSeed, caPart, random(32), wall());
    if (typeof identity === 'string') throw new RangeError(`identity: ${identity}`);
    return identity;
  }

  /** The node signs a fresh X25519 key by itself, days before the old one ends (protocol.md 1.3). */
  #renewKeyPart(now: Millis): void {
    const { provider, random, wall } = this.#deps;
    if (!renewalDue(this.#identity, wall())) return;
    const renewed = renewIdentity(provider, this.#identity, random(32), wall());
    if (typeof renewed !== 'string') this.#replaceIdentity(renewed, now);
  }

  #replaceIdentity(identity: Identity, now: Millis): void {
    this.#former.push({ identity: this.#identity, since: now });
    this.#identity = identity;
  }

  /** Without a time: all. */
  #wipeFormer(until = millis(Number.POSITIVE_INFINITY)): void {
    while (this.#former.length > 0 && this.#former[0].since <= until) {
      const gone = this.#former.shift();
      if (gone) wipeIdentity(gone.identity);
    }
  }

  #describeSelf(): Member {
    const { caPart } = this.#identity;
    const vips = vipsOf(caPart).toSorted(v4First);
    return {
      id: caPart.nodeId,
      name: this.#bundle.node.name,
      type: endTypeName(caPart.type) ?? '',
      mode: modeName(caPart.mode) ?? '',
      addresses: vips.map(addressText),
      vips,
      routes: caPart.routes,
    };
  }

  #refreshMembers(): void {
    const shown = new Map(this.#bundle.peers.map((peer) => [peer.nodeId, peer]));
    const found = new Map<NodeId, Member>();
    for (const { roster } of this.#groups.values())
      for (const { nodeId, vips, routes } of roster.members.values()) {
        if (nodeId === this.#self.id) continue;
        const { name = nodeId, type = '', mode = '' } = shown.get(nodeId) ?? {};
        found.set(nodeId, {
          id: nodeId,
          name,
          type,
          mode,
          addresses: vips.toSorted(v4First).map(addressText),
          vips,
          routes,
        });
      }
    this.#members = [...found.values()];
  }
}

/** People know IPv4 addresses by heart, so these are shown first. */
function v4First(a: Uint8Array, b: Uint8Array): number {
  return Number(isIpv4(b)) - Number(isIpv4(a));
}

function unchanged(group: GroupId): KeyChange {
  return { group, effects: [], removed: [], removals: [], left: false, refused: undefined };
}

function removalsSince(before: Roster, after: Roster): Uint8Array[] {
  return after.entries.slice(before.entries.length).filter((bytes) => {
    const entry = decodeEntry(bytes);
    return typeof entry !== 'string' && entry.change.kind === 'remove';
  });
}

function missing(before: Roster, after: Roster): NodeId[] {
  return [...before.members.keys()].filter((id) => !after.members.has(id));
}

function addressText(vip: Uint8Array): string {
  return formatAddress(isIpv4(vip) ? vip.subarray(12) : vip);
}
