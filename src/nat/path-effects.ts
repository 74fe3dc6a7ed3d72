import type { NodeId } from '../base/brands.ts';
import type { PathAddress } from '../base/path-address.ts';
import type { PathReason } from './path-reason.ts';
import type { Route } from './path-route.ts';
import type { PathTrack } from './path-track.ts';

/** What the path agents ask their composer to do, in the order of the list. */
export type PathEffect =
  /** a datagram of its own, outside any SA */
  | { readonly kind: 'send'; readonly bytes: Uint8Array; readonly to: PathAddress }
  /** PATH-CHALLENGE inside the newest sending SA, by this route and no other (protocol.md 6.2); 8 bytes */
  | { readonly kind: 'challenge'; readonly peer: NodeId; readonly route: Route; readonly token: Uint8Array }
  /** from now on traffic of this peer, and its handshakes, go by this route (protocol.md N1) */
  | { readonly kind: 'use'; readonly peer: NodeId; readonly route: Route; readonly reason: PathReason }
  /** bind this channel (relay-binder.ts), and say when it is bound */
  | { readonly kind: 'bind'; readonly peer: NodeId; readonly relay: PathAddress; readonly channel: number }
  /** traffic by this channel is silent: is its relay there? `handleUnbound` when it is not */
  | { readonly kind: 'doubt'; readonly relay: PathAddress; readonly channel: number }
  /** a Direction Request for this peer is wanted */
  | { readonly kind: 'ask-direction'; readonly peer: NodeId }
  | { readonly kind: 'counter'; readonly name: string };

/** Of a path that is silent: is its relay there? */
export function doubt(track: PathTrack): PathEffect[] {
  const { route } = track;
  if (route.kind !== 'relay') return [];
  track.isDoubted = true;
  return [{ kind: 'doubt', relay: route.address, channel: route.channel }];
}
