import { spawnSync } from 'node:child_process';
import { type CommandFacts, commandFacts, flat } from '../../../src/cli/handbook/command-facts.ts';
import { completionTables } from '../../../src/cli/handbook/completion-tables.ts';
import { VERBS } from '../../../src/cli/verbs.ts';

/** What the handbook is made of: every verb as it is. */
export const FACTS: readonly CommandFacts[] = await commandFacts(VERBS);
export const EVERY: readonly CommandFacts[] = flat(FACTS);
export const TABLES = completionTables(FACTS);

/** Runs a program of the system on a text; a missing one fails, with its package. */
export function runTool(command: string, words: readonly string[], input: string): string {
  const done = spawnSync(command, words, { input, encoding: 'utf8', timeout: 60_000, maxBuffer: 1 << 26 });
  if (done.error && 'code' in done.error && done.error.code === 'ENOENT')
    throw new Error(`${command} is missing; install: sudo apt-get install ${command}`);
  if (done.error) throw done.error;
  return done.stdout + done.stderr;
}
