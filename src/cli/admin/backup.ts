import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { BackupAnswer } from '../../api/admin/operations.ts';
import { examples } from '../output.ts';
import { bytes } from '../units.ts';
import { type AdminOptions, adminFlags, clientFor, show } from './admin-options.ts';

/** `gscip admin backup create|restore` */
export function defineBackup(command: Command): void {
  defineCreate(command.command('create [file]').description('save everything a server needs, while it runs'));
  examples(command, [
    [
      'sudo gscip admin backup create /var/backups/net.backup',
      'all that the server knows; secrets in it are sealed by server.key, which is not in it',
    ],
  ]);
}

function defineCreate(command: Command): void {
  adminFlags(command).action(async (file: string | undefined, options: AdminOptions) => {
    const body = file === undefined ? {} : { file: resolve(file) };
    const made = await clientFor(options).post<BackupAnswer>('/backup', body);
    show(options, made, (backup) =>
      [
        `Wrote ${backup.file} (${bytes(backup.bytes)}).`,
        ...(backup.note === '' ? [] : [backup.note]),
        `To go back to it: gscip admin backup restore ${backup.file} --state DIR`,
      ].join('\n'),
    );
  });
  examples(command, [
    ['sudo gscip admin backup create /var/backups/net.backup', 'one file, mode 0600'],
    ['sudo gscip admin backup create', 'into the state folder of the server'],
  ]);
}
