import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { typedCommand } from '../../bench/items/typed-command.ts';
import { VERBS } from '../../src/cli/verbs.ts';
import { readText, repositoryFiles } from './repository.ts';

/** The commands of `gscip` in the shell blocks of a page, without what a shell does with them. */
function commandsIn(page: string): readonly string[] {
  const blocks = [...page.matchAll(/^```sh(?: on \S+)?\n([\s\S]*?)^```/gm)].map(([, block = '']) => block);
  return blocks.flatMap((block) => block.split('\n')).flatMap(commandOf);
}

/** The command of a line, unless parts of it are left out (…), cut before a comment, a pipe, a redirection or the end of a group. */
function commandOf(line: string): readonly string[] {
  const [, found = ''] = /(?:^|[|;] *)(?:sudo )?(?:\.\/)?(gscip [a-z].*)$/.exec(line) ?? [];
  const command = found.split(/ +#| +\||[;)]| +>/)[0] ?? '';
  const isWhole = command !== '' && !command.startsWith('gscip help') && !command.includes(' …');
  return isWhole ? [command.trim()] : [];
}

/** Every command of a verb, with those below it. */
function below(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(below)];
}

/** The examples in the help of all commands. */
async function examplesInHelp(): Promise<readonly string[]> {
  const texts: string[] = [];
  for (const verb of VERBS) {
    const command = new Command(verb.name).configureOutput({ writeOut: (text) => void texts.push(text) });
    (await verb.load()).define(command);
    for (const each of below(command)) each.configureOutput({ writeOut: (text) => void texts.push(text) }).outputHelp();
  }
  const examples = [...texts.join('').matchAll(/^Examples:\n([\s\S]*?)(?=^Usage:|$(?![\s\S]))/gm)].map(
    ([, text = '']) => text,
  );
  const lines = examples.flatMap((text) => text.split('\n')).filter((line) => /^ {2}\S/.test(line));
  return [...new Set(lines.flatMap((line) => commandOf(line.trim().replace(/^\(/, ''))))];
}

async function refusal(command: string): Promise<string | undefined> {
  try {
    await typedCommand(command);
    return undefined;
  } catch (error) {
    return `${command}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

async function refusals(commands: readonly string[]): Promise<readonly string[]> {
  const found = await Promise.all(commands.map(refusal));
  return found.filter((each) => each !== undefined);
}

describe('the search for commands', () => {
  it.each([
    ['sudo ./gscip up --new home   # first', ['gscip up --new home']],
    ['pbpaste | sudo ./gscip up --join -', ['gscip up --join -']],
    ['(umask 077; gscip admin token create --json | jq -r .token >token)', ['gscip admin token create --json']],
    ['gscip help up', []],
    ['gscip up … --mode cl', []],
    ['cp gscip.toml x', []],
  ])('finds in %j', (line, expected) => {
    expect(commandsIn(`\`\`\`sh\n${line}\n\`\`\`\n`)).toEqual(expected);
  });

  it('sees what gscip would refuse', async () => {
    expect(await refusals(['gscip up --token x', 'gscip pit look', 'gscip pit list'])).toHaveLength(2);
  });
});

describe('every command that is written down', () => {
  it('in the pages for users is one that gscip takes', async () => {
    const pages = repositoryFiles().filter((path) => path === 'README.md' || /^docs\/guide\/.*\.md$/.test(path));
    const commands = pages.flatMap((path) => commandsIn(readText(path)));
    expect(commands.length).toBeGreaterThan(40);
    expect(await refusals(commands)).toEqual([]);
  });

  it('in the help is one that gscip takes', async () => {
    const commands = await examplesInHelp();
    expect(commands.length).toBeGreaterThan(60);
    expect(await refusals(commands)).toEqual([]);
  });
});
