import { Command } from 'commander';
import { VERBS } from '../../src/cli/verbs.ts';

/** One command line as somebody types it, read by the definitions of the CLI itself. */
export interface TypedCommand {
  /** the words that choose the command, `admin token create` */
  readonly verb: string;
  readonly positional: readonly string[];
  /** what was given, by the CLI's own names of the options; defaults are not in it */
  readonly options: Readonly<Record<string, unknown>>;
  /** how many values somebody had to choose or copy: each argument, each element of a list, each switch */
  readonly items: number;
}

/** Reads `gscip …`; throws where the CLI would refuse it: an unknown option, a missing one, a value that it does not take. */
export async function typedCommand(line: string): Promise<TypedCommand> {
  const [program = '', ...words] = shellWords(line);
  if (program !== 'gscip') throw new Error(`not a gscip command: ${line}`);
  const root = new Command(program);
  const leaf = await commandOf(root, words);
  let positional: readonly string[] = [];
  leaf.action(() => {
    positional = leaf.args;
  });
  await root.parseAsync(words, { from: 'user' });
  const options = givenOptions(leaf);
  const items = Object.values(options).reduce<number>((sum, value) => sum + sizeOf(value), positional.length);
  return { verb: verbOf(leaf), positional, options, items };
}

/** The words of a line, as a shell makes them of blanks and quotes; nothing else of a shell is known here. */
function shellWords(line: string): readonly string[] {
  const words = line.match(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g) ?? [];
  return words.map((word) => word.replace(/'([^']*)'|"([^"]*)"/g, '$1$2'));
}

/** The command that the first words choose; it and its siblings throw instead of ending the process. */
async function commandOf(root: Command, words: readonly string[]): Promise<Command> {
  const verb = VERBS.find(({ name }) => name === words[0]);
  if (!verb) throw new Error(`gscip has no verb ${words[0]}`);
  let leaf = root.command(verb.name);
  (await verb.load()).define(leaf);
  for (const word of words.slice(1)) {
    const child = leaf.commands.find((each) => each.name() === word);
    if (!child) break;
    leaf = child;
  }
  leaf.exitOverride().configureOutput({ writeErr: () => undefined });
  return leaf;
}

function givenOptions(leaf: Command): Readonly<Record<string, unknown>> {
  const all: Readonly<Record<string, unknown>> = leaf.opts();
  return Object.fromEntries(Object.entries(all).filter(([name]) => leaf.getOptionValueSource(name) === 'cli'));
}

function sizeOf(value: unknown): number {
  return Array.isArray(value) ? value.length : 1;
}

function verbOf(leaf: Command): string {
  const names: string[] = [];
  for (let at: Command | null = leaf; at?.parent; at = at.parent) names.unshift(at.name());
  return names.join(' ');
}
