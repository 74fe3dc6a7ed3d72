import type { Command } from 'commander';
import type { PitFlushAnswer, PitListAnswer } from '../api/pit.ts';
import { type AgentOptions, agentFlags } from './agent-options.ts';
import { ask } from './control-client.ts';
import { wholeNumber } from './numbers.ts';
import { examples } from './output.ts';
import { defineExport } from './pit/export.ts';
import { pitTable, relayedTable } from './pit/flow-table.ts';
import { defineWatch } from './pit/watch.ts';

/** `gscip pit list|watch|export|flush` */
export function define(command: Command): void {
  const listing = command.command('list').description('every flow with its action, group, key version and reason');
  agentFlags(listing).option('--limit <n>', 'at most so many entries', wholeNumber(1, 1_000_000), 1_000).action(list);
  examples(listing, [['gscip pit list --limit 20', 'the first twenty; --json has more of each']]);
  defineWatch(command.command('watch').description('flows as they come and go, one line each'));
  defineExport(command.command('export').description('a record of every flow, for audit: JSON lines, never payload'));
  agentFlags(command.command('flush').description('forget all flows; each is negotiated anew with its next packet'))
    .option('--sas', 'forget the traffic keys too')
    .action(flush);
  examples(command, [
    ['gscip pit list', 'the Process Information Table as it is'],
    ['gscip pit watch', 'flows as they come and go; Ctrl-C ends it'],
    ['gscip pit export --out /var/log/gscip/flows.jsonl', 'who reached what, when, under which group and key version'],
    ['gscip pit flush --sas', 'start cold: no entries, no traffic keys'],
  ]);
}

async function list(options: AgentOptions & { readonly limit: number }): Promise<void> {
  const answer = await ask<PitListAnswer>(options.socket, { verb: 'pit-list', limit: options.limit });
  if (options.json) return console.log(JSON.stringify(answer));
  console.log(answer.entries.length === 0 ? 'No flows.' : pitTable(answer.entries));
  if (answer.relayed.length > 0) console.log(`\n${relayedTable(answer.relayed)}`);
  if (answer.total > answer.entries.length) console.log(`${answer.total} in all; --limit shows more.`);
}

async function flush(options: AgentOptions & { readonly sas?: boolean }): Promise<void> {
  const answer = await ask<PitFlushAnswer>(options.socket, { verb: 'pit-flush', sas: options.sas === true });
  console.log(options.json ? JSON.stringify(answer) : `forgot ${answer.entries} flows and ${answer.sas} SAs`);
}
