import { type Command, Option } from 'commander';
import {
  NODE_MODES,
  type NodeAnswer,
  type NodeChange,
  type NodeList,
  type NodeModeName,
} from '../../api/admin/nodes.ts';
import type { Done } from '../../api/admin/operations.ts';
import { confirm, confirmReach } from '../confirm.ts';
import { examples } from '../output.ts';
import { splitList } from '../split-list.ts';
import { table } from '../table.ts';
import { part } from './admin-client.ts';
import { type AdminOptions, adminFlags, clientFor, show } from './admin-options.ts';
import { parseEndOrNever } from './end-time.ts';
import { ago, stamp, when } from './times.ts';

/** `gscip admin node list|show|approve|set|remove` */
export function defineNode(command: Command): void {
  defineList(command.command('list').description('show all nodes'));
  defineShow(command.command('show <name>').description('show everything about one node'));
  defineApprove(command.command('approve <name>').description('let a node in that waits for it'));
  defineSet(command.command('set <name>').description('rename a node, or change its mode, groups, routes or end'));
  defineRemove(command.command('remove <name>').description('remove a node at once: lost, stolen or retired'));
  examples(command, [
    ['gscip admin node list', 'who is in the network, and who is connected'],
    ['gscip admin node remove laptop', 'its flows are cut at the other ends within seconds'],
  ]);
}

function defineList(command: Command): void {
  adminFlags(command)
    .option('--all', 'removed nodes, too')
    .action(async (options: AdminOptions & { readonly all?: boolean }) => {
      const { nodes: known } = await clientFor(options).get<NodeList>('/nodes');
      const nodes = known.filter(({ standing }) => options.all || standing !== 'removed');
      show(options, { nodes }, () => (nodes.length === 0 ? 'No nodes.' : nodeTable(nodes)));
    });
  examples(command, [['gscip admin node list', 'addresses, groups, and when each was last heard of']]);
}

function nodeTable(nodes: readonly NodeAnswer[]): string {
  const rows = nodes.map((node) => [
    node.name,
    node.user,
    `${node.type} ${node.mode}`,
    node.addresses[0] ?? '-',
    node.groups.join(', ') || '-',
    stateText(node),
  ]);
  return table(['node', 'user', 'type', 'address', 'groups', 'state'], rows);
}

function stateText({ standing, connected, lastSeen, removedAt }: NodeAnswer): string {
  if (standing === 'removed') return `removed ${ago(removedAt ?? 0)}`;
  if (standing === 'pending') return 'waits for approval';
  return connected ? 'connected' : `last seen ${ago(lastSeen)}`;
}

function defineShow(command: Command): void {
  adminFlags(command).action(async (name: string, options: AdminOptions) => {
    const node = await clientFor(options).get<NodeAnswer>(`/nodes/${part(name)}`);
    show(options, node, describe);
  });
  examples(command, [
    ['gscip admin node show laptop', 'with the end of its certificate and the token that brought it'],
  ]);
}

function describe(node: NodeAnswer): string {
  const lines: readonly (readonly [string, string])[] = [
    ['id', node.id],
    ['user', node.user],
    ['type', `${node.type}, ${node.mode}${node.ephemeral ? ', ephemeral' : ''}`],
    ['addresses', node.addresses.join(', ')],
    ['routes', node.routes.join(', ') || '-'],
    ['groups', node.groups.join(', ') || '-'],
    ['state', stateText(node)],
    ...(node.endsAt === null ? [] : [['membership', `ends ${stamp(node.endsAt)} (${when(node.endsAt)})`] as const]),
    ['certificate', `ends ${stamp(node.certificateEnds)} (${when(node.certificateEnds)})`],
    ['added', `${stamp(node.addedAt)}, by token ${node.token}`],
  ];
  return [node.name, ...lines.map(([label, text]) => `  ${label.padEnd(12)}${text}`)].join('\n');
}

function defineApprove(command: Command): void {
  adminFlags(command).action(async (name: string, options: AdminOptions) => {
    const node = await clientFor(options).post<NodeAnswer>(`/nodes/${part(name)}/approve`);
    show(options, node, ({ groups }) => `${node.name} may talk now, in ${groups.join(', ') || 'no group yet'}.`);
  });
  examples(command, [['gscip admin node approve laptop', 'a node whose token asks for approval']]);
}

interface SetOptions extends AdminOptions {
  readonly name?: string;
  readonly mode?: NodeModeName;
  readonly groups?: readonly string[];
  readonly routes?: readonly string[];
  readonly until?: number | null;
  readonly yes?: boolean;
}

function defineSet(command: Command): void {
  adminFlags(command)
    .option('--name <name>', 'another name')
    .addOption(new Option('--mode <mode>', 'open, or closed: members only').choices(NODE_MODES))
    .option('--groups <names>', 'its groups from now on, separated by commas', splitList)
    .option('--routes <cidrs>', 'the networks behind it from now on, separated by commas', splitList)
    .option(
      '--until <end>',
      'its membership ends by itself then: 8h, 3d, 2026-12-24, 2026-12-24T18:00; or never',
      parseEndOrNever,
    )
    .option('--yes', 'do not ask')
    .action(async (name: string, options: SetOptions) => {
      const { socket: _, json: __, yes, ...wanted } = options;
      const change: NodeChange = wanted;
      const client = clientFor(options);
      const path = `/nodes/${part(name)}`;
      if (change.groups && !yes) await confirmGroups(await client.get<NodeAnswer>(path), change.groups);
      show(options, await client.patch<NodeAnswer>(path, change), describe);
    });
  examples(command, [
    ['gscip admin node set laptop --groups lab,home', 'replaces the whole list; what it leaves is cut off'],
    ['gscip admin node set laptop --groups "" --yes', 'out of every group; in a script only with --yes'],
    ['gscip admin node set laptop --name desk', 'everything but the name stays'],
    ['gscip admin node set laptop --until 2026-12-24', 'a guest: at the end of that day it is removed as if by hand'],
  ]);
}

/** A list that was left empty by mistake, as by a variable that is not set, would cut a node off from everybody. */
async function confirmGroups({ name, groups }: NodeAnswer, wanted: readonly string[]): Promise<void> {
  const left = groups.filter((group) => !wanted.includes(group));
  if (left.length === 0) return;
  const question = `Take ${name} out of ${left.join(', ')}? Its flows there are cut.`;
  if (wanted.length > 0) return confirm(question, {});
  const harm = `${name} would be in no group any more, and its flows in ${left.join(', ')} would be cut`;
  await confirmReach({ question, harm }, {});
}

function defineRemove(command: Command): void {
  adminFlags(command)
    .option('--yes', 'do not ask')
    .action(async (name: string, options: AdminOptions & { readonly yes?: boolean }) => {
      await confirm(`Remove ${name} for good? All its flows are cut; to come back it needs a new token.`, options);
      const done = await clientFor(options).delete<Done>(`/nodes/${part(name)}`);
      show(options, { ...done, removed: name }, () => removedText(name));
    });
  examples(command, [['gscip admin node remove laptop', 'asks first on a terminal; --yes does not']]);
}

/** protocol.md 10.3, 10.4 */
function removedText(name: string): string {
  return [
    `Removed ${name}; the keys of its groups have new versions.`,
    'Connected nodes have cut it off. A node without contact to the server learns of it from its peers, at the latest when its lease ends.',
  ].join('\n');
}
