import { type Command, Option } from 'commander';
import {
  type NewToken,
  type NewTokenAnswer,
  NODE_MODES,
  NODE_TYPES,
  type TokenAnswer,
  type TokenList,
} from '../../api/admin/nodes.ts';
import type { Done } from '../../api/admin/operations.ts';
import { confirm } from '../confirm.ts';
import { parseDuration } from '../duration.ts';
import { wholeNumber } from '../numbers.ts';
import { examples, printJson } from '../output.ts';
import { qrCode } from '../qr-code.ts';
import { splitList } from '../split-list.ts';
import { table } from '../table.ts';
import { part } from './admin-client.ts';
import { type AdminOptions, adminFlags, clientFor, show } from './admin-options.ts';
import { parseEnd } from './end-time.ts';
import { stamp, when } from './times.ts';

/** `gscip admin token create|list|revoke` */
export function defineToken(command: Command): void {
  defineCreate(command.command('create').description('make a token that brings nodes into the network'));
  defineList(command.command('list').description('show all tokens; their secrets are shown once only'));
  defineRevoke(command.command('revoke <id>').description('end a token; nodes that it brought stay'));
  examples(command, [['gscip admin token create --user alice --groups lab', 'for one machine, within an hour']]);
}

interface CreateOptions extends AdminOptions, NewToken {
  readonly qr?: boolean;
}

function defineCreate(command: Command): void {
  adminFlags(command)
    .requiredOption('--user <name>', 'whom the nodes belong to')
    .requiredOption('--groups <names>', 'groups that they join, separated by commas', splitList)
    .addOption(new Option('--type <type>', 'host, router or bridge (default: ges)').choices(NODE_TYPES))
    .addOption(new Option('--mode <mode>', 'open, or closed: members only (default: op)').choices(NODE_MODES))
    .option('--routes <cidrs>', 'networks behind a router or bridge, separated by commas', splitList)
    .option('--uses <n>', 'how many nodes it may bring (default: 1)', wholeNumber(1, 100_000))
    .option('--ttl <time>', 'how long it is valid (default: 1h)', parseDuration)
    .option('--approval', 'a node that it brings waits for: gscip admin node approve NAME')
    .option('--ephemeral', 'its nodes leave the network when they were not heard of for a day')
    .option(
      '--until <end>',
      'membership of its nodes ends by itself then: 8h, 3d, 2026-12-24 or 2026-12-24T18:00',
      (text: string) => parseEnd(text),
    )
    .option('--replaces <node>', 'a lost machine: it leaves when the new one joins, which takes its name and address')
    .option('--servers <addresses>', 'HOST:PORT where nodes reach this server, separated by commas', splitList)
    .option('--qr', 'show it as a QR code where the output is no terminal, too')
    .action(create);
  examples(command, [
    ['gscip admin token create --user alice --groups lab,home', 'for one machine in two groups'],
    ['gscip admin token create --user fleet --groups lab --uses 40 --ttl 8h --approval', 'for a day of installing'],
    [
      'gscip admin token create --user alice --groups lab --type gen --mode cl --routes 192.168.1.0/24',
      'for a closed router with a network of plain machines behind it',
    ],
    ['gscip admin token create --user guest --groups lab --until 1d', 'for a guest, who is out again after a day'],
    ['gscip admin token create --user alice --groups lab --replaces laptop', 'for the successor of a lost machine'],
    [
      '(umask 077; gscip admin token create --user alice --groups lab --json | jq -r .token >token)',
      'for gscip up --join token, in a file that only you can read',
    ],
  ]);
}

async function create(options: CreateOptions): Promise<void> {
  const { socket: _, json, qr, ...wanted } = options;
  const body: NewToken = wanted;
  const made = await clientFor(options).post<NewTokenAnswer>('/tokens', body);
  if (json) return printJson({ ...made });
  console.log(joinAdvice(made, { uses: wanted.uses ?? 1, qr: qr === true || process.stdout.isTTY === true }));
}

/** What to do with a new token: the command for the next machine, and the token as a QR code. */
export function joinAdvice(
  { token, servers, expiresAt }: NewTokenAnswer,
  { uses, qr }: { readonly uses: number; readonly qr: boolean },
): string {
  const machines = uses === 1 ? 'one machine' : `up to ${uses} machines`;
  return [
    `This token brings ${machines} into the network; it ends ${when(expiresAt)}, and is not shown again:`,
    `\n  sudo gscip up --join ${token}\n`,
    'Where others can see the command line, write the token into a file or pipe it: --join FILE, --join -',
    `The new machine must reach ${servers.join(' or ')} by TCP.`,
    ...(qr ? ['', qrCode(token)] : []),
  ].join('\n');
}

function defineList(command: Command): void {
  adminFlags(command).action(async (options: AdminOptions) => {
    const answer = await clientFor(options).get<TokenList>('/tokens');
    show(options, answer, ({ tokens }) => (tokens.length === 0 ? 'No tokens.' : tokenTable(tokens)));
  });
  examples(command, [['gscip admin token list', 'which are usable still, and which nodes they brought']]);
}

function tokenTable(tokens: readonly TokenAnswer[]): string {
  const rows = tokens.map((token) => [
    token.id,
    token.user,
    token.groups.join(', '),
    [
      token.type,
      token.mode,
      ...(token.approval ? ['approval'] : []),
      ...(token.ephemeral ? ['ephemeral'] : []),
      ...(token.endsAt === null ? [] : [`until ${stamp(token.endsAt)}`]),
    ].join(' '),
    token.routes.join(' ') || '-',
    `${token.nodes.length} of ${token.uses}`,
    token.nodes.join(', ') || '-',
    token.state === 'usable' ? `ends ${when(token.expiresAt)}` : token.state,
  ]);
  return table(['token', 'user', 'groups', 'for', 'routes', 'used', 'nodes', 'state'], rows);
}

function defineRevoke(command: Command): void {
  adminFlags(command)
    .option('--yes', 'do not ask')
    .action(async (id: string, options: AdminOptions & { readonly yes?: boolean }) => {
      await confirm(`Revoke the token ${id}?`, options);
      const done = await clientFor(options).delete<Done>(`/tokens/${part(id)}`);
      show(options, { ...done, revoked: id }, () => `Revoked the token ${id}; it brings no node any more.`);
    });
  examples(command, [['gscip admin token revoke 0123456789abcdef', 'a token that got into wrong hands']]);
}
