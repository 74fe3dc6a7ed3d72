import type { GroupId, KeyVersion, Millis, NodeId, UnixSeconds } from '../base/brands.ts';
import type { AddressPrefix } from '../crypto/address-prefix.ts';
import type { Identity } from '../crypto/identity.ts';
import type { RingEffect } from '../crypto/key-states.ts';
import type { RosterFault } from '../crypto/roster.ts';
import type { DomainVersion, GroupView } from '../dprp/negotiation-deps.ts';

/** A node of the network as this node's bundle and rosters describe it. */
export interface Member {
  readonly id: NodeId;
  readonly name: string;
  /** 'ges' | 'gen' | 'gea', or '' where nothing says it */
  readonly type: string;
  /** 'op' | 'cl', or '' */
  readonly mode: string;
  /** overlay addresses as text */
  readonly addresses: readonly string[];
  /** the same, 16 bytes each */
  readonly vips: readonly Uint8Array[];
  readonly routes: readonly AddressPrefix[];
}

/** What a change of keys means for a group: the ring's effects, and who is no longer in its roster. */
export interface KeyChange {
  readonly group: GroupId;
  readonly effects: readonly RingEffect[];
  readonly removed: readonly NodeId[];
  /** signed REMOVE entries that are news, for the peers that have not heard of them (protocol.md 10.3) */
  readonly removals: readonly Uint8Array[];
  /** the node is not in the group any more */
  readonly left: boolean;
  /** why the roster of a newer bundle was refused, and with it all that it brought for this group (protocol.md 9.3) */
  readonly refused: RosterFault | undefined;
}

/** What still needs K_psk of a version that was replaced (protocol.md 10.5 V7). */
export interface KeyUsage {
  /** a handshake under it is open */
  handshake(group: GroupId, version: number): boolean;
  /** a flow that it admitted lives, under `retain=flow` */
  chain(group: GroupId, version: number): boolean;
}

/** What the engine reads of identity, groups and rosters. Answers are live views. */
export interface KeyStore {
  identity(): Identity;
  authorities(): readonly Uint8Array[];
  groups(): readonly GroupView[];
  domain(): readonly DomainVersion[];
  unixNow(): UnixSeconds;
  groupName(group: GroupId): string;
  /** its roster is signed by a server's or authority's administrator key (protocol.md 9.3) */
  isManaged(group: GroupId): boolean;
  self(): Member;
  /** every other node of the network that this node knows of */
  members(): readonly Member[];
  /** An authentic peer used a held NEXT (protocol.md 10.1). */
  peerUsed(group: GroupId, version: KeyVersion, now: Millis): KeyChange;
  /** A hint named a newer version (protocol.md 3.6). */
  hint(group: GroupId, version: KeyVersion, now: Millis): KeyChange;
  /** A REMOVE that a peer handed on inside an SA; undefined when it says nothing new or is not valid (protocol.md 5.3). */
  signedRemove(group: GroupId, entry: Uint8Array): KeyChange | undefined;
  /** Moves versions on by the clock. */
  tick(now: Millis, usage: KeyUsage): readonly KeyChange[];
}
