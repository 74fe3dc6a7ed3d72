import type { PathAddress } from '../base/path-address.ts';

/** One way to a peer (protocol.md 6): straight to an address, or by a channel of a relay. */
export type Route =
  | { readonly kind: 'direct'; readonly address: PathAddress }
  | { readonly kind: 'relay'; readonly address: PathAddress; readonly channel: number };

/** One name per route: "192.0.2.1:47247", or "relay:192.0.2.9:47247#12". */
export function routeName(route: Route): string {
  return route.kind === 'direct' ? route.address : `relay:${route.address}#${route.channel}`;
}
