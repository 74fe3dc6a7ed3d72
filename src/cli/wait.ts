import type { Command } from 'commander';
import { GscipError } from '../base/errors.ts';
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
      const answer = await waitFor(options, performance.now() + options.timeout * 1_000);
      console.log(options.json ? JSON.stringify(answer) : 'ready');
    });
  examples(command, [
    ['gscip wait', 'until the overlay addresses can be bound'],
    ['gscip wait --peer server --timeout 60', 'until "server" answers'],
  ]);
}

/** How often it looks whether an agent has started, in milliseconds. */
const PAUSE = 100;

/** An agent that does not run yet may be about to start. */
async function waitFor(options: WaitOptions, until: number): Promise<object> {
  for (;;) {
    const timeoutMs = Math.max(1, Math.ceil(until - performance.now()));
    try {
      return await ask(options.socket, { verb: 'wait', peer: options.peer, timeoutMs });
    } catch (error) {
      if (!(error instanceof GscipError) || error.code !== 'not-running' || performance.now() >= until) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }
}
