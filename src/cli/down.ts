import type { Command } from 'commander';
import type { DownAnswer } from '../api/lock.ts';
import { GscipError } from '../base/errors.ts';
import { unreachable } from '../base/unreachable.ts';
import { DEFAULTS } from '../node/agent-config.ts';
import { type AgentOptions, agentFlags } from './agent-options.ts';
import { ask } from './control-client.ts';
import { undoNames } from './dns.ts';
import { examples, printJson } from './output.ts';
import { shellWord } from './shell-word.ts';

/** `gscip down` */
export function define(command: Command): void {
  command.description('Ends the running agent. A closed node stays locked: nothing passes until "gscip lock open".');
  agentFlags(command)
    .option('--state <DIR>', 'where no agent runs: the folder of the one that crashed', DEFAULTS.state)
    .action(async (options: AgentOptions & { readonly state: string }) => {
      const answer = await stop(options);
      if (answer !== undefined) console.log(options.json ? JSON.stringify(answer) : downText(answer));
    });
  examples(command, [['sudo gscip down', 'stops the agent and undoes what it set up']]);
}

/** An agent that was killed could not take back what outlives its interface: that is done in its place. */
async function stop({
  socket,
  state,
  json,
}: AgentOptions & { readonly state: string }): Promise<DownAnswer | undefined> {
  try {
    return await ask<DownAnswer>(socket, { verb: 'down' });
  } catch (error) {
    const isGone = error instanceof GscipError && error.code === 'not-running';
    if (!isGone || process.geteuid?.() !== 0) throw error;
    const undone = await undoNames(state);
    if (undone.length === 0) throw error;
    if (json) printJson({ stopped: false, undone });
    else console.log('no agent runs; the names that one had given to this machine are taken away');
    return undefined;
  }
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
