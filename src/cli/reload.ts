import type { Command } from 'commander';
import type { RereadAnswer } from '../api/settings.ts';
import { type AgentOptions, agentFlags } from './agent-options.ts';
import { ask } from './control-client.ts';
import { examples } from './output.ts';
import { changeText } from './setting-text.ts';

/** `gscip reload` */
export function define(command: Command): void {
  agentFlags(command).action(async (options: AgentOptions) => {
    const answer = await ask<RereadAnswer>(options.socket, { verb: 'reload' });
    console.log(options.json ? JSON.stringify(answer) : reloadText(answer));
  });
  examples(command, [
    ['sudo gscip reload', 'after the file behind --config was edited; the same as SIGHUP to the agent'],
  ]);
}

/** What was another in the file, and whether it is in force. */
export function reloadText({ file, changed, groupChanges }: RereadAnswer): string {
  const settings = changed.length === 0 ? [`${file}: no setting has changed`] : changed.map(changeText);
  const groups = groupChanges === 1 ? '1 group has changed' : `${groupChanges} groups have changed`;
  return [...settings, `keys: ${groupChanges === 0 ? 'nothing is new' : groups}`].join('\n');
}
