import { type Command, Option } from 'commander';
import {
  ADMINISTRATOR_ROLES,
  type AdministratorAnswer,
  type AdministratorList,
  type AdministratorRole,
  type NewAdministrator,
  type NewAdministratorAnswer,
} from '../../api/admin/accounts.ts';
import type { Done } from '../../api/admin/operations.ts';
import { confirm } from '../confirm.ts';
import { examples } from '../output.ts';
import { splitList } from '../split-list.ts';
import { table } from '../table.ts';
import { part } from './admin-client.ts';
import { type AdminOptions, adminFlags, clientFor, show } from './admin-options.ts';
import { ago } from './times.ts';

/** `gscip admin administrator add|list|remove` */
export function defineAdministrator(command: Command): void {
  defineAdd(command.command('add <name>').description('let somebody use the REST API with a key of their own'));
  defineList(command.command('list').description('show all administrators; whoever has the socket is an owner, too'));
  defineRemove(command.command('remove <name>').description('end the access of an administrator'));
  examples(command, [
    ['gscip admin administrator add carol --role auditor', 'may read everything but secrets, and change nothing'],
  ]);
}

interface AddOptions extends AdminOptions {
  readonly role: AdministratorRole;
  readonly groups?: readonly string[];
}

function defineAdd(command: Command): void {
  adminFlags(command)
    .addOption(
      new Option('--role <role>', 'what the administrator may do').choices(ADMINISTRATOR_ROLES).makeOptionMandatory(),
    )
    .option('--groups <names>', 'groups of a group administrator, separated by commas', splitList)
    .action(async (name: string, options: AddOptions) => {
      const { role, groups } = options;
      const body: NewAdministrator = { name, role, ...(groups !== undefined && { groups }) };
      const added = await clientFor(options).post<NewAdministratorAnswer>('/administrators', body);
      show(options, added, ({ key }) =>
        [
          `Added ${name} (${role}). The API key is not shown again:`,
          `\n  ${key}\n`,
          'Use: Authorization: Bearer KEY',
        ].join('\n'),
      );
    });
  examples(command, [
    ['gscip admin administrator add bob --role group-administrator --groups lab', 'may change the group lab only'],
  ]);
}

function defineList(command: Command): void {
  adminFlags(command).action(async (options: AdminOptions) => {
    const answer = await clientFor(options).get<AdministratorList>('/administrators');
    show(options, answer, ({ administrators }) =>
      administrators.length === 0 ? 'No administrators but those of this socket.' : administratorTable(administrators),
    );
  });
  examples(command, [['gscip admin administrator list', 'names, roles and groups']]);
}

function administratorTable(administrators: readonly AdministratorAnswer[]): string {
  const rows = administrators.map(({ name, role, groups, createdAt }) => [
    name,
    role,
    groups.join(', ') || '-',
    ago(createdAt),
  ]);
  return table(['administrator', 'role', 'groups', 'added'], rows);
}

function defineRemove(command: Command): void {
  adminFlags(command)
    .option('--yes', 'do not ask')
    .action(async (name: string, options: AdminOptions & { readonly yes?: boolean }) => {
      await confirm(`End the access of ${name}?`, options);
      const done = await clientFor(options).delete<Done>(`/administrators/${part(name)}`);
      show(options, { ...done, removed: name }, () => `The API key of ${name} is not taken any more.`);
    });
  examples(command, [['gscip admin administrator remove carol', 'at once']]);
}
