import type { Command } from 'commander';

/** Prints the one object that `--json` promises, marked with the version of its shape. */
export function printJson(fields: object): void {
  console.log(JSON.stringify({ schema: 1, ...fields }));
}

/** Adds the flag that every verb has. */
export function jsonFlag(command: Command, meaning = 'print one JSON object with "schema": 1'): Command {
  return command.option('--json', meaning);
}

/** A command line, and what it does. */
export type Example = readonly [line: string, meaning: string];

const EXAMPLES = new WeakMap<Command, readonly Example[]>();

/** Adds examples to the help of a command. */
export function examples(command: Command, lines: readonly Example[]): Command {
  EXAMPLES.set(command, lines);
  const text = lines.map(([line, meaning]) => `  ${line}\n      ${meaning}`).join('\n');
  return command.addHelpText('after', `\nExamples:\n${text}`);
}

/** What was given to `examples`. */
export function examplesOf(command: Command): readonly Example[] {
  return EXAMPLES.get(command) ?? [];
}
