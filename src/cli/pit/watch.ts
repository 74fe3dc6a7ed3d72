import type { Command } from 'commander';
import type { PitEntryAnswer, PitEventAnswer, PitFlowEvent, PitRelayedEvent, RelayedAnswer } from '../../api/pit.ts';
import { unreachable } from '../../base/unreachable.ts';
import { type AgentOptions, agentFlags } from '../agent-options.ts';
import { parseDuration } from '../duration.ts';
import { wholeNumber } from '../numbers.ts';
import { examples } from '../output.ts';
import { bytes, seconds } from '../units.ts';
import { endpoint } from './flow-table.ts';
import { followFlows } from './follow.ts';

interface WatchOptions extends AgentOptions {
  readonly open?: boolean;
  readonly node?: string;
  readonly group?: string;
  readonly count?: number;
  readonly for?: number;
}

/** `gscip pit watch` */
export function defineWatch(command: Command): void {
  agentFlags(command, 'print JSON objects with "schema": 1, one a line')
    .option('--open', 'begin with the flows that there are already')
    .option('--node <name>', 'only flows from, to or with this node')
    .option('--group <name>', 'only flows under this group')
    .option('--count <n>', 'end after so many lines', wholeNumber(1, 1_000_000_000))
    .option('--for <time>', 'end after so long, as in 30s, 5m, 2h', parseDuration)
    .action(watchFlows);
  examples(command, [
    ['gscip pit watch', 'every flow as it comes, is agreed and goes; Ctrl-C ends it'],
    ['gscip pit watch --open --node server --for 5m', 'who is talking with "server" in the next five minutes'],
    ['gscip pit watch --json | jq -r .entry.reason', 'one object per line, for programs'],
  ]);
}

async function watchFlows(options: WatchOptions): Promise<void> {
  let headed = options.json === true;
  await followFlows(options.socket, options.open === true, options, (event) => {
    if ('entry' in event && !isWanted(event.entry, options)) return false;
    if ('relayed' in event && !isWantedRelay(event.relayed, options)) return false;
    if (!headed) console.log(WATCH_HEAD);
    headed = true;
    console.log(options.json ? JSON.stringify(event) : watchLine(event));
    return 'entry' in event || 'relayed' in event;
  });
}

/** A flow of the node and group that were asked for. */
export function isWanted(
  { group, peer, sourceNode, destinationNode }: PitEntryAnswer,
  wanted: { readonly node?: string; readonly group?: string },
): boolean {
  if (wanted.group !== undefined && wanted.group !== group) return false;
  return wanted.node === undefined || [peer, sourceNode, destinationNode].includes(wanted.node);
}

/** Between others no group is seen; either of them may be asked for. */
function isWantedRelay(
  { start, end }: RelayedAnswer,
  wanted: { readonly node?: string; readonly group?: string },
): boolean {
  return wanted.group === undefined && (wanted.node === undefined || [start, end].includes(wanted.node));
}

const WIDTHS = [8, 9, 5, 26, 26, 8, 16] as const;
/** The line above the flows. */
export const WATCH_HEAD = columns(['time', 'event', 'proto', 'source', 'destination', 'action', 'group', 'more']);

/** One event as people read it. */
export function watchLine(event: PitEventAnswer): string {
  const time = event.at.slice(11, 19);
  switch (event.event) {
    case 'missed':
      return columns([time, 'missed', `${event.missed} events: this reader was too slow`]);
    case 'end':
      return columns([time, 'end', 'the agent stopped']);
    case 'open':
    case 'created':
    case 'confirmed':
    case 'closed':
      return flowLine(event, time);
    case 'relay-open':
    case 'relay-created':
    case 'relay-closed':
      return relayedLine(event, time);
    default:
      return unreachable(event);
  }
}

function flowLine(event: PitFlowEvent, time: string): string {
  const { entry } = event;
  return columns([
    time,
    event.event,
    entry.protocol,
    named(entry.sourceNode, endpoint(entry.source, entry.sourcePort)),
    named(entry.destinationNode, endpoint(entry.destination, entry.destinationPort)),
    entry.action,
    entry.group === null ? '-' : `${entry.group} v${entry.version}`,
    more(event),
  ]);
}

function relayedLine({ event, cause, relayed }: PitRelayedEvent, time: string): string {
  const { start, end, action, packets, ageSeconds } = relayed;
  const sum = `${packets} packets, ${bytes(relayed.bytes)}, ${seconds(ageSeconds)}`;
  const said = event === 'relay-closed' ? `${sum}: ${cause}` : event === 'relay-open' ? sum : 'between others';
  return columns([time, event.slice('relay-'.length), '-', start, end, action, '-', said]);
}

function named(node: string | null, address: string): string {
  return node === null ? address : `${node} ${address}`;
}

function more({ event, cause, entry }: PitFlowEvent): string {
  const { packets, ageSeconds, reason } = entry;
  if (event === 'created' || event === 'confirmed') return reason;
  const sum = `${packets} packets, ${bytes(entry.bytes)}, ${seconds(ageSeconds)}`;
  return event === 'closed' ? `${sum}: ${cause}` : sum;
}

/** Texts that are too long push the others on: a stream knows no widest row. */
function columns(texts: readonly string[]): string {
  return texts
    .map((text, at) => text.padEnd(WIDTHS[at] ?? 0))
    .join('  ')
    .trimEnd();
}
