import type { GroupId, KeyVersion, Millis, NodeId, SaIndex } from '../base/brands.ts';
import type { Cid } from '../base/cid.ts';
import type { ModeName } from '../base/datagram-kinds.ts';
import type { PathAddress } from '../base/path-address.ts';
import type { Identity } from '../crypto/identity.ts';
import type { Applicant } from './admission.ts';
import type { ListedTag } from './dde-tags.ts';
import type { DprpEffect, Failure, LaneKey, Purpose, SaDescription } from './effects.ts';
import type { Handshake } from './handshake.ts';
import type { DomainVersion } from './negotiation-deps.ts';
import type { Retry } from './retry.ts';
import type { EndType } from './wire-names.ts';

/** What the composer asks for. */
export interface StartRequest {
  /** The flow; for a rekey or migration any flow of the pair, or its two vips with protocol and ports 0. */
  readonly cid: Cid;
  /** Where DDE goes, byte-identical: relay channel, validated direct paths, configured endpoints. */
  readonly paths: readonly PathAddress[];
  readonly purpose: Purpose;
  /** Own base index of the SA that is rekeyed or migrated. */
  readonly replaces?: SaIndex;
}

/** What stays the same through the whole negotiation. */
export interface StartBase {
  readonly request: StartRequest;
  /** who the roster says is there */
  readonly expected: NodeId;
  /** only this group is listed; for a chain under `retain=flow` only this version (protocol.md 2.6) */
  readonly only: { readonly group: GroupId; readonly chained: KeyVersion | undefined } | undefined;
  readonly index: SaIndex;
  readonly startedAt: Millis;
  readonly giveUpAt: Millis;
  /** other flows towards the same peer */
  readonly waiting: readonly Cid[];
  /** the one repeat of DDE that a hint may cause is used up (protocol.md 3.6) */
  readonly repeated: boolean;
}

/** What a hint said last: it decides only which reason is shown (protocol.md 3.6, C2). */
export interface Hint {
  readonly reason: Failure;
  readonly peerMode: ModeName | undefined;
  readonly peerType: EndType | undefined;
}

/** DDE is out. */
export interface Detecting {
  readonly phase: 'detecting';
  readonly base: StartBase;
  readonly identity: Identity;
  readonly handshake: Handshake;
  readonly ephemeral: Uint8Array;
  readonly domain: DomainVersion;
  readonly dde: Uint8Array;
  readonly tags: readonly (ListedTag | null)[];
  readonly paths: readonly PathAddress[];
  readonly retry: Retry;
  /** one COOKIE is taken per sending, so that a flood of them causes nothing */
  readonly cookieTaken: boolean;
  readonly hint: Hint | undefined;
  /** earlier than giveUpAt once a hint has said that nothing will come */
  readonly endsAt: Millis;
}

/** A hint said that keys are old: waits for a newer version, then sends one more DDE. */
export interface Refreshing {
  readonly phase: 'refreshing';
  readonly base: StartBase;
  readonly paths: readonly PathAddress[];
  readonly hint: Hint;
  readonly until:
    | { readonly what: 'group'; readonly group: GroupId; readonly above: KeyVersion }
    | { readonly what: 'domain'; readonly above: KeyVersion };
}

/** MPIT is out and the receive keys are in place; `keyed`: the send keys too, by data that came before CDN. */
export interface Making {
  readonly phase: 'making';
  readonly base: StartBase;
  readonly sa: SaDescription;
  readonly applicant: Applicant;
  readonly mpit: Uint8Array;
  readonly path: PathAddress;
  readonly retry: Retry;
  readonly pitId: Uint8Array;
  readonly cdnKey: Uint8Array;
  readonly h: Uint8Array;
  readonly sendLanes: readonly LaneKey[];
  readonly keyed: boolean;
}

/** Nothing is left of it; `dead` never comes back. */
export interface Over {
  readonly phase: 'over';
}

export type StartState = Detecting | Refreshing | Making | Over;

export interface StartStep {
  readonly state: StartState;
  readonly effects: readonly DprpEffect[];
}

export const OVER: Over = { phase: 'over' };
