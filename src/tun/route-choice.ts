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
  /** what of the connected networks is known to be what the lists of members mean by these addresses */
  readonly home: readonly HomeNetwork[];
}

/** A reason to take a connected network for the one that is offered. */
export interface HomeNetwork {
  /** the ranges that are at home here */
  readonly routes: readonly Prefix[];
  /** who proved it, and from where; undefined for what the machine's administrator says */
  readonly router: Prefix | undefined;
}

export interface RefusedRoute {
  readonly prefix: Prefix;
  /** as text, for people */
  readonly why: string;
  /** where a connected network is in the way: whether it is the offered one itself, or another one with its addresses */
  readonly lan: 'home' | 'strange' | undefined;
  /** nothing of this machine is in the way, only that a peer is said to be in it */
  readonly holdsPeer: boolean;
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
    else if (!refused.some((other) => samePrefix(other.prefix, prefix)))
      refused.push({ prefix, why, lan: lanOf(prefix, limits), holdsPeer: clashOf(prefix, limits) === undefined });
  }
  return { taken, refused };
}

function obstacle(prefix: Prefix, limits: RouteLimits): string | undefined {
  const clash = clashOf(prefix, limits);
  if (clash?.connected) return `this machine is connected to ${formatPrefix(clash.prefix)} by ${clash.by}`;
  if (clash) return `this machine has a route of its own to it by ${clash.by}`;
  const endpoint = limits.endpoints.find((address) => covers(prefix, address));
  return endpoint && `the endpoint ${formatPrefix(endpoint).split('/')[0]} of a peer lies in it`;
}

function clashOf(prefix: Prefix, { used }: RouteLimits): UsedRange | undefined {
  return used.find((range) => (range.connected ? overlaps : samePrefix)(range.prefix, prefix));
}

/** At home in every connected network that overlaps it, or not (protocol.md 8.2). A proof counts for the link that it came by. */
function lanOf(prefix: Prefix, { used, home }: RouteLimits): RefusedRoute['lan'] {
  const connected = used.filter((range) => range.connected);
  const clashes = connected.filter((range) => overlaps(range.prefix, prefix));
  if (clashes.length === 0) return undefined;
  const isOn = (router: Prefix | undefined, device: string) =>
    router === undefined || connected.some((range) => range.by === device && covers(range.prefix, router));
  const isHome = ({ prefix: network, by }: UsedRange) => {
    const common = network.length > prefix.length ? network : prefix;
    return home.some(({ routes, router }) => isOn(router, by) && routes.some((route) => covers(route, common)));
  };
  return clashes.every(isHome) ? 'home' : 'strange';
}

function covers(outer: Prefix, inner: Prefix): boolean {
  return outer.length <= inner.length && overlaps(outer, inner);
}
