import type { AddressPrefix } from '../crypto/address-prefix.ts';
import { formatPrefix } from '../tun/prefix.ts';
import type { NodeState } from './node-state.ts';
import { prefixOf } from './route-prefix.ts';

/** What is wrong with a network that lists of members give somebody; the name is the counter's name. */
export type ClaimFault = 'network-shared' | 'network-in-overlay' | 'network-not-certified';

/** A network, who is given it, and what is wrong with that. */
export interface NetworkClaim {
  readonly network: AddressPrefix;
  readonly fault: ClaimFault;
  readonly names: readonly string[];
}

/** All that this node can tell: of certificates it has its own at hand. */
export function networkClaims({ keys, paths }: NodeState): readonly NetworkClaim[] {
  const self = keys.self();
  const claimed = new Map<string, { readonly network: AddressPrefix; readonly names: string[] }>();
  // its own by the lists, too: what only its certificate gives it nobody believes
  const listed = keys.groups().flatMap(({ roster }) => roster.members.get(self.id)?.routes ?? []);
  for (const { name, routes } of [{ name: self.name, routes: listed }, ...keys.members()])
    for (const network of routes) {
      const known = claimed.get(textOf(network));
      if (known === undefined) claimed.set(textOf(network), { network, names: [name] });
      else if (!known.names.includes(name)) known.names.push(name);
    }
  const { caPart } = keys.identity();
  const certified = new Set(caPart.routes.map(textOf));
  const isCertified = (network: AddressPrefix, names: readonly string[]) =>
    caPart.moreRoutes || !names.includes(self.name) || certified.has(textOf(network));
  return [...claimed.values()].flatMap(({ network, names }) => [
    ...(names.length > 1 ? [{ network, names, fault: 'network-shared' as const }] : []),
    ...(paths.meetsOverlay(prefixOf(network)) ? [{ network, names, fault: 'network-in-overlay' as const }] : []),
    ...(isCertified(network, names) ? [] : [{ network, names, fault: 'network-not-certified' as const }]),
  ]);
}

/** Counts each claim when it is first seen. */
export class ClaimWatch {
  #seen = new Set<string>();

  look(node: NodeState): void {
    const claims = networkClaims(node).map(({ network, fault, names }) => ({
      fault,
      key: `${fault} ${textOf(network)} ${names.join()}`,
    }));
    for (const { fault, key } of claims) if (!this.#seen.has(key)) node.counters.add(fault);
    this.#seen = new Set(claims.map(({ key }) => key));
  }
}

function textOf(network: AddressPrefix): string {
  return formatPrefix(prefixOf(network));
}
