import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { addUser, ROOT, testFolder } from './ground.ts';
import { storeTools } from './store-tools.ts';

const SCRIPT = new URL('./acknowledging-store.ts', import.meta.url).pathname;
const MIGRATING = new URL('./migrating-store.ts', import.meta.url).pathname;
const KILLS = 6;

const { stores, postgres } = storeTools();

/** Starts the process, kills it after some commands, and gives what it had acknowledged. */
async function runAndKill(database: string, from: number, after: number): Promise<readonly string[]> {
  const child = spawn(process.execPath, [SCRIPT, database, String(from)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (lines.length === after) child.kill('SIGKILL');
  }
  await ended;
  expect(child.signalCode).toBe('SIGKILL');
  return lines.slice(1);
}

describe.each([
  ['SQLite', () => `${testFolder()}/server.db`],
  ['PostgreSQL', () => postgres().newDatabase()],
])('a process over %s that is killed in the middle of its commands', (_engine, newDatabase) => {
  it('loses nothing that it acknowledged, keeps no half command, and begins again at once', async () => {
    const database = newDatabase();
    const acknowledged = new Set<string>();
    for (let kill = 0; kill < KILLS; kill++) {
      for (const id of await runAndKill(database, kill * 100_000, 2 + Math.floor(Math.random() * 60)))
        acknowledged.add(id);
      const store = await stores.open(database);
      const { tokens } = store.state.tables;
      expect([...acknowledged].filter((id) => !tokens.has(id))).toEqual([]);
      const audit = await store.verifyAudit();
      expect(audit).toMatchObject({ ok: true, entries: store.state.revision });
      // each command wrote two rows and an entry: all three, or none
      const [last] = await store.audit({ last: 1 });
      expect([tokens.size - 1, tokens.get('newest')?.createdBy]).toEqual([store.state.revision, last.detail['id']]);
      await stores.closeAll();
    }
    expect(acknowledged.size).toBeGreaterThan(KILLS);
  }, 60_000);
});

describe.each([
  ['SQLite', () => `${testFolder()}/server.db`],
  ['PostgreSQL', () => postgres().newDatabase()],
])('a server over %s that is killed in the middle of a migration', (_engine, newDatabase) => {
  it('has changed nothing: the release of before goes on, and the later one begins again', async () => {
    const database = newDatabase();
    await (await stores.open(database)).run(ROOT, 'user.add', addUser('anna'));
    await stores.closeAll();
    for (let round = 0; round < 2; round++) {
      const child = spawn(process.execPath, [MIGRATING, database], { stdio: ['ignore', 'pipe', 'inherit'] });
      const ended = once(child, 'close');
      for await (const line of createInterface({ input: child.stdout })) if (line === 'half') child.kill('SIGKILL');
      await ended;
      expect(child.signalCode).toBe('SIGKILL');
      const store = await stores.open(database);
      expect(store.state.tables.users.has('anna')).toBe(true);
      expect(await store.verifyAudit()).toMatchObject({ ok: true });
      await stores.closeAll();
    }
  });
});
