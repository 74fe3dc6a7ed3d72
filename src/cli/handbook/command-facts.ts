import { type Argument, Command, type Option } from 'commander';
import { type Example, examplesOf } from '../output.ts';
import type { Verb } from '../verbs.ts';

/** What a value may be, as far as a shell can help with it. */
export type ValueKind = { readonly kind: 'words'; readonly words: readonly string[] } | { readonly kind: Place };
type Place = 'file' | 'folder' | 'text';

export interface OptionFacts {
  /** "--json" */
  readonly long: string;
  /** "-c"; undefined where there is only the long one */
  readonly short: string | undefined;
  /** "<N>"; undefined where it takes no value */
  readonly value: string | undefined;
  readonly kind: ValueKind;
  readonly meaning: string;
}

export interface ArgumentFacts {
  /** "<name>", "[options...]" */
  readonly written: string;
  readonly kind: ValueKind;
  readonly meaning: string;
}

/** One command of `gscip`, as its help knows it. */
export interface CommandFacts {
  /** the words behind `gscip`: ["pit", "list"] */
  readonly words: readonly string[];
  /** the line in the list of the command above it */
  readonly summary: string;
  readonly description: string;
  readonly arguments: readonly ArgumentFacts[];
  readonly options: readonly OptionFacts[];
  readonly examples: readonly Example[];
  readonly below: readonly CommandFacts[];
}

/** What the verbs say of themselves, for the man page and the shells' completions. */
export async function commandFacts(verbs: readonly Verb[]): Promise<readonly CommandFacts[]> {
  return Promise.all(
    verbs.map(async ({ name, summary, load }) => {
      const command = new Command(name).description(summary);
      (await load()).define(command);
      return { ...factsOf(command, []), summary };
    }),
  );
}

/** Every command, a group of commands before those in it. */
export function flat(commands: readonly CommandFacts[]): readonly CommandFacts[] {
  return commands.flatMap((each) => [each, ...flat(each.below)]);
}

function factsOf(command: Command, above: readonly string[]): CommandFacts {
  const words = [...above, command.name()];
  const description = command.description();
  return {
    words,
    summary: command.summary() || description,
    description,
    arguments: command.registeredArguments.map(argumentFacts),
    options: [...command.options.map(optionFacts), HELP],
    examples: examplesOf(command),
    below: command.commands.map((each) => factsOf(each, words)),
  };
}

/** Every command has it without saying so. */
const HELP: OptionFacts = {
  long: '--help',
  short: '-h',
  value: undefined,
  kind: { kind: 'text' },
  meaning: 'show the help of this command',
};

function optionFacts(option: Option): OptionFacts {
  const value = /<[^>]+>/.exec(option.flags)?.[0];
  const given = option.defaultValueDescription ?? (option.defaultValue === undefined ? '' : `${option.defaultValue}`);
  return {
    long: option.long ?? option.flags,
    short: option.short,
    value,
    kind: kindOf(value ?? '', option.argChoices),
    meaning: given === '' ? option.description : `${option.description} (default: ${given})`,
  };
}

function argumentFacts(argument: Argument): ArgumentFacts {
  const name = argument.variadic ? `${argument.name()}...` : argument.name();
  return {
    written: argument.required ? `<${name}>` : `[${name}]`,
    kind: kindOf(argument.name(), argument.argChoices),
    meaning: argument.description,
  };
}

function kindOf(name: string, choices: readonly string[] | undefined): ValueKind {
  if (choices) return { kind: 'words', words: choices };
  if (/\bdir\b/i.test(name)) return { kind: 'folder' };
  return { kind: /\b(file|path|token)\b/i.test(name) ? 'file' : 'text' };
}
