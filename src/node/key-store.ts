import type { GroupId, KeyVersion, Millis, NodeId, UnixSeconds } from '../base/brands.ts';
import type { AddressPrefix } from '../crypto/address-prefix.ts';
import type { Identity } from '../crypto/identity.ts';
import type { DomainVersion, GroupView } from '../dprp/negotiation-deps.ts';

/** A node of the network as this node's bundle or rosters describe it. */
export interface Member {
  readonly id: NodeId;
  readonly name: string;
  /** 'ges' | 'gen' | 'gea', or '' where nothing says it */
  readonly type: string;
  readonly mode: string;
  /** overlay addresses as text */
  readonly addresses: readonly string[];
  /** the same, 16 bytes each */
  readonly vips: readonly Uint8Array[];
  readonly routes: readonly AddressPrefix[];
}

/** A rule that the node's health lines show (code and sentence). */
export interface KeyHealth {
  readonly code: string;
  readonly text: string;
}

/**
 * What the engine reads of identity, groups and rosters. Answers are live views; a reload replaces them at once,
 * and the engine is told by `handleKeysChanged`.
 */
export interface KeyStore {
  identity(): Identity;
  authorities(): readonly Uint8Array[];
  groups(): readonly GroupView[];
  domain(): readonly DomainVersion[];
  unixNow(): UnixSeconds;
  network(): string;
  groupName(group: GroupId): string;
  /** every other node of the network that this node knows of */
  members(): readonly Member[];
  self(): Member;
  /** an authentic peer used a held NEXT: it is CURRENT from now on; false when it is not held (protocol.md 10.1) */
  advance(group: GroupId, version: KeyVersion, now: Millis): boolean;
  /** moves versions on by the clock; returns the groups whose CURRENT changed */
  tick(now: Millis): readonly GroupId[];
  nextDeadline(): Millis | undefined;
  health(): readonly KeyHealth[];
}
