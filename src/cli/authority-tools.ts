import { randomBytes } from 'node:crypto';
import { unixSeconds } from '../base/brands.ts';
import { formatAddress } from '../base/ip-address.ts';
import { nodeProvider } from '../crypto/node-provider.ts';
import { groupsOf, liveNodes } from '../server/authority/node-rules.ts';
import type { AuthorityGroup, AuthorityNode, AuthorityState, AuthorityTools } from '../server/authority/state.ts';
import { formatRange } from '../server/network/address-plan.ts';
import { shellWord } from './shell-word.ts';

/** The machine's randomness and clock, for one command. */
export function authorityTools(): AuthorityTools {
  const random = (length: number) => new Uint8Array(randomBytes(length));
  return { provider: nodeProvider, random, now: unixSeconds(Date.now() / 1000) };
}

/** A node as every `--json` of these commands shows it. */
export function nodeFields(tools: AuthorityTools, state: AuthorityState, node: AuthorityNode) {
  const { name, id, type, mode, ipv4, ipv6, routes } = node;
  return {
    name,
    id,
    type,
    mode,
    addresses: [formatAddress(ipv4), formatAddress(ipv6)],
    routes: routes.map(formatRange),
    groups: groupsOf(tools, state, node).map((group) => group.name),
  };
}

/** The nodes whose bundles a change of these groups has made old. */
export function membersOf(
  tools: AuthorityTools,
  state: AuthorityState,
  groups: readonly AuthorityGroup[],
): readonly string[] {
  const ids = new Set(groups.map(({ id }) => id));
  const inThem = liveNodes(state).filter((node) => groupsOf(tools, state, node).some(({ id }) => ids.has(id)));
  return inThem.map(({ name }) => name);
}

/** What to do about old bundles: the command line for each node, or nothing. */
export function bundleAdvice(folder: string, names: readonly string[]): string {
  if (names.length === 0) return '';
  const lines = names.map((name) => `  gscip authority bundle ${shellWord(folder)} ${name} --out ${name}.gscip`);
  return ['These nodes need a new bundle:', ...lines].join('\n');
}

/** Prints the parts that are not empty, one below the other. */
export function printParts(...parts: readonly string[]): void {
  console.log(parts.filter((part) => part !== '').join('\n'));
}
