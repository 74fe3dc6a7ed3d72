import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { unixSeconds } from '../../base/brands.ts';
import { nodeProvider } from '../../crypto/node-provider.ts';
import { ServerFolder } from '../../server/server-folder.ts';
import { type RestoreResult, restoreBackup } from '../../server/store/restore.ts';
import { confirm } from '../confirm.ts';
import { printJson } from '../output.ts';
import { stamp } from './times.ts';

/** What `gscip admin backup restore` was told. */
export interface RestoreFlags {
  readonly state: string;
  readonly database?: string;
  readonly keyFile?: string;
  readonly force?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** Puts a backup into a state folder or a database, while no server runs there. */
export async function restore(file: string, options: RestoreFlags): Promise<void> {
  if (options.force) await confirm(`Give up what ${options.database ?? options.state} holds now?`, options);
  const folder = new ServerFolder(resolve(options.state));
  try {
    const result = await into(folder, resolve(file), options);
    if (options.json) printJson(result);
    else console.log(describe(result, options));
  } finally {
    folder.close();
  }
}

async function into(folder: ServerFolder, file: string, options: RestoreFlags): Promise<RestoreResult> {
  const random = (length: number) => new Uint8Array(randomBytes(length));
  return await restoreBackup({
    file,
    force: options.force === true,
    database: options.database ?? folder.database,
    sealKey: folder.heldKey(options.keyFile),
    provider: nodeProvider,
    random,
    now: () => unixSeconds(Date.now() / 1000),
  });
}

function describe({ network, madeAt, rows, auditEntries }: RestoreResult, { state }: RestoreFlags): string {
  return [
    `Restored the network "${network}" as it was at ${stamp(madeAt)}: ${rows} rows, ${auditEntries} entries of the audit log.`,
    'What was there before is kept beside it. Machines that were removed since are members again, and tokens that were',
    'used since may be usable again: look through both as soon as the server runs.',
    `Start it with what it was started with before, for example: gscip server --state ${state}`,
  ].join('\n');
}
