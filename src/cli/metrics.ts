import type { Command } from 'commander';
import { type AgentOptions, agentFlags } from './agent-options.ts';
import { ask } from './control-client.ts';
import { examples } from './output.ts';

/** `gscip metrics` */
export function define(command: Command): void {
  agentFlags(command).action(async (options: AgentOptions) => {
    const answer = await ask<{ readonly text: string }>(options.socket, { verb: 'metrics' });
    if (options.json) console.log(JSON.stringify(answer));
    else process.stdout.write(answer.text);
  });
  examples(command, [
    ['gscip metrics', 'all counters in the text format of Prometheus'],
    ['sudo gscip set metrics=127.0.0.1:9470', 'Prometheus reads the same at http://127.0.0.1:9470/metrics'],
  ]);
}
