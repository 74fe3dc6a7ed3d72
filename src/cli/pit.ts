import type { Command } from 'commander';
import type { PitEntryAnswer, PitEventAnswer, PitFlushAnswer, PitListAnswer } from '../api/pit.ts';
import { type AgentOptions, agentFlags } from './agent-options.ts';
import { ask, watch } from './control-client.ts';
import { wholeNumber } from './numbers.ts';
import { examples } from './output.ts';
import { table } from './table.ts';
import { bytes, seconds } from './units.ts';

/** `gscip pit list|watch|flush` */
export function define(command: Command): void {
  agentFlags(command.command('list').description('every flow with its action, group, key version and reason'))
    .option('--limit <n>', 'at most so many entries', wholeNumber(1, 1_000_000), 1_000)
    .action(list);
  agentFlags(command.command('watch').description('flows as they come and go, one line each')).action(watchEntries);
  agentFlags(command.command('flush').description('forget all flows; each is negotiated anew with its next packet'))
    .option('--sas', 'forget the traffic keys too')
    .action(flush);
  examples(command, [
    ['gscip pit list', 'the Process Information Table as it is'],
    ['gscip pit watch --json', 'a flow log for programs, one object per line'],
    ['gscip pit flush --sas', 'start cold: no entries, no traffic keys'],
  ]);
}

async function list(options: AgentOptions & { readonly limit: number }): Promise<void> {
  const answer = await ask<PitListAnswer>(options.socket, { verb: 'pit-list', limit: options.limit });
  if (options.json) return console.log(JSON.stringify(answer));
  if (answer.entries.length === 0) return console.log('No flows.');
  console.log(pitTable(answer.entries));
  if (answer.total > answer.entries.length) console.log(`${answer.total} in all; --limit shows more.`);
}

/** The table as people read it. */
export function pitTable(entries: readonly PitEntryAnswer[]): string {
  return table(HEAD, entries.map(row));
}

const HEAD = ['proto', 'source', 'destination', 'action', 'state', 'group', 'key', 'peer', 'packets', 'bytes', 'idle'];

function row(entry: PitEntryAnswer): string[] {
  return [
    entry.protocol,
    endpoint(entry.source, entry.sourcePort),
    endpoint(entry.destination, entry.destinationPort),
    entry.action === 'discard' ? `discard (${entry.reason})` : entry.action,
    entry.state,
    entry.group ?? '-',
    entry.version === null ? '-' : `v${entry.version}`,
    entry.peer ?? '-',
    `${entry.packets}`,
    bytes(entry.bytes),
    seconds(entry.idleSeconds),
  ];
}

function endpoint(address: string, port: number): string {
  if (port === 0) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

async function watchEntries(options: AgentOptions): Promise<void> {
  await watch<PitEventAnswer>(options.socket, { verb: 'pit-watch' }, (event) => {
    if (options.json) return console.log(JSON.stringify(event));
    console.log([event.at, event.event, ...row(event.entry), event.cause].join('  '));
  });
}

async function flush(options: AgentOptions & { readonly sas?: boolean }): Promise<void> {
  const answer = await ask<PitFlushAnswer>(options.socket, { verb: 'pit-flush', sas: options.sas === true });
  console.log(options.json ? JSON.stringify(answer) : `forgot ${answer.entries} flows and ${answer.sas} SAs`);
}
