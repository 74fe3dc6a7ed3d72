import type { Command } from 'commander';
import type { Done } from '../../api/admin/operations.ts';
import type { NewRelayAnswer, RelayList } from '../../api/admin/relays.ts';
import { confirm } from '../confirm.ts';
import { examples } from '../output.ts';
import { splitList } from '../split-list.ts';
import { table } from '../table.ts';
import { part } from './admin-client.ts';
import { type AdminOptions, adminFlags, clientFor, show } from './admin-options.ts';
import { ago } from './times.ts';

/** `gscip admin relay add|list|remove` */
export function defineRelay(command: Command): void {
  defineAdd(command.command('add <name>').description('make a token for a relay on another machine'));
  defineList(command.command('list').description('show the relays that run apart'));
  defineRemove(command.command('remove <name>').description('end a relay: its token is worth nothing then'));
  examples(command, [
    ['gscip admin relay add paris', 'then, in Paris: sudo gscip server --roles relay --relay-token …'],
  ]);
}

function defineAdd(command: Command): void {
  adminFlags(command)
    .option('--servers <addresses>', 'HOST:PORT of every server of the network, separated by commas', splitList)
    .action(async (name: string, options: AdminOptions & { readonly servers?: readonly string[] }) => {
      const { servers } = options;
      const made = await clientFor(options).post<NewRelayAnswer>('/relays', { name, ...(servers && { servers }) });
      show(options, made, relayAdvice);
    });
  examples(command, [
    ['gscip admin relay add paris', 'a relay named paris, for this server'],
    ['gscip admin relay add paris --servers a.example.net:47247,b.example.net:47247', 'for both servers of a network'],
  ]);
}

function relayAdvice({ name, token, servers }: NewRelayAnswer): string {
  return [
    `This token makes a machine the relay "${name}"; it is not shown again:`,
    `\n  sudo gscip server --roles relay --relay-token ${token}\n`,
    'Where others can see the command line, write the token into a file: --relay-token FILE',
    `The relay must reach ${servers.join(' and ')} by TCP, and every node must reach the relay by UDP.`,
  ].join('\n');
}

function defineList(command: Command): void {
  adminFlags(command).action(async (options: AdminOptions) => {
    const answer = await clientFor(options).get<RelayList>('/relays');
    show(options, answer, ({ relays }) =>
      relays.length === 0
        ? 'No relays that run apart.'
        : table(
            ['relay', 'connected', 'addresses', 'added'],
            relays.map(({ name, connected, endpoints, createdAt }) => [
              name,
              connected ? 'yes' : 'no',
              endpoints.join(' ') || '-',
              ago(createdAt),
            ]),
          ),
    );
  });
  examples(command, [['gscip admin relay list', 'which are connected, and where nodes reach them']]);
}

function defineRemove(command: Command): void {
  adminFlags(command)
    .option('--yes', 'do not ask')
    .action(async (name: string, options: AdminOptions & { readonly yes?: boolean }) => {
      await confirm(`Remove the relay "${name}"?`, options);
      const done = await clientFor(options).delete<Done>(`/relays/${part(name)}`);
      show(options, { ...done, removed: name }, () => `Removed the relay "${name}"; nodes are directed to others.`);
    });
  examples(command, [['gscip admin relay remove paris', 'a machine that is given back']]);
}
