import { type Command, Option } from 'commander';
import type { ModeName } from '../base/datagram-kinds.ts';
import { checkBundlePath, writeBundle } from '../server/authority/bundle-file.ts';
import { bundleFor, isBundleOf } from '../server/authority/bundle-rules.ts';
import { addNode, groupsOf, liveNodes, nodeNamed, removeNode } from '../server/authority/node-rules.ts';
import type { EndNodeType } from '../server/authority/state.ts';
import { changeAuthority, readAuthority } from '../server/authority/store.ts';
import { authorityTools, bundleAdvice, membersOf, nodeFields, printParts } from './authority-tools.ts';
import { examples, jsonFlag, printJson } from './output.ts';
import { shellWord } from './shell-word.ts';
import { splitList } from './split-list.ts';

/** `gscip authority node add|remove` */
export function defineAuthorityNode(command: Command): void {
  defineAdd(command.command('add <dir> <name>').description('add a node and write its bundle'));
  defineRemove(
    command.command('remove <dir> <name>').description('remove a node from every group, and roll their keys'),
  );
  examples(command, [['gscip authority node add net alice --groups lab --out alice.gscip', 'a laptop or a server']]);
}

interface AddOptions {
  readonly type: EndNodeType;
  readonly mode: ModeName;
  readonly groups: string;
  readonly address?: string;
  readonly route?: readonly string[];
  readonly out: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

function defineAdd(command: Command): void {
  jsonFlag(command)
    .requiredOption('--groups <names>', 'its groups, separated by commas')
    .requiredOption('--out <file>', 'where to write its bundle, with mode 0600')
    .addOption(new Option('--type <type>', 'host, router or bridge').choices(['ges', 'gen', 'gea']).default('ges'))
    .addOption(new Option('--mode <mode>', 'open, or closed: members only').choices(['op', 'cl']).default('op'))
    .option('--address <ip>', 'its IPv4 address; by default the next free one of the pool')
    .option('--route <cidr...>', 'networks behind a router or bridge')
    .option('--force', 'replace a file that is something else')
    .action((folder: string, name: string, options: AddOptions) => add(folder, name, options));
  examples(command, [
    ['gscip authority node add net alice --groups lab --out alice.gscip', 'a laptop or a server'],
    [
      'gscip authority node add net gate --type gen --groups lab,home --route 192.168.1.0/24 --out gate.gscip',
      'a router with a network of plain machines behind it',
    ],
  ]);
}

function add(folder: string, name: string, options: AddOptions): void {
  const tools = authorityTools();
  const { type, mode, address, out } = options;
  const request = { name, type, mode, groups: splitList(options.groups), address, routes: options.route ?? [] };
  const { state, node, file } = changeAuthority(folder, (before) => {
    const after = addNode(tools, before, request);
    checkBundlePath(out, (old) => isBundleOf(tools, before, name, old), options.force === true);
    const added = nodeNamed(after, name);
    return { state: after, result: { state: after, node: added, file: bundleFor(tools, after, added) } };
  });
  writeBundle(out, file);
  const fields = nodeFields(tools, state, node);
  const outdated = membersOf(tools, state, groupsOf(tools, state, node)).filter((each) => each !== name);
  if (options.json) printJson({ node: fields, bundle: out, outdated });
  else printAdded(folder, out, fields, outdated);
}

function printAdded(
  folder: string,
  out: string,
  { name, type, mode, addresses, groups }: ReturnType<typeof nodeFields>,
  outdated: readonly string[],
): void {
  printParts(
    `Added ${name} (${type}, ${mode}) with ${addresses.join(' and ')}, in ${groups.join(', ')}.`,
    `Wrote ${out}. It holds the node's secret keys: bring it there by a safe way and delete it here.`,
    `On ${name}: sudo gscip up --bundle ${shellWord(out)}`,
    bundleAdvice(folder, outdated),
  );
}

/** protocol.md 10.3 */
const PARTED = `The network's own key has changed, too. Machines that have their new bundle and machines that have not lose each other
within about 200 s, in every group, and find each other again when the rest have theirs.`;
const RELOAD =
  'Bring each to its machine, in place of the file that it was started with, and run there: sudo gscip key reload';

function defineRemove(command: Command): void {
  jsonFlag(command).action((folder: string, name: string, options: { readonly json?: boolean }) => {
    const tools = authorityTools();
    const before = readAuthority(folder);
    const groups = groupsOf(tools, before, nodeNamed(before, name)).map((group) => group.name);
    const state = changeAuthority(folder, (current) => {
      const after = removeNode(tools, current, name);
      return { state: after, result: after };
    });
    // the domain key has rolled as well, and every node holds that
    const outdated = liveNodes(state).map((node) => node.name);
    if (options.json) return printJson({ removed: name, groups, outdated });
    printParts(
      `Removed ${name} from ${groups.join(', ') || 'no group'}; the keys of these groups have new versions.`,
      'It is shut out as each machine gets its new bundle, so do not wait.',
      outdated.length > 1 ? PARTED : '',
      bundleAdvice(folder, outdated),
      outdated.length > 0 ? RELOAD : '',
    );
  });
  examples(command, [['gscip authority node remove net alice', 'a machine that was lost, stolen or retired']]);
}
