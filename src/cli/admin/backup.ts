import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { BackupAnswer } from '../../api/admin/operations.ts';
import { examples, jsonFlag } from '../output.ts';
import { bytes } from '../units.ts';
import { type AdminOptions, adminFlags, clientFor, show } from './admin-options.ts';
import type { RestoreFlags } from './backup-restore.ts';

/** `gscip admin backup create|restore` */
export function defineBackup(command: Command): void {
  defineCreate(command.command('create [file]').description('save all that a server knows, while it runs'));
  defineRestore(command.command('restore <file>').description('put a backup back, while no server runs'));
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

function defineRestore(command: Command): void {
  jsonFlag(command)
    .requiredOption('--state <dir>', 'state folder of the server; its server.key has to be there')
    .option('--database <url>', 'into this PostgreSQL database instead of the folder')
    .option('--key-file <file>', 'the key that the backup was sealed with, where it is not in the folder')
    .option('--force', 'also over a newer state or another network; what was there is kept beside it')
    .option('--yes', 'do not ask')
    .action(async (file: string, options: RestoreFlags) => {
      const { restore } = await import('./backup-restore.ts');
      await restore(file, options);
    });
  examples(command, [
    [
      'gscip admin backup restore net.backup --state /var/lib/gscip-server',
      'checks the key and every entry before anything is replaced',
    ],
  ]);
}
