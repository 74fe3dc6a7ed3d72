import { type CommandFacts, flat, type OptionFacts } from './command-facts.ts';

/** What the page says beside the commands, each a heading and paragraphs or [term, meaning] pairs. */
const AFTER: readonly (readonly [heading: string, rows: readonly (readonly [term: string, meaning: string])[]])[] = [
  [
    'EXIT STATUS',
    [
      ['0', 'good'],
      ['1', 'failed; what happened and what to do is on standard error'],
      ['2', 'wrong usage'],
      ['3', 'not running'],
    ],
  ],
  [
    'FILES',
    [
      ['/var/lib/gscip', 'identity, sealed keys and settings of the node; with a server beside it also that one'],
      ['/var/lib/gscip-server', 'keys and database of a server that runs by itself'],
      ['/run/gscip/gscip.sock', 'where the running agent answers'],
      ['/etc/gscip/join-token', 'token for the first start of the service, for root alone'],
    ],
  ],
];

const DESCRIPTION = [
  'GSCIP is a userspace overlay VPN in which a group is a key: two machines may talk because both hold the newest key of a common group, wherever they are and whatever their addresses.',
  'The agent is started by "gscip up", or as a service by "gscip service install"; all other commands talk to it, to a server, or to a folder. With --json a command prints one object for programs.',
];

/** gscip(1), in the language of man(7), with every command and option that there is. */
export function manPage(commands: readonly CommandFacts[], version: string): string {
  const lines = [
    `.TH GSCIP 1 "" ${inQuotes(`gscip ${version}`)} "User Commands"`,
    ...section('NAME'),
    `gscip \\- ${text('a userspace overlay VPN in which a group is a key')}`,
    ...section('SYNOPSIS'),
    '.B gscip',
    text('COMMAND [ARGUMENTS] [OPTIONS]'),
    '.br',
    '.B gscip help',
    'COMMAND',
    ...section('DESCRIPTION'),
    ...DESCRIPTION.flatMap((each, at) => [...(at === 0 ? [] : ['.PP']), text(each)]),
    ...section('COMMANDS'),
    ...flat(commands).flatMap(ofCommand),
    ...AFTER.flatMap(([heading, rows]) => [...section(heading), ...rows.flatMap(([term, what]) => termOf(term, what))]),
    ...section('SEE ALSO'),
    '.BR ip (8),',
    '.BR nft (8),',
    '.BR systemctl (1)',
  ];
  return `${lines.join('\n')}\n`;
}

function ofCommand(command: CommandFacts): readonly string[] {
  const usage = command.arguments.map(({ written }) => written).join(' ');
  return [
    `.SS ${inQuotes(['gscip', ...command.words, usage].join(' ').trim())}`,
    text(sentence(command.description)),
    ...command.arguments
      .filter(({ meaning }) => meaning !== '')
      .flatMap(({ written, meaning }) => termOf(written, meaning)),
    ...command.options.flatMap((option) => termOf(optionTerm(option), option.meaning)),
    ...command.examples.flatMap(([line, meaning]) => ['.PP', text(line), '.RS', text(meaning), '.RE']),
  ];
}

function optionTerm({ short, long, value }: OptionFacts): string {
  return [short === undefined ? long : `${short}, ${long}`, value].filter(Boolean).join(' ');
}

function sentence(words: string): string {
  return /[.!?]$/.test(words) ? words : `${words}.`;
}

function section(heading: string): readonly string[] {
  return [`.SH ${inQuotes(heading)}`];
}

/** A term in bold with what it means. */
function termOf(term: string, meaning: string): readonly string[] {
  return ['.TP', `.B ${text(term)}`, text(meaning)];
}

/** Words that no line of which is taken for a request, and whose hyphens and backslashes stay what they are. */
function text(words: string): string {
  const plain = words
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/\s*\n\s*/g, ' ');
  return plain.replace(/^([.'])/, '\\&$1');
}

function inQuotes(words: string): string {
  return `"${text(words).replaceAll('"', '\\(dq')}"`;
}
