import { createInterface } from 'node:readline/promises';
import { GscipError } from '../base/errors.ts';

/** Asks before something that cannot be taken back, where a person sits at the terminal; scripts are not asked. */
export async function confirm(question: string, { yes }: { readonly yes?: boolean }): Promise<void> {
  if (yes || process.stdin.isTTY !== true || process.stderr.isTTY !== true) return;
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await lines.question(`${question} [y/N] `);
    if (/^y(es)?$/i.test(answer.trim())) return;
  } finally {
    lines.close();
  }
  throw new GscipError('not-confirmed', 'nothing was changed', 'answer y, or give --yes');
}
