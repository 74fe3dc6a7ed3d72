import type { Command } from 'commander';
import type { AuditCheck, AuditEntryAnswer, AuditList } from '../../api/admin/operations.ts';
import { wholeNumber } from '../numbers.ts';
import { examples } from '../output.ts';
import { table } from '../table.ts';
import { type AdminOptions, adminFlags, clientFor, show } from './admin-options.ts';
import { stamp } from './times.ts';

/** `gscip admin audit list|verify` */
export function defineAudit(command: Command): void {
  defineList(command.command('list').description('show who did what, oldest first'));
  defineVerify(command.command('verify').description('check that no entry was changed or left out'));
  examples(command, [
    ['gscip admin audit list --limit 20', 'the newest twenty entries'],
    ['gscip admin audit verify', 'every entry names the hash of the one before'],
  ]);
}

interface ListOptions extends AdminOptions {
  readonly after?: number;
  readonly limit: number;
}

function defineList(command: Command): void {
  adminFlags(command)
    .option(
      '--after <number>',
      'entries with greater numbers; by default the newest',
      wholeNumber(0, Number.MAX_SAFE_INTEGER),
    )
    .option('--limit <n>', 'at most so many', wholeNumber(1, 1_000), 100)
    .action(async (options: ListOptions) => {
      const { after, limit } = options;
      const which = after === undefined ? `last=${limit}` : `after=${after}&limit=${limit}`;
      const answer = await clientFor(options).get<AuditList>(`/audit?${which}`);
      show(options, answer, ({ entries }) => (entries.length === 0 ? 'No entries.' : entryTable(entries)));
    });
  examples(command, [
    ['gscip admin audit list', 'the newest hundred'],
    ['gscip admin audit list --after 1000', 'what came after entry 1000'],
  ]);
}

function entryTable(entries: readonly AuditEntryAnswer[]): string {
  const rows = entries.map(({ number, time, actor, action, result, code, changes, detail }) => [
    `${number}`,
    stamp(time),
    `${actor.kind} ${actor.name}`.trim(),
    action,
    code === null ? result : `${result}: ${code}`,
    detailText(detail),
    `${changes.length}`,
  ]);
  return table(['number', 'time', 'who', 'what', 'result', 'detail', 'rows'], rows);
}

function detailText(detail: AuditEntryAnswer['detail']): string {
  const texts = Object.entries(detail).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return texts.join(' ');
}

function defineVerify(command: Command): void {
  adminFlags(command).action(async (options: AdminOptions) => {
    const check = await clientFor(options).get<AuditCheck>('/audit/verify');
    show(options, check, describeCheck);
    if (!check.intact) process.exitCode = 1;
  });
  examples(command, [['gscip admin audit verify', 'exit code 1 when the chain is broken']]);
}

function describeCheck({ intact, entries, brokenAt, head, text }: AuditCheck): string {
  if (!intact) return `The audit log was changed at entry ${brokenAt ?? '?'}: ${text}`;
  return [
    `The audit log is intact: ${entries ?? 0} entries, each follows from the one before.`,
    `Hash of the last: ${head ?? '-'}. Kept elsewhere, it shows later whether entries were cut off.`,
  ].join('\n');
}
