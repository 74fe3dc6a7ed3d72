import { type CommandFacts, flat, type OptionFacts, type ValueKind } from './command-facts.ts';

/** One place in a command line: `gscip` itself (at '') or a command. */
export interface CompletionPlace {
  /** the words behind `gscip`, with a blank before each: " pit list" */
  readonly at: string;
  readonly commands: readonly (readonly [word: string, meaning: string])[];
  readonly options: readonly OptionFacts[];
  /** of the arguments, in their order */
  readonly arguments: readonly ValueKind[];
}

/** What the completions of all shells are made of. */
export interface CompletionTables {
  readonly places: readonly CompletionPlace[];
  /** the options that take a value; an option takes one everywhere or nowhere */
  readonly valued: readonly string[];
}

export function completionTables(commands: readonly CommandFacts[]): CompletionTables {
  const all = flat(commands);
  const top: CompletionPlace = { at: '', commands: [...commands.map(entry), HELP], options: [], arguments: [] };
  const options = all.flatMap((each) => each.options).filter(({ value }) => value !== undefined);
  return {
    places: [top, ...all.map(placeOf)],
    valued: [...new Set(options.flatMap(spellings))],
  };
}

/** An option as it may be typed. */
export function spellings({ long, short }: OptionFacts): readonly string[] {
  return short === undefined ? [long] : [long, short];
}

const HELP = ['help', 'show the help of a command'] as const;

function placeOf({ words, below, options, arguments: args }: CommandFacts): CompletionPlace {
  return {
    at: words.map((word) => ` ${word}`).join(''),
    commands: below.map(entry),
    options,
    arguments: args.map(({ kind }) => kind),
  };
}

function entry({ words, summary }: CommandFacts): readonly [string, string] {
  return [words.at(-1) ?? '', summary];
}
