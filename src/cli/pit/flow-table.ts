import type { PitEntryAnswer, RelayedAnswer } from '../../api/pit.ts';
import { table } from '../table.ts';
import { bytes, seconds } from '../units.ts';

const HEAD = ['proto', 'source', 'destination', 'action', 'state', 'group', 'key', 'peer', 'packets', 'bytes', 'idle'];

/** Flows as people read them. */
export function pitTable(entries: readonly PitEntryAnswer[]): string {
  return table(HEAD, entries.map(row));
}

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

/** "100.64.0.1:22", "[fd00::1]:22", and the address alone where the protocol has no ports. */
export function endpoint(address: string, port: number): string {
  if (port === 0) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** What is passed on between others. */
export function relayedTable(relayed: readonly RelayedAnswer[]): string {
  const rows = relayed.map((each) => [
    each.start,
    each.end,
    each.action,
    `${each.rule}`,
    `${each.packets}`,
    bytes(each.bytes),
    seconds(each.ageSeconds),
    seconds(each.idleSeconds),
  ]);
  return `Passed on between others, unread:\n${table(['start', 'end', 'action', 'rule', 'packets', 'bytes', 'age', 'idle'], rows)}`;
}
