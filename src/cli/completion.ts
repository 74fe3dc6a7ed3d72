import { Argument, type Command } from 'commander';
import { unreachable } from '../base/unreachable.ts';
import { bashCompletion } from './handbook/bash-completion.ts';
import { commandFacts } from './handbook/command-facts.ts';
import { type CompletionTables, completionTables } from './handbook/completion-tables.ts';
import { fishCompletion } from './handbook/fish-completion.ts';
import { zshCompletion } from './handbook/zsh-completion.ts';
import { examples, jsonFlag, printJson } from './output.ts';
import { VERBS } from './verbs.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

/** `gscip completion bash|zsh|fish` */
export function define(command: Command): void {
  jsonFlag(command)
    .addArgument(new Argument('<shell>', 'whose completion to print').choices(SHELLS))
    .action(async (shell: Shell, { json }: { readonly json?: boolean }) => {
      const script = completionFor(shell, completionTables(await commandFacts(VERBS)));
      if (json) printJson({ shell, script });
      else process.stdout.write(script);
    });
  examples(command, [
    ['gscip completion fish > ~/.config/fish/completions/gscip.fish', 'for every fish from now on'],
    ['. <(gscip completion bash)', 'for this bash'],
  ]);
}

function completionFor(shell: Shell, tables: CompletionTables): string {
  switch (shell) {
    case 'bash':
      return bashCompletion(tables);
    case 'zsh':
      return zshCompletion(tables);
    case 'fish':
      return fishCompletion(tables);
    default:
      return unreachable(shell);
  }
}
