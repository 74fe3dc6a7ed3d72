import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type RestoreOptions, restoreBackup } from '../../../src/server/store/restore.ts';
import type { Store } from '../../../src/server/store/store.ts';
import {
  addUser,
  nodeRow,
  options,
  putSettings,
  putToken,
  ROOT,
  removeUser,
  rowsOf,
  SEAL_KEY,
  testFolder,
  tokenRow,
} from './ground.ts';
import { storeTools } from './store-tools.ts';

const { stores, postgres } = storeTools();

const sqlite = () => `${testFolder()}/server.db`;
const postgresql = () => postgres().newDatabase();

function restore(file: string, database: string, over: Partial<RestoreOptions> = {}) {
  return restoreBackup({ ...options(database), file, force: false, ...over });
}

/** A network with something in every kind of row, and a row that went. */
async function populated(database: string): Promise<Store> {
  const store = await stores.open(database);
  await store.run(ROOT, 'network.make', putSettings());
  await store.run(ROOT, 'user.add', addUser('anna'));
  await store.run(ROOT, 'user.remove', removeUser('anna'));
  for (let at = 1; at <= 300; at++)
    void store.run(ROOT, 'node.add', (draft) => draft.put({ table: 'nodes', key: nodeRow(at).id, row: nodeRow(at) }));
  await store.run(ROOT, 'token.create', putToken(tokenRow('feed')));
  return store;
}

describe.each([
  ['SQLite', 'SQLite', sqlite, sqlite],
  ['SQLite', 'PostgreSQL', sqlite, postgresql],
  ['PostgreSQL', 'SQLite', postgresql, sqlite],
  ['PostgreSQL', 'PostgreSQL', postgresql, postgresql],
])('a backup of %s', (_from, to, source, target) => {
  it(`brings the network back into an empty ${to}, with its log and one entry more`, async () => {
    const file = `${testFolder()}/backup`;
    const store = await populated(source());
    const made = await store.backup(file);
    expect(made).toMatchObject({ file, revision: 304, rows: 302, auditEntries: 304, bytes: statSync(file).size });
    expect(made.note).toContain('server.key');
    const database = target();
    expect(await restore(file, database)).toMatchObject({
      network: 'home',
      revision: 304,
      rows: 302,
      auditEntries: 305,
    });
    const back = await stores.open(database);
    expect(rowsOf(back)).toEqual(rowsOf(store));
    expect(await back.verifyAudit()).toMatchObject({ ok: true, entries: 305 });
    expect(await back.audit({ last: 1 })).toMatchObject([{ seq: 305, action: 'backup.restore' }]);
    await back.run(ROOT, 'user.add', addUser('berta'));
    expect(back.state.revision).toBe(305);
    expect((await stores.open(database)).state.tables.users.has('berta')).toBe(true);
  });
});

