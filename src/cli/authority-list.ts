import type { Command } from 'commander';
import { rosterOf } from '../server/authority/network-rules.ts';
import { liveNodes } from '../server/authority/node-rules.ts';
import {
  type AuthorityGroup,
  type AuthorityState,
  type AuthorityTools,
  currentEpoch,
  nextEpoch,
} from '../server/authority/state.ts';
import { readAuthority } from '../server/authority/store.ts';
import { formatRange, ulaRange } from '../server/network/address-plan.ts';
import { authorityTools, nodeFields } from './authority-tools.ts';
import { examples, jsonFlag, printJson } from './output.ts';
import { table } from './table.ts';
import { seconds } from './units.ts';

/** `gscip authority list DIR` */
export function defineAuthorityList(command: Command): void {
  jsonFlag(command).action((folder: string, options: { readonly json?: boolean }) => {
    const tools = authorityTools();
    const facts = networkFields(tools, readAuthority(folder));
    if (options.json) printJson(facts);
    else console.log(describe(tools, facts));
  });
  examples(command, [['gscip authority list net', 'every group with its key version, every node with its addresses']]);
}

function networkFields(tools: AuthorityTools, state: AuthorityState) {
  const { network, plan } = state;
  const addresses = { pool: formatRange(plan.pool), ipv6: formatRange(ulaRange(plan)) };
  const groups = state.groups.map((group) => groupFields(tools, state, group));
  const nodes = liveNodes(state).map((node) => nodeFields(tools, state, node));
  return { network, ...addresses, groups, nodes };
}

function groupFields(tools: AuthorityTools, state: AuthorityState, group: AuthorityGroup) {
  const next = nextEpoch(group, tools.now);
  const { members, seq } = rosterOf(tools, group);
  return {
    name: group.name,
    id: group.id,
    version: currentEpoch(group, tools.now).v,
    next: next ? { version: next.v, activateAt: next.activateAt } : null,
    rosterSeq: seq,
    members: liveNodes(state).flatMap(({ id, name }) => (members.has(id) ? [name] : [])),
  };
}

function describe(tools: AuthorityTools, facts: ReturnType<typeof networkFields>): string {
  const groups = facts.groups.map(({ name, version, next, members }) => [
    name,
    String(version),
    next ? `${next.version} in ${seconds(next.activateAt - tools.now)}` : '-',
    members.join(', ') || '-',
  ]);
  const nodes = facts.nodes.map(({ name, type, mode, addresses, routes, groups: names }) => [
    name,
    type,
    mode,
    ...addresses,
    routes.join(' ') || '-',
    names.join(', ') || '-',
  ]);
  return [
    `Network "${facts.network}": ${facts.pool}, ${facts.ipv6}`,
    table(['group', 'key version', 'next', 'members'], groups),
    table(['node', 'type', 'mode', 'IPv4', 'IPv6', 'routes', 'groups'], nodes),
  ].join('\n\n');
}
