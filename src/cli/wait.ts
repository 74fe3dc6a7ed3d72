import type { Command } from 'commander';
import { type AgentOptions, agentFlags } from './agent-options.ts';
import { ask } from './control-client.ts';
import { wholeNumber } from './numbers.ts';
import { examples } from './output.ts';

interface WaitOptions extends AgentOptions {
  readonly peer?: string;
  readonly timeout: number;
}

/** `gscip wait` */
export function define(command: Command): void {
  agentFlags(command)
    .option('--peer <name>', 'until this peer answers through the overlay')
    .option('--timeout <seconds>', 'give up after so long', wholeNumber(1, 3_600), 30)
    .action(async (options: WaitOptions) => {
      const answer = await ask(options.socket, {
        verb: 'wait',
        peer: options.peer,
        timeoutMs: options.timeout * 1_000,
      });
      console.log(options.json ? JSON.stringify(answer) : 'ready');
    });
  examples(command, [
    ['gscip wait', 'until the overlay addresses can be bound'],
    ['gscip wait --peer server --timeout 60', 'until "server" answers'],
  ]);
}