describe.each([
  ['SQLite', sqlite],
  ['PostgreSQL', postgresql],
])('a restore into %s', (engine, newDatabase) => {
  async function backedUp(): Promise<{ database: string; file: string }> {
    const [database, file] = [newDatabase(), `${testFolder()}/backup`];
    const store = await populated(database);
    await store.backup(file);
    await store.run(ROOT, 'user.add', addUser('later'));
    return { database, file };
  }

  async function expectUntouched(database: string): Promise<void> {
    const store = await stores.open(database);
    expect(store.state.tables.users.has('later')).toBe(true);
    expect(await store.verifyAudit()).toMatchObject({ ok: true, entries: 305 });
    await stores.closeAll();
  }

  it('is refused while a server runs', async () => {
    const { database, file } = await backedUp();
    const database2 = newDatabase();
    await restore(file, database2);
    const running = await stores.open(database2);
    await expect(restore(file, database2)).rejects.toMatchObject({ code: 'restore-older' });
    await running.close();
    await expect(restore(file, database, { force: engine === 'SQLite' })).rejects.toMatchObject({
      code: engine === 'SQLite' ? 'network-running' : 'restore-older',
    });
    await stores.closeAll();
    await expectUntouched(database);
  });

  it('is refused over a newer state, and keeps that state beside it when it is forced', async () => {
    const { database, file } = await backedUp();
    await stores.closeAll();
    await expect(restore(file, database)).rejects.toMatchObject({ code: 'restore-older' });
    await expectUntouched(database);
    await restore(file, database, { force: true });
    expect((await stores.open(database)).state.tables.users.has('later')).toBe(false);
    if (engine === 'SQLite') await expectUntouched(`${database}.before-restore`);
  });

  it('is refused over another network unless it is forced', async () => {
    const { file } = await backedUp();
    const other = newDatabase();
    await (await stores.open(other)).run(ROOT, 'user.add', addUser('other'));
    await stores.closeAll();
    await expect(restore(file, other)).rejects.toMatchObject({ code: 'restore-other-network' });
    await restore(file, other, { force: true });
    expect((await stores.open(other)).state.tables.users.has('other')).toBe(false);
  });

  it('changes nothing when the backup is damaged anywhere, cut off, added to, or of another key', async () => {
    const { database, file } = await backedUp();
    await stores.closeAll();
    const lines = readFileSync(file, 'utf8').split('\n');
    const broken = `${testFolder()}/broken`;
    const changed = (at: number, change: (line: string) => string) =>
      lines.map((line, i) => (i === at ? change(line) : line));
    const token = lines.findIndex((line) => line.includes('"tokens"'));
    const rows: readonly (readonly string[])[] = [
      ['not a backup'],
      [],
      lines.slice(0, 1),
      lines.slice(0, -2),
      [...lines.slice(0, -2), ''],
      lines.filter((_, at) => at !== 5),
      changed(1, (line) => line.replace('home', 'hole')),
      changed(token, (line) => line.replace('anna', 'anne')),
      changed(token, () => '{'),
      changed(0, (line) => line.replace('"revision":304', '"revision":999')),
      changed(lines.length - 2, (line) => line.replace(/[0-9a-f]{2}(?="}$)/, (end) => (end === '00' ? '11' : '00'))),
      [...lines.slice(0, 3), lines[2], ...lines.slice(3)],
      [...lines.slice(0, -1), lines[1], ''],
    ];
    for (const row of rows) {
      expect(row).not.toEqual(lines);
      writeFileSync(broken, row.join('\n'));
      await expect(restore(broken, database, { force: true }), row.length.toString()).rejects.toMatchObject({
        code: 'backup-damaged',
      });
    }
    await expect(
      restore(file, database, { force: true, sealKey: SEAL_KEY.map((byte) => byte + 1) }),
    ).rejects.toMatchObject({
      code: 'backup-other-key',
    });
    writeFileSync(broken, lines.join('\n').replace('0001-rows', '0099-unheard'));
    await expect(restore(broken, database, { force: true })).rejects.toMatchObject({
      code: 'backup-newer',
      message: expect.stringContaining('at 0099-unheard, this release knows them up to 0001-rows'),
    });
    await expect(restore(`${file}.absent`, database, { force: true })).rejects.toMatchObject({ code: 'no-backup' });
    await expectUntouched(database);
  });
});

describe('a backup', () => {
  it('is never written over another file, and leaves nothing behind when it fails', async () => {
    const store = await populated(sqlite());
    const file = `${testFolder()}/backup`;
    writeFileSync(file, 'mine');
    await expect(store.backup(file)).rejects.toMatchObject({ code: 'backup-exists' });
    await expect(store.backup(`${dirname(file)}/no/backup`)).rejects.toMatchObject({ code: 'backup-failed' });
    expect(readFileSync(file, 'utf8')).toBe('mine');
    expect(readdirSync(dirname(file))).toEqual(['backup']);
  });

  it('is of one moment while commands go on, and keeps none of them waiting', async () => {
    const store = await populated(sqlite());
    const file = `${testFolder()}/backup`;
    const making = store.backup(file);
    await Promise.all(Array.from({ length: 50 }, (_, at) => store.run(ROOT, 'user.add', addUser(`u${at}`))));
    const made = await making;
    expect(made.revision).toBe(made.auditEntries);
    const database = sqlite();
    await restore(file, database);
    expect(await (await stores.open(database)).verifyAudit()).toMatchObject({
      ok: true,
      entries: made.auditEntries + 1,
    });
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('replaces a database that is damaged only when it is forced', async () => {
    const database = sqlite();
    const file = `${testFolder()}/backup`;
    await (await populated(database)).backup(file);
    await stores.closeAll();
    writeFileSync(database, 'this is no database at all'.repeat(300));
    await expect(restore(file, database)).rejects.toMatchObject({ code: 'restore-unreadable' });
    await restore(file, database, { force: true });
    expect((await stores.open(database)).state.revision).toBe(304);
    expect(existsSync(`${database}.before-restore`)).toBe(true);
  });

  it('ends servers that were cut off from a database that was replaced meanwhile', async () => {
    const database = postgresql();
    const file = `${testFolder()}/backup`;
    const store = await populated(database);
    await store.backup(file);
    await expect(restore(file, database)).rejects.toMatchObject({ code: 'network-running' });
    await restore(file, database, { force: true });
    await expect(store.run(ROOT, 'user.add', addUser('lost'))).rejects.toMatchObject({ code: 'database-replaced' });
    expect(store.trouble()?.code).toBe('database-replaced');
  });
});

describe('what is left of a backup whose server was killed', () => {
  it('goes with the next backup into the same folder, an hour later, and nothing else does', async () => {
    const folder = testFolder();
    const store = await populated(sqlite());
    const uuid = '01234567-89ab-cdef-0123-456789abcdef';
    const begin = '{"gscip-backup":1,"schema":"x"';
    const files: readonly (readonly [name: string, text: string, age: number])[] = [
      [`old.${uuid}.partial`, begin, 3_700],
      [`young.${uuid}.partial`, begin, 3_500],
      [`other.${uuid}.partial`, '{"something-else":1}', 9_999],
      [`short.${uuid}.partial`, '{', 9_999],
      ['old.partial', begin, 9_999],
      ['old', begin, 9_999],
    ];
    for (const [name, text, age] of files) {
      writeFileSync(join(folder, name), text);
      const at = Date.now() / 1_000 - age;
      utimesSync(join(folder, name), at, at);
    }
    mkdirSync(join(folder, `folder.${uuid}.partial`));
    await store.backup(join(folder, 'new'));
    expect(readdirSync(folder).sort()).toEqual([
      `folder.${uuid}.partial`,
      ...['new', 'old', 'old.partial'],
      ...[`other.${uuid}.partial`, `short.${uuid}.partial`, `young.${uuid}.partial`],
    ]);
  });
});
