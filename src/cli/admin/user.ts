import type { Command } from 'commander';
import type { UserAnswer, UserList } from '../../api/admin/accounts.ts';
import type { Done } from '../../api/admin/operations.ts';
import { confirm } from '../confirm.ts';
import { examples } from '../output.ts';
import { table } from '../table.ts';
import { part } from './admin-client.ts';
import { type AdminOptions, adminFlags, clientFor, show } from './admin-options.ts';
import { ago } from './times.ts';

/** `gscip admin user add|list|remove` */
export function defineUser(command: Command): void {
  defineAdd(command.command('add <name>').description('add a person or service that nodes belong to'));
  defineList(command.command('list').description('show all users'));
  defineRemove(command.command('remove <name>').description('remove a user who has no nodes'));
  examples(command, [['gscip admin user add alice', 'then: gscip admin token create --user alice …']]);
}

function defineAdd(command: Command): void {
  adminFlags(command).action(async (name: string, options: AdminOptions) => {
    const added = await clientFor(options).post<UserAnswer>('/users', { name });
    show(
      options,
      added,
      (user) => `Added the user "${user.name}".\nNext: gscip admin token create --user ${user.name} --groups GROUP`,
    );
  });
  examples(command, [['gscip admin user add alice', 'a user named alice, still without nodes']]);
}

function defineList(command: Command): void {
  adminFlags(command).action(async (options: AdminOptions) => {
    const answer = await clientFor(options).get<UserList>('/users');
    show(options, answer, ({ users }) =>
      users.length === 0
        ? 'No users.'
        : table(
            ['user', 'nodes', 'added'],
            users.map(({ name, nodes, createdAt }) => [name, `${nodes}`, ago(createdAt)]),
          ),
    );
  });
  examples(command, [['gscip admin user list', 'every user with the number of its nodes']]);
}

function defineRemove(command: Command): void {
  adminFlags(command)
    .option('--yes', 'do not ask')
    .action(async (name: string, options: AdminOptions & { readonly yes?: boolean }) => {
      await confirm(`Remove the user "${name}"?`, options);
      const done = await clientFor(options).delete<Done>(`/users/${part(name)}`);
      show(options, { ...done, removed: name }, () => `Removed the user "${name}".`);
    });
  examples(command, [['gscip admin user remove alice', 'somebody who left; the nodes have to be removed before']]);
}
