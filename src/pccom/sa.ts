import type { GroupId, KeyVersion, Millis, NodeId, SaIndex } from '../base/brands.ts';
import type { Suite } from '../base/primitives.ts';

/** What a handshake agreed on: the pair of traffic keys between two nodes under one group and version (protocol.md 1.1 D3). */
export interface SaTerms {
  readonly role: 'initiator' | 'responder';
  readonly peer: NodeId;
  readonly group: GroupId;
  readonly version: KeyVersion;
  /** 0, or under retain=flow the version of admission (protocol.md 3.1) */
  readonly chain: number;
  readonly suite: Suite;
  readonly lanes: number;
  /** base of our receiver indices, a multiple of 8 */
  readonly local: SaIndex;
  /** base of the peer's receiver indices */
  readonly remote: SaIndex;
}

/** One SA with the times that decide its life. */
export interface Sa extends SaTerms {
  /** number of its (peer, group, chain), as PIT entries carry it */
  readonly owner: number;
  readonly receiveSince: Millis;
  readonly rekeyAt: Millis;
  /** when the send key was installed */
  sendSince: Millis | undefined;
  /** when it became usable for sending */
  confirmedAt: Millis | undefined;
  /** the first authentic datagram on it */
  heardAt: Millis | undefined;
  sendStopped: boolean;
  /** closed for receiving at this time at the latest */
  capAt: Millis;
  confirmsSent: number;
  nextConfirmAt: Millis | undefined;
  /** since when content goes out and nothing authentic comes */
  unansweredSince: Millis | undefined;
  lastRekeyTry: Millis | undefined;
  /** a soft volume limit was met */
  rekeyWanted: boolean;
}

/** Slot number of an index, as the primitives lay it out. */
export function slotOf(index: SaIndex): number {
  return (index >>> 3) & 0xffff;
}
