import type { Command } from 'commander';
import type { ServerStatus } from '../../api/admin/operations.ts';
import { examples } from '../output.ts';
import { seconds } from '../units.ts';
import { type AdminOptions, adminFlags, clientFor, show } from './admin-options.ts';

/** `gscip admin status` */
export function defineServerStatus(command: Command): void {
  adminFlags(command)
    .option('--check', 'exit with 1 when a health line is there')
    .action(async (options: AdminOptions & { readonly check?: boolean }) => {
      const status = await clientFor(options).get<ServerStatus>('/status');
      show(options, status, describe);
      if (options.check && status.health.length > 0) process.exitCode = 1;
    });
  examples(command, [['gscip admin status', 'where the server listens, and how many nodes are connected']]);
}

function describe(status: ServerStatus): string {
  const { nodes, health } = status;
  return [
    `Server of ${status.network} (${status.roles.join(', ')}), up for ${seconds(status.uptimeSeconds)}`,
    `  address     ${status.url}, TLS key ${status.pin}`,
    `  nodes join  ${status.servers.join(', ')}`,
    `  database    ${status.database}, revision ${status.revision}`,
    `  nodes       ${nodes.connected} connected of ${nodes.active}, ${nodes.pending} wait for approval`,
    `  beside      ${status.users} users, ${status.groups} groups, ${status.tokens} tokens that are usable`,
    ...(health.length === 0 ? [] : ['', 'Health:', ...health.map(({ code, text }) => `  ${code}: ${text}`)]),
  ].join('\n');
}
