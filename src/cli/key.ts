import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import type { ReloadAnswer } from '../api/questions.ts';
import { encodeKeyCode, KEY_CODE_SECRET } from '../crypto/key-code.ts';
import { nodeProvider } from '../crypto/node-provider.ts';
import { type AgentOptions, agentFlags } from './agent-options.ts';
import { ask } from './control-client.ts';
import { defineKeyEnter } from './key-enter.ts';
import { examples, jsonFlag, printJson } from './output.ts';

/** `gscip key` */
export function define(command: Command): void {
  defineCode(command.command('code').description('make a key for entry by hand'));
  defineKeyEnter(command.command('enter <group>').description('enter such a key for a group'));
  defineReload(command.command('reload').description('let the running agent read its bundle and keys again'));
  examples(command, [
    ['gscip key code', 'a new code: type it on every machine of the group'],
    ['sudo gscip key enter lab', 'enter it for the group lab'],
    ['sudo gscip key reload', 'after a new bundle: existing flows go on without a loss'],
  ]);
}

function defineCode(command: Command): void {
  jsonFlag(command).action((options: { readonly json?: boolean }) => {
    const code = encodeKeyCode(nodeProvider, new Uint8Array(randomBytes(KEY_CODE_SECRET)));
    if (options.json) printJson({ code });
    else console.log(code);
  });
  examples(command, [['gscip key code', '128 random bits with a checksum, in 30 letters']]);
}

function defineReload(command: Command): void {
  agentFlags(command).action(async (options: AgentOptions) => {
    const answer = await ask<ReloadAnswer>(options.socket, { verb: 'key-reload' });
    console.log(options.json ? JSON.stringify(answer) : `The agent has read its bundle again: ${describe(answer)}.`);
  });
  examples(command, [
    ['sudo gscip key reload', 'keys alone; "gscip reload" and SIGHUP also read the file of settings'],
  ]);
}

function describe({ changes }: ReloadAnswer): string {
  if (changes === 0) return 'nothing is new';
  return changes === 1 ? '1 group has changed' : `${changes} groups have changed`;
}
