import type { Command } from 'commander';
import type { SetAnswer, SettingChange } from '../api/settings.ts';
import { GscipError } from '../base/errors.ts';
import { settingName } from '../node/settings/setting-change.ts';
import { type AgentOptions, agentFlags } from './agent-options.ts';
import { ask } from './control-client.ts';
import { examples } from './output.ts';
import { changeText } from './setting-text.ts';

/** `gscip set NAME=VALUE…` */
export function define(command: Command): void {
  agentFlags(
    command.argument('<name=value...>', 'NAME=VALUE; NAME= for the default; NAME+=VALUE, NAME-=VALUE in a list'),
  )
    .description('Changes what is named and nothing else: all of it, or nothing where one value is wrong.')
    .action(async (words: readonly string[], options: AgentOptions) => {
      const changes = words.map(parseChange);
      const answer = await ask<SetAnswer>(options.socket, { verb: 'set', changes });
      console.log(options.json ? JSON.stringify(answer) : setText(answer));
    });
  examples(command, [
    [
      'sudo gscip set mtu=1380 log-level=debug',
      'both take effect at once; what cannot says that it waits for a restart',
    ],
    ['sudo gscip set peer+=laptop=192.0.2.7:47247', 'one entry more in a list; peer-=… takes one out'],
    ['sudo gscip set mtu=', 'back to the default'],
  ]);
}

/** Throws for what is no change, before the agent is asked. */
export function parseChange(word: string): SettingChange {
  const [, name, how, value] = /^([a-z][a-z0-9-]*?)(\+=|-=|=)(.*)$/s.exec(word) ?? [];
  if (name === undefined || value === undefined || (how !== '=' && how !== '+=' && how !== '-='))
    throw new GscipError('usage', `"${word}" is no change of a setting`, 'write NAME=VALUE, as in: gscip set mtu=1380');
  return { name: settingName(name), how, value };
}

function setText({ changed }: SetAnswer): string {
  return changed.length === 0 ? 'Nothing to change: this is what is set already.' : changed.map(changeText).join('\n');
}
