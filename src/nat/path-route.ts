import { formatPath, type PathAddress, parsePath, relayPath } from '../base/path-address.ts';

/** One way to a peer (protocol.md 6): straight to an address, or by a channel of a relay. */
export type Route =
  | { readonly kind: 'direct'; readonly address: PathAddress }
  | { readonly kind: 'relay'; readonly address: PathAddress; readonly channel: number };

/** One name per route: "192.0.2.1:47247", or "relay:192.0.2.9:47247#12". */
export function routeName(route: Route): PathAddress {
  return route.kind === 'direct' ? route.address : relayPath(route.address, route.channel);
}

/** The route that a path spells. */
export function routeOf(path: PathAddress): Route {
  const { family, address, port, channel } = parsePath(path);
  if (channel === 0) return { kind: 'direct', address: path };
  return { kind: 'relay', address: formatPath(family, address, port), channel };
}
