import { type Command, Option } from 'commander';
import {
  type GroupAnswer,
  type GroupList,
  PUSH_CHOICES,
  type PushChoice,
  RETAIN_CHOICES,
  type RetainChoice,
  type RollAnswer,
} from '../../api/admin/groups.ts';
import type { Done } from '../../api/admin/operations.ts';
import { confirm, confirmReach } from '../confirm.ts';
import { parseDuration } from '../duration.ts';
import { examples } from '../output.ts';
import { shellWord } from '../shell-word.ts';
import { table } from '../table.ts';
import { part } from './admin-client.ts';
import { type AdminOptions, adminFlags, clientFor, show } from './admin-options.ts';
import { when } from './times.ts';

/** `gscip admin group add|list|set|roll|admit|expel|remove` */
export function defineGroup(command: Command): void {
  defineAdd(command.command('add <name>').description('add a group'));
  defineList(command.command('list').description('show all groups with their key versions'));
  defineSet(command.command('set <name>').description('rename a group, or change when and how its key rolls'));
  defineRoll(command.command('roll <name>').description("give a group's key a new version"));
  defineAdmit(command.command('admit <name> <node>').description('make a node a member'));
  defineExpel(command.command('expel <name> <node>').description('end the membership of a node, and roll the key'));
  defineRemove(command.command('remove <name>').description('remove a group; its flows end'));
  examples(command, [
    ['gscip admin group add lab', 'a group whose key rolls every night'],
    ['gscip admin group roll lab', 'a new key for everybody, without losing a packet'],
  ]);
}

interface GroupOptions extends AdminOptions {
  readonly name?: string;
  readonly roll?: string;
  readonly retain?: RetainChoice;
  readonly push?: PushChoice;
}

function policyFlags(command: Command): Command {
  return adminFlags(command)
    .option('--roll <HH:MM>', 'local time of the daily roll of the key, or "never"', rollTime)
    .addOption(
      new Option('--retain <how>', 'flows move to a new key at once, or stay on theirs until they end').choices(
        RETAIN_CHOICES,
      ),
    )
    .addOption(
      new Option(
        '--push <whom>',
        'who is told of a new key: every connected node, or those that are always on',
      ).choices(PUSH_CHOICES),
    );
}

/** The server's word for "no daily roll" is empty, which nobody can see on a command line. */
function rollTime(text: string): string {
  return text === 'never' ? '' : text;
}

function policyOf({ roll, retain, push }: GroupOptions) {
  return {
    ...(roll !== undefined && { roll }),
    ...(retain !== undefined && { retain }),
    ...(push !== undefined && { push }),
  };
}

function defineAdd(command: Command): void {
  policyFlags(command).action(async (name: string, options: GroupOptions) => {
    const added = await clientFor(options).post<GroupAnswer>('/groups', { name, ...policyOf(options) });
    const next = `Next: gscip admin token create --user USER --groups ${shellWord(added.name)}`;
    show(options, added, (group) => `Added the group ${policyText(group)}.\n${next}`);
  });
  examples(command, [
    ['gscip admin group add lab', 'its key rolls every night at 03:00, and flows move to the new one'],
    ["gscip admin group add lab --roll '04:30' --retain flow", 'at another time; a flow keeps its key until it ends'],
  ]);
}

function defineList(command: Command): void {
  adminFlags(command).action(async (options: AdminOptions) => {
    const answer = await clientFor(options).get<GroupList>('/groups');
    show(options, answer, ({ groups }) => (groups.length === 0 ? 'No groups.' : groupTable(groups)));
  });
  examples(command, [['gscip admin group list', 'key versions, policies and members']]);
}

function groupTable(groups: readonly GroupAnswer[]): string {
  const rows = groups.map((group) => [
    group.name,
    `${group.version ?? '-'}`,
    group.nextRoll === null ? 'never' : `${group.roll} (${when(group.nextRoll)})`,
    group.retain,
    group.push,
    group.nodes.join(', ') || '-',
  ]);
  return table(['group', 'key version', 'daily roll', 'retain', 'push', 'members'], rows);
}

