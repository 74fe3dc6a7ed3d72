import type { Command } from 'commander';
import type { StatusAnswer } from '../../api/status.ts';
import { type AgentOptions, agentFlags } from '../agent-options.ts';
import { ask } from '../control-client.ts';
import { wholeNumber } from '../numbers.ts';
import { examples } from '../output.ts';
import { flowRecord } from './flow-record.ts';
import { followFlows } from './follow.ts';
import { RotatingFile } from './rotating-file.ts';

const MIB = 1 << 20;

interface ExportOptions extends AgentOptions {
  readonly out?: string;
  readonly maxSize: number;
  readonly keep: number;
}

/** `gscip pit export` */
export function defineExport(command: Command): void {
  agentFlags(command, 'print an error as JSON, too; records always are')
    .option('--out <FILE>', 'append to this file, which only its owner may read (default: standard output)')
    .option(
      '--max-size <MIB>',
      'with --out: a full file becomes FILE.1, that one FILE.2 …',
      wholeNumber(1, 1_000_000),
      100,
    )
    .option('--keep <n>', 'with --out: so many full files; the oldest goes', wholeNumber(0, 10_000), 9)
    .action(exportFlows);
  examples(command, [
    ['gscip pit export', 'one JSON object per line: flows that are open, begin, end, or are refused'],
    [
      'gscip pit export --out /var/log/gscip/flows.jsonl --max-size 50 --keep 20',
      'a gigabyte at most, kept in 21 files',
    ],
    [
      `gscip pit export | jq -r 'select(.event=="refused") | [.at,.source.node,.destination.address,.reason] | @tsv'`,
      'who was refused',
    ],
  ]);
}

async function exportFlows({ socket, out, maxSize, keep }: ExportOptions): Promise<void> {
  const { node } = await ask<StatusAnswer>(socket, { verb: 'status' });
  const reporter = { name: node.name, id: node.id };
  const file = out === undefined ? undefined : new RotatingFile(out, maxSize * MIB, keep);
  const write = file ? (line: string) => file.write(line) : (line: string) => console.log(line);
  try {
    await followFlows(socket, true, {}, (event) => {
      const record = flowRecord(event, reporter);
      if (record) write(JSON.stringify(record));
      return record !== undefined;
    });
  } finally {
    file?.close();
  }
}
