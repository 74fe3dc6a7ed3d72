/* A process of its own: fills the small file system that full-disk.sh mounted, and tells what the store says to it. */
import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { GscipError } from '../../../src/base/errors.ts';
import { MIGRATIONS } from '../../../src/server/store/migrations.ts';
import { openStore } from '../../../src/server/store/open-store.ts';
import { SqliteDatabase } from '../../../src/server/store/sqlite-database.ts';
import { addUser, options, ROOT } from './ground.ts';

const folder = process.argv[2];
const ballast = `${folder}/ballast`;
const path = `${folder}/server.db`;

function tell(line: string): void {
  process.stdout.write(`${line}\n`);
}

function codeOf(cause: unknown): string {
  return cause instanceof GscipError ? cause.code : String(cause);
}

const acknowledged: string[] = [];
async function add(name: string): Promise<void> {
  await store.run(ROOT, 'user.add', addUser(name));
  acknowledged.push(name);
}

async function tellKept(): Promise<void> {
  const again = await openStore(options(path));
  const kept = [...again.state.tables.users.keys()];
  await again.close();
  const live = [...store.state.tables.users.keys()];
  const same = JSON.stringify(kept) === JSON.stringify(acknowledged) && JSON.stringify(live) === JSON.stringify(kept);
  tell(same ? 'kept as acknowledged' : `kept ${kept.length}, live ${live.length}, acknowledged ${acknowledged.length}`);
}

writeFileSync(ballast, new Uint8Array(100_000));
const store = await openStore(options(path));
try {
  for (let at = 0; at < 10_000; at++) await add(`${at}`.padStart(500, 'u'));
  tell('never full');
} catch (cause) {
  tell(`full ${codeOf(cause)}`);
}
try {
  await store.backup(`${folder}/backup`);
  tell('backup ok');
} catch (cause) {
  tell(`backup ${codeOf(cause)}, ${readdirSync(folder).filter((name) => name.startsWith('backup')).length} files`);
}
rmSync(ballast);
await tellKept();
const audit = await store.verifyAudit();
tell(`audit ${audit.ok && audit.entries === acknowledged.length ? 'ok' : JSON.stringify(audit)}`);
await add('room');
tell('room ok');
await store.close();
execFileSync('mount', ['-o', 'remount,bind,ro', folder]);
try {
  await openStore(options(path));
} catch (cause) {
  tell(`read-only ${codeOf(cause)}`);
}
execFileSync('mount', ['-o', 'remount,bind,rw', folder]);
await tellKept();

/** Leaves so many bytes of the disk free: enough to open the database, too few for a copy of it. */
function leave(bytes: number): void {
  const { bavail, bsize } = statfsSync(folder);
  writeFileSync(ballast, new Uint8Array(bavail * bsize - bytes));
}

/** A later release starts here. */
async function upgrade(): Promise<void> {
  const later = { ...MIGRATIONS, '0002-later': { up: async () => undefined } };
  const database = new SqliteDatabase(path, later);
  try {
    await database.migrate();
  } finally {
    await database.close();
  }
}
leave(64_000);
try {
  await upgrade();
} catch (cause) {
  tell(`no room for the copy: ${codeOf(cause)}, ${readdirSync(folder).sort().join(' ')}`);
}
await tellKept();
rmSync(ballast);
await upgrade();
tell(`migrated, copy ${readdirSync(folder).filter((name) => name.includes('before'))}`);
