import { createInterface } from 'node:readline/promises';
import { GscipError } from '../base/errors.ts';

/** Asks before something that cannot be taken back, where a person sits at the terminal; scripts are not asked. */
export async function confirm(question: string, { yes }: { readonly yes?: boolean }): Promise<void> {
  if (yes || !isTerminal()) return;
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await lines.question(`${question} [y/N] `);
    if (/^y(es)?$/i.test(answer.trim())) return;
  } finally {
    lines.close();
  }
  throw new GscipError('not-confirmed', 'nothing was changed', 'answer y, or give --yes');
}

/** What a command would do to more than it names. */
export interface Reach {
  /** for people at a terminal */
  readonly question: string;
  /** for scripts, which may not have meant it: what would end, as a sentence without its full stop */
  readonly harm: string;
}

/** Asks as `confirm` does; where nobody can be asked, only `--yes` will do. */
export async function confirmReach({ question, harm }: Reach, options: { readonly yes?: boolean }): Promise<void> {
  if (!options.yes && !isTerminal())
    throw new GscipError('not-confirmed', `${harm}; nothing was changed`, 'if that is meant, give --yes');
  await confirm(question, options);
}

function isTerminal(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}
