import { formatPrefix, overlaps, type Prefix, samePrefix } from './prefix.ts';

/** A range of addresses that this machine uses already, other than through the overlay. */
export interface UsedRange {
  readonly prefix: Prefix;
  /** the device, or the kind of route where there is none */
  readonly by: string;
  /** its addresses are reached without a gateway */
  readonly connected: boolean;
}

/** What limits which offered ranges become routes of this machine. */
export interface RouteLimits {
  readonly used: readonly UsedRange[];
  /** networks behind this node itself */
  readonly own: readonly Prefix[];
  /** addresses that the outer datagrams go to */
  readonly endpoints: readonly Prefix[];
}

export interface RefusedRoute {
  readonly prefix: Prefix;
  /** as text, for people */
  readonly why: string;
}

/**
 * Which of the ranges that others offer are routed into the overlay (protocol.md 8.2): none that a network of this
 * machine overlaps, none that would send the outer datagrams into the overlay. What lies behind this node is not asked for.
 */
export function chooseRoutes(
  offered: readonly Prefix[],
  limits: RouteLimits,
): { readonly taken: readonly Prefix[]; readonly refused: readonly RefusedRoute[] } {
  const taken: Prefix[] = [];
  const refused: RefusedRoute[] = [];
  for (const prefix of offered) {
    if (taken.some((other) => samePrefix(other, prefix)) || limits.own.some((own) => covers(own, prefix))) continue;
    const why = obstacle(prefix, limits);
    if (why === undefined) taken.push(prefix);
    else if (!refused.some((other) => samePrefix(other.prefix, prefix))) refused.push({ prefix, why });
  }
  return { taken, refused };
}

function obstacle(prefix: Prefix, { used, endpoints }: RouteLimits): string | undefined {
  const clash = used.find((range) => (range.connected ? overlaps : samePrefix)(range.prefix, prefix));
  if (clash?.connected) return `this machine is connected to ${formatPrefix(clash.prefix)} by ${clash.by}`;
  if (clash) return `this machine has a route of its own to it by ${clash.by}`;
  const endpoint = endpoints.find((address) => covers(prefix, address));
  return endpoint && `the endpoint ${formatPrefix(endpoint).split('/')[0]} of a peer lies in it`;
}

function covers(outer: Prefix, inner: Prefix): boolean {
  return outer.length <= inner.length && overlaps(outer, inner);
}
