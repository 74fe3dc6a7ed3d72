import type { GroupId, KeyVersion, Millis, NodeId, SaIndex } from '../base/brands.ts';
import type { Cid } from '../base/cid.ts';
import type { ActionName, ModeName } from '../base/datagram-kinds.ts';
import type { PathAddress } from '../base/path-address.ts';
import type { Suite } from '../base/primitives.ts';
import type { SaTerms } from '../pccom/sa.ts';
import type { SeenElement } from './path-element.ts';
import type { EndType } from './wire-names.ts';

/**
 * What a negotiation asks its composer to do: plain objects, carried out in the order of the list.
 * Keys inside an effect belong to the composer, which installs them and wipes them.
 */
export type DprpEffect =
  | { readonly kind: 'send'; readonly bytes: Uint8Array; readonly to: PathAddress }
  | InstallReceive
  | InstallSend
  | EntryEffect
  /** The peer's inner MTU became known after the send keys were installed. */
  | { readonly kind: 'peer-mtu'; readonly localIndex: SaIndex; readonly mtu: number }
  | NegotiatedEffect
  | FailedEffect
  | RefreshEffect
  /** These flows wait for newer keys of this node: their packets are held for as long as a fetch may take (protocol.md 5.2). */
  | { readonly kind: 'keys-awaited'; readonly cids: readonly Cid[] }
  /** A held NEXT was used by an authentic peer and is CURRENT from now on (protocol.md 10.1). */
  | { readonly kind: 'advance'; readonly group: GroupId; readonly version: KeyVersion }
  /** A valid MPIT of this node was seen: negative results for its addresses go (protocol.md 2.5). */
  | { readonly kind: 'heard'; readonly peer: NodeId }
  /** Which elements an authentic answer of the peer went past, the nearest to this node first; none: the path is bare. */
  | { readonly kind: 'elements'; readonly peer: NodeId; readonly between: readonly SeenElement[] }
  /** `cid`: the flow whose negotiation it befell, where that is known */
  | { readonly kind: 'counter'; readonly name: string; readonly cid?: Cid }
  | TraceEffect;

/** Newer keys are wanted: of a group (version 0: whatever is newest), or of the domain. */
export type RefreshEffect =
  | { readonly kind: 'refresh'; readonly what: 'group'; readonly group: GroupId; readonly version: KeyVersion | 0 }
  | { readonly kind: 'refresh'; readonly what: 'domain' };

/** The receive and send keys of one lane and direction: key 32 bytes, iv 12 bytes (protocol.md 2.4). */
export interface LaneKey {
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
}

/** One SA: the terms that its keys and PIT entries refer to, and what else the handshake learnt (protocol.md 1.1 D3, 5.2). */
export interface SaDescription extends SaTerms {
  readonly r: number;
  readonly peerType: EndType;
  readonly peerMode: ModeName;
  readonly path: PathAddress;
  /** when the first DDE of this handshake left or arrived */
  readonly startedAt: Millis;
  /** own index of the SA that this one follows, 0 if none (protocol.md 2.6) */
  readonly replaces: SaIndex | 0;
  /** 32 bytes for a later rekey under `retain=flow`; kept with the SA, wiped with it (protocol.md 2.4) */
  readonly exporter: Uint8Array;
}

/** Load the receive keys of every lane; lane j has index `sa.local + j` (protocol.md 3.1, 5.4). */
export interface InstallReceive {
  readonly kind: 'install-receive';
  readonly sa: SaDescription;
  readonly lanes: readonly LaneKey[];
}

/**
 * Load the send keys of every lane (protocol.md 3.1). At the start GE this confirms the SA; at the end GE it comes with
 * the receive keys, and the SA set decides when to switch to it (S2).
 */
export interface InstallSend {
  readonly kind: 'install-send';
  readonly localIndex: SaIndex;
  readonly remoteIndex: SaIndex;
  readonly suite: Suite;
  readonly lanes: readonly LaneKey[];
  /** inner MTU that the peer takes (the floor of 1,280 while unknown), and the path on which it was last heard */
  readonly mtu: number;
  readonly path: PathAddress;
}

/** Write or confirm the PIT entry of one flow (protocol.md 2.2, 5.2). */
export interface EntryEffect {
  readonly kind: 'entry';
  readonly state: 'provisional' | 'confirmed';
  readonly cid: Cid;
  readonly action: ActionName;
  readonly peer: NodeId;
  readonly group: GroupId;
  readonly version: KeyVersion;
  readonly chain: number;
  /** 8 bytes, chosen by the start GE */
  readonly pitId: Uint8Array;
  /** seconds */
  readonly lifetime: number;
  readonly localIndex: SaIndex;
}

/** A handshake of this node's own is done; `waiting` lists further flows that asked for the same peer meanwhile. */
export interface NegotiatedEffect {
  readonly kind: 'negotiated';
  readonly role: 'initiator' | 'responder';
  readonly cid: Cid;
  readonly waiting: readonly Cid[];
  readonly peer: NodeId;
  readonly localIndex: SaIndex;
  readonly took: Millis;
}

/** Why a negotiation of this node's own came to nothing: the reason shown to the user. */
export const FAILURES = [
  'timeout',
  'no-common-group',
  'stale-key',
  'peer-behind',
  'domain-stale',
  'no-group-covers',
  'lease-expired',
  'no-free-index',
  'policy',
  'refused',
  'removed',
  'dropped',
] as const;
export type Failure = (typeof FAILURES)[number];

/** A negotiation ended without an SA; every listed flow is discarded (protocol.md 2.5). */
export interface FailedEffect {
  readonly kind: 'failed';
  readonly cid: Cid;
  readonly waiting: readonly Cid[];
  readonly purpose: Purpose;
  readonly reason: Failure;
  /** what NOGROUP or RGI said of the other end, where it was heard */
  readonly peerMode: ModeName | undefined;
  readonly peerType: EndType | undefined;
}

/** `flow`: a first flow; `rekey`: the SA is old (2.6); `migrate`: a newer version is CURRENT (10.2). Only `flow` makes a PIT entry. */
export type Purpose = 'flow' | 'rekey' | 'migrate';

/** One line of `debug`: a message seen or sent, never its content. */
export interface TraceEffect {
  readonly kind: 'trace';
  readonly message: 'DDE' | 'RGI' | 'MPIT' | 'CDN' | 'COOKIE' | 'STALE' | 'NOGROUP';
  readonly direction: 'sent' | 'received';
  readonly path: PathAddress;
  readonly peer: NodeId | undefined;
  readonly at: Millis;
}
