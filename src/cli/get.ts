import type { Command } from 'commander';
import type { SettingAnswer, SettingsAnswer } from '../api/settings.ts';
import { type AgentOptions, agentFlags } from './agent-options.ts';
import { ask } from './control-client.ts';
import { examples } from './output.ts';
import { settingText } from './setting-text.ts';
import { table } from './table.ts';

/** `gscip get [NAME]` */
export function define(command: Command): void {
  agentFlags(command.argument('[name]', 'one setting; without it all of them')).action(
    async (name: string | undefined, options: AgentOptions) => {
      const answer = await ask<SettingsAnswer>(options.socket, { verb: 'settings', name });
      if (options.json) return console.log(JSON.stringify(answer));
      const [one] = answer.settings;
      console.log(name === undefined || !one ? settingsTable(answer.settings) : settingText(one.value));
    },
  );
  examples(command, [
    [
      'sudo gscip get',
      'every setting: what is in force, what waits for the next start, and which changes take effect at once',
    ],
    ['sudo gscip get mtu', 'one value alone, for scripts'],
  ]);
}

/** All settings, one line each. */
export function settingsTable(settings: readonly SettingAnswer[]): string {
  const rows = settings.map(({ name, value, next, isDefault, live }) => {
    const waits = JSON.stringify(value) === JSON.stringify(next) ? '' : `${settingText(next)} after a restart`;
    return [name, settingText(value), isDefault ? 'default' : 'set', live ? 'at once' : 'at a restart', waits];
  });
  return table(['setting', 'value', 'from', 'changes', 'waiting'], rows);
}
