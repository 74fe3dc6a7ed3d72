import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bashCompletion } from '../../../src/cli/handbook/bash-completion.ts';
import { spellings } from '../../../src/cli/handbook/completion-tables.ts';
import { fishCompletion } from '../../../src/cli/handbook/fish-completion.ts';
import { zshCompletion } from '../../../src/cli/handbook/zsh-completion.ts';
import { EVERY, FACTS, runTool, TABLES } from './facts.ts';

/** What a shell offers for the last word of each command line, in their order. */
type Asked = (lines: readonly string[]) => readonly (readonly string[])[];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'gscip-completion-'));
  mkdirSync(join(folder, 'deep'));
  writeFileSync(join(folder, 'flat'), '');
});
afterAll(() => rmSync(folder, { recursive: true }));

const END = '--- end of the list';

function lists(printed: string): readonly (readonly string[])[] {
  const parts = printed.split(`${END}\n`).slice(0, -1);
  return parts.map((part) => part.split('\n').filter((line) => line !== ''));
}

const inBash: Asked = (lines) => {
  const asked = lines.map((line) => {
    const words = line.split(' ');
    return `COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _gscip; printf '%s\\n' "\${COMPREPLY[@]}" '${END}'`;
  });
  return lists(runTool('bash', [], [bashCompletion(TABLES), `cd '${folder}'`, ...asked].join('\n')));
};

/** Its widget for lists is replaced by one that prints; the rest is zsh's own. */
const ZSH_STUBS = `compdef() { : }
_describe() { print -l -- "\${(@)\${(@P)4}%%:*}" }
_files() { [[ $1 == -/ ]] && print -l -- *(/N) || print -l -- *(N) }
compadd() { print -l -- "\${@[2,-1]}" }`;

const inZsh: Asked = (lines) => {
  const asked = lines.map((line) => {
    const words = line.split(' ');
    return `words=(${words.map((word) => `'${word}'`).join(' ')}); CURRENT=${words.length}; _gscip | grep -e "^${words.at(-1)}"; print -- '${END}'`;
  });
  return lists(runTool('zsh', ['-f'], [ZSH_STUBS, zshCompletion(TABLES), `cd '${folder}'`, ...asked].join('\n')));
};

const inFish: Asked = (lines) => {
  const asked = lines.map((line) => `complete -C '${line}' | string replace -r '\\t.*' ''; echo '${END}'`);
  const script = [fishCompletion(TABLES), `cd '${folder}'`, ...asked];
  // from a file: fish reads no more of standard input than fits into a pipe
  const file = join(folder, '.asked.fish');
  writeFileSync(file, script.join('\n'));
  return lists(runTool('fish', ['--no-config', file], '')).map((list) => list.map((each) => each.replace(/\/$/, '')));
};

const SHELLS: readonly (readonly [name: string, ask: Asked])[] = [
  ['bash', inBash],
  ['zsh', inZsh],
  ['fish', inFish],
];

function sorted(words: readonly string[]): readonly string[] {
  return [...new Set(words)].sort();
}

it('an option takes a value everywhere or nowhere, so that one list of them is enough', () => {
  const plain = EVERY.flatMap(({ options }) => options.filter(({ value }) => value === undefined).flatMap(spellings));
  expect(TABLES.valued.filter((each) => plain.includes(each))).toEqual([]);
  expect(TABLES.valued.length).toBeGreaterThan(30);
});

describe.each(SHELLS)('the completion for %s', { timeout: 60_000 }, (_, ask) => {
  it('knows every option of every command', () => {
    const found = ask(EVERY.map(({ words }) => `gscip ${words.join(' ')} --`));
    expect(found.map(sorted)).toEqual(EVERY.map(({ options }) => sorted(options.map(({ long }) => long))));
  });

  it('knows every command below every command', () => {
    const groups = EVERY.filter(({ below }) => below.length > 0);
    const wanted = [
      FACTS.map(({ words }) => words[0] ?? ''),
      ...groups.map(({ below }) => below.map(({ words }) => words.at(-1) ?? '')),
    ];
    const found = ask(['gscip ', ...groups.map(({ words }) => `gscip ${words.join(' ')} `)]);
    const commands = found.map((list) => sorted(list.filter((word) => !word.startsWith('-') && word !== 'help')));
    expect(commands).toEqual(wanted.map(sorted));
  });

  it.each([
    ['gscip help pit w', ['watch']],
    ['gscip admin node set box --mode ', ['cl', 'op']],
    ['gscip admin --socket pit node set box --mode c', ['cl']],
    ['gscip completion ', ['bash', 'fish', 'zsh']],
    ['gscip up --name ', []],
    ['gscip up --bundle ', ['deep', 'flat']],
    ['gscip authority init ', ['deep']],
    ['gscip authority group add --json ', ['deep']],
  ])('offers for "%s" %j', (line, wanted) => {
    const [found = []] = ask([line]);
    expect(sorted(found.filter((word) => !word.startsWith('-')))).toEqual(wanted);
  });
});
