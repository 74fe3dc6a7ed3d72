import type { Command } from 'commander';
import type { WhoisAnswer, WhoisMember } from '../api/questions.ts';
import { type AgentOptions, agentFlags } from './agent-options.ts';
import { ask } from './control-client.ts';
import { examples } from './output.ts';

/** `gscip whois ADDRESS` */
export function define(command: Command): void {
  agentFlags(command.argument('<address>', 'ADDRESS, ADDRESS:PORT, [IPV6]:PORT, or a name')).action(
    async (address: string, options: AgentOptions) => {
      const answer = await ask<WhoisAnswer>(options.socket, { verb: 'whois', address });
      console.log(options.json ? JSON.stringify(answer) : whoisText(answer));
    },
  );
  examples(command, [
    ['gscip whois 100.64.0.2', 'the member with this address: groups, type, mode, and how it is reached'],
    ['gscip whois 10.1.0.7', 'the GEN that a machine behind it is reached through'],
    ['gscip whois 192.0.2.7:47247', 'whose datagrams come from there'],
  ]);
}

/** The answer for people. */
export function whoisText({ asked, kind, members }: WhoisAnswer): string {
  const how = { node: '', behind: ' (in a network behind it)', outer: ' (where its datagrams come from)' }[kind];
  return members.map((member) => `${asked} is ${memberText(member, how)}`).join('\n');
}

function memberText({ name, id, type, mode, addresses, routes, groups, path }: WhoisMember, how: string): string {
  const lines = [
    `${name}${how}`,
    `  id         ${id}`,
    `  type       ${[type.toUpperCase(), mode === 'cl' ? 'closed' : mode === 'op' ? 'open' : ''].join(' ').trim()}`,
    `  addresses  ${addresses.join(', ')}`,
    `  groups     ${groups.join(', ') || 'none in common'}`,
  ];
  if (routes.length > 0) lines.push(`  networks   ${routes.join(', ')}`);
  lines.push(
    `  path       ${path === null ? 'this node itself' : `${path.kind} ${path.endpoint ?? ''} (${path.text})`}`,
  );
  return lines.join('\n');
}
