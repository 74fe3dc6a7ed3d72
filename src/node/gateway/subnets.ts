import type { HealthLine } from '../../api/status.ts';
import { formatPrefix, overlaps, type Prefix, samePrefix } from '../../tun/prefix.ts';
import type { UsedRange } from '../../tun/route-choice.ts';

/** What decides about the networks behind a GEN. */
export interface SubnetFacts {
  /** what the certificate gives this node */
  readonly certified: readonly Prefix[];
  /** what the rosters give it: only this is believed by other members (protocol.md 2.1) */
  readonly listed: readonly Prefix[];
  /** the certificate has no room for all: the rosters count alone */
  readonly moreRoutes: boolean;
  /** the overlay's own ranges */
  readonly overlay: readonly Prefix[];
  /** networks of other members */
  readonly others: readonly { readonly name: string; readonly route: Prefix }[];
  /** the machine's routes and addresses, other than those of the overlay's interface */
  readonly used: readonly UsedRange[];
}

/** A network behind this node, and where the machine reaches it. */
export interface Subnet {
  readonly prefix: Prefix;
  /** interfaces of this machine that lead to it; none: nothing is forwarded there */
  readonly inside: readonly string[];
}

/** The networks that this node speaks for, and what is wrong with those that it does not, or not well. */
export function servedSubnets(facts: SubnetFacts): {
  readonly served: readonly Subnet[];
  readonly health: readonly HealthLine[];
} {
  const served: Subnet[] = [];
  const health: HealthLine[] = [];
  for (const prefix of together(facts.certified, facts.listed)) {
    const refusal = refused(prefix, facts);
    if (refusal) {
      health.push(refusal);
      continue;
    }
    const inside = insideOf(prefix, facts.used);
    served.push({ prefix, inside });
    health.push(...remarks(prefix, inside, facts));
  }
  return { served, health };
}

function refused(prefix: Prefix, facts: SubnetFacts): HealthLine | undefined {
  const text = formatPrefix(prefix);
  const range = facts.overlay.find((each) => overlaps(each, prefix));
  if (range)
    return {
      code: 'gateway-subnet-in-overlay',
      text: `${text} overlaps the overlay's own range ${formatPrefix(range)} and is not served: give this node another network`,
    };
  if (!facts.moreRoutes && !has(facts.certified, prefix))
    return {
      code: 'gateway-subnet-not-certified',
      text: `a list of members gives this node ${text}, its certificate does not: it is not served; change the node's routes where its network is administered`,
    };
  if (!has(facts.listed, prefix))
    return {
      code: 'gateway-subnet-not-listed',
      text: `the certificate gives this node ${text}, no list of members does: no member would believe it, so it is not served; add the node to a group`,
    };
  return undefined;
}

function remarks(prefix: Prefix, inside: readonly string[], facts: SubnetFacts): HealthLine[] {
  const text = formatPrefix(prefix);
  const lines: HealthLine[] = [];
  if (inside.length === 0)
    lines.push({
      code: 'gateway-no-inside',
      text: `no interface of this machine leads to ${text}: give one an address in it, or add a route to it`,
    });
  const rivals = facts.others.filter(({ route }) => samePrefix(route, prefix)).map(({ name }) => name);
  if (rivals.length > 0)
    lines.push({
      code: 'gateway-subnet-shared',
      text: `${text} is also given to ${rivals.join(', ')}: members send to the one that joined first, and take answers from each; give it to one only, unless both stand side by side`,
    });
  return lines;
}

/**
 * The interfaces that lead to the addresses of a network: those of the routes inside it, or else of the longest one over
 * it. A default route leads nowhere in particular.
 */
function insideOf(prefix: Prefix, used: readonly UsedRange[]): string[] {
  const touching = used.filter((range) => range.by !== 'lo' && overlaps(range.prefix, prefix));
  const within = touching.filter((range) => range.prefix.length >= prefix.length);
  const longest = Math.max(...touching.map((range) => range.prefix.length));
  const chosen = within.length > 0 ? within : touching.filter((range) => range.prefix.length === longest);
  return [...new Set(chosen.map(({ by }) => by))].sort();
}

function together(some: readonly Prefix[], more: readonly Prefix[]): Prefix[] {
  return [...some, ...more.filter((prefix) => !has(some, prefix))];
}

function has(prefixes: readonly Prefix[], prefix: Prefix): boolean {
  return prefixes.some((each) => samePrefix(each, prefix));
}