function defineSet(command: Command): void {
  policyFlags(command)
    .option('--name <name>', 'another name')
    .action(async (name: string, options: GroupOptions) => {
      const change = { ...policyOf(options), ...(options.name !== undefined && { name: options.name }) };
      const changed = await clientFor(options).patch<GroupAnswer>(`/groups/${part(name)}`, change);
      show(options, changed, (group) => `The group is now ${policyText(group)}.`);
    });
  examples(command, [
    ['gscip admin group set lab --roll never', 'the key rolls on joins, removals and by hand only'],
    ['gscip admin group set lab --name "lab two"', 'the key changes with the name, and members keep talking'],
  ]);
}

function policyText({ name, roll, retain, push }: GroupAnswer): string {
  return `"${name}" (daily roll: ${roll || 'never'}, retain: ${retain}, push: ${push})`;
}

function defineRoll(command: Command): void {
  adminFlags(command)
    .option('--in <time>', 'when the new version comes into force (default: 2s)', parseDuration)
    .action(async (name: string, options: AdminOptions & { readonly in?: number }) => {
      const body = options.in === undefined ? {} : { in: options.in };
      const rolled = await clientFor(options).post<RollAnswer>(`/groups/${part(name)}/roll`, body);
      show(
        options,
        rolled,
        ({ group, version, activateAt }) =>
          `The key of "${group}" has version ${version}, in force ${when(activateAt)}.`,
      );
    });
  examples(command, [
    ['gscip admin group roll lab', 'connected nodes have it at once, the others when they ask'],
    ['gscip admin group roll lab --in 2h', 'the same, in force later'],
  ]);
}

function defineAdmit(command: Command): void {
  adminFlags(command).action(async (name: string, node: string, options: AdminOptions) => {
    const group = await clientFor(options).post<GroupAnswer>(`/groups/${part(name)}/nodes`, { node });
    show(options, group, () => `${node} is a member of "${group.name}".`);
  });
  examples(command, [['gscip admin group admit lab laptop', 'beside the groups that it is in already']]);
}

function defineExpel(command: Command): void {
  adminFlags(command)
    .option('--yes', 'do not ask')
    .action(async (name: string, node: string, options: AdminOptions & { readonly yes?: boolean }) => {
      await confirm(`Cut ${node} off from every member of "${name}"?`, options);
      const answer = await clientFor(options).delete<GroupAnswer | Done>(`/groups/${part(name)}/nodes/${part(node)}`);
      show(options, answer, () => `${node} is not a member of "${name}" any more; its flows in this group are cut.`);
    });
  examples(command, [['gscip admin group expel lab laptop', 'it stays in its other groups']]);
}

function defineRemove(command: Command): void {
  adminFlags(command)
    .option('--yes', 'do not ask')
    .action(async (name: string, options: AdminOptions & { readonly yes?: boolean }) => {
      const client = clientFor(options);
      if (!options.yes) await confirmRemoval(name, await client.get<GroupList>('/groups'));
      const done = await client.delete<Done>(`/groups/${part(name)}`);
      show(options, { ...done, removed: name }, () => `Removed the group "${name}".`);
    });
  examples(command, [
    ['gscip admin group remove lab', 'its members stay in the network'],
    ['gscip admin group remove lab --yes', 'in a script: a group with members goes only so'],
  ]);
}

/** A group without members can be made again as it was. */
async function confirmRemoval(name: string, { groups }: GroupList): Promise<void> {
  const { nodes = [] } = groups.find((group) => group.name === name.normalize('NFC').trim()) ?? {};
  const question = `Remove the group "${name}"? All traffic under its key ends.`;
  if (nodes.length === 0) return confirm(question, {});
  const who = nodes.length === 1 ? `one member, ${nodes[0]}` : `${nodes.length} members`;
  const harm = `the group "${name}" has ${who}, and all traffic under its key would end`;
  await confirmReach({ question, harm }, {});
}
