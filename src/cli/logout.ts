import type { Command } from 'commander';
import { type AgentOptions, agentFlags } from './agent-options.ts';
import { confirm } from './confirm.ts';
import { ask } from './control-client.ts';
import { examples } from './output.ts';

/** `gscip logout` */
export function define(command: Command): void {
  agentFlags(command)
    .option('--yes', 'do not ask')
    .action(async (options: AgentOptions & { readonly yes?: boolean }) => {
      await confirm('Leave the network and delete its keys from this machine?', options);
      const answer = await ask(options.socket, { verb: 'logout' });
      console.log(
        options.json
          ? JSON.stringify(answer)
          : 'This machine has left the network; its keys are deleted, and the agent has stopped. To come back: a new join token.',
      );
    });
  examples(command, [
    ['sudo gscip logout', 'the server takes this node out of every group; a new token brings it back'],
  ]);
}
