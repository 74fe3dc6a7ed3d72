import type { Command } from 'commander';
import { type AgentOptions, agentFlags } from './agent-options.ts';
import { ask } from './control-client.ts';
import { examples } from './output.ts';

/** `gscip down` */
export function define(command: Command): void {
  agentFlags(command).action(async (options: AgentOptions) => {
    const answer = await ask(options.socket, { verb: 'down' });
    console.log(
      options.json ? JSON.stringify(answer) : 'the agent has stopped; interface, addresses and routes are gone',
    );
  });
  examples(command, [['sudo gscip down', 'stops the agent and undoes what it set up']]);
}
