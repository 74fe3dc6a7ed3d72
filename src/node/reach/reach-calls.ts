import type { Millis, NodeId } from '../../base/brands.ts';
import type { PathAddress } from '../../base/path-address.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import type { PathReason } from '../../nat/path-reason.ts';
import type { RelayReach } from '../../nat/signal-message.ts';
import type { CoordinatorFacts } from './coordinators.ts';
import type { OwnFacts } from './own-view.ts';

/** What was found out about the network around this node. */
export type ReachFacts = OwnFacts & {
  readonly coordinators: readonly CoordinatorFacts[];
  readonly relays: readonly RelayReach[];
  readonly vantages: readonly PathAddress[];
};

/** What the rest of the engine does for the choice of paths. */
export interface ReachCalls {
  /** PATH-CHALLENGE inside the newest SA with this peer, by this path and no other; through an element that has to know of it, a handshake */
  challenge(peer: NodeId, path: PathAddress, token: Uint8Array, now: Millis): void;
  /** traffic and handshakes of this peer go by this path from now on */
  use(peer: NodeId, path: PathAddress, reason: PathReason, now: Millis): void;
  /** an open handshake with this peer goes by this path, too, also where it went before: only now it may arrive */
  follow(peer: NodeId, path: PathAddress, now: Millis): void;
  /** a probe to an address of a peer: straight, or through the GEN above */
  send(bytes: Uint8Array, to: PathAddress, now: Millis): void;
  /** the address of the peer that a way through a GEN leads to; every other path as it is */
  endpointOf(path: PathAddress): PathAddress;
  /** no coordinator knows a way: what else is known of the peer may be tried */
  noDirection(peer: NodeId, now: Millis): void;
}

export interface ReachMeans {
  readonly provider: CryptoProvider;
  /** milliseconds since 1970 by the server's clock */
  wallMillis(): number;
}
