import type { Command } from 'commander';
import type { DownAnswer } from '../api/lock.ts';
import { unreachable } from '../base/unreachable.ts';
import { DEFAULTS } from '../node/agent-config.ts';
import { type AgentOptions, agentFlags } from './agent-options.ts';
import { ask } from './control-client.ts';
import { examples } from './output.ts';
import { shellWord } from './shell-word.ts';

/** `gscip down` */
export function define(command: Command): void {
  command.description('Ends the running agent. A closed node stays locked: nothing passes until "gscip lock open".');
  agentFlags(command).action(async (options: AgentOptions) => {
    const answer = await ask<DownAnswer>(options.socket, { verb: 'down' });
    console.log(options.json ? JSON.stringify(answer) : downText(answer));
  });
  examples(command, [['sudo gscip down', 'stops the agent and undoes what it set up']]);
}

/** What `down` says: a machine that nothing reaches any more should not be a riddle. */
export function downText({ lock, state }: DownAnswer): string {
  const stopped = 'the agent has stopped; interface, addresses and routes are gone';
  const place = state === DEFAULTS.state ? '' : ` --state ${shellWord(state)}`;
  switch (lock) {
    case 'closed':
      return [
        stopped,
        'This node is closed, and stays locked: nothing passes, in either direction.',
        `To let clear text pass:      sudo gscip lock open${place}`,
        `To speak with members again: sudo gscip up${place}`,
      ].join('\n');
    case 'open':
      return `${stopped}\nThis node is closed, but its lock is open: clear text passes. To lock it: sudo gscip lock close${place}`;
    case 'none':
      return stopped;
    default:
      return unreachable(lock);
  }
}
