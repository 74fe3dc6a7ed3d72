import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { GscipError } from '../../../src/base/errors.ts';
import type { Draft } from '../../../src/server/network/draft.ts';
import type { Change } from '../../../src/server/network/state.ts';
import { addUser, nodeRow, putSettings, putToken, ROOT, removeUser, rowsOf, testFolder, tokenRow } from './ground.ts';
import { storeTools } from './store-tools.ts';

const { stores, postgres } = storeTools();

const REFUSAL = new GscipError('user-exists', 'there is such a user', 'Another name.');

describe.each([
  ['SQLite', () => `${testFolder()}/server.db`],
  ['PostgreSQL', () => postgres().newDatabase()],
])('a store in %s', (_engine, newDatabase) => {
  it('begins empty, and keeps what a command put', async () => {
    const store = await stores.open(newDatabase());
    expect(store.state.revision).toBe(0);
    const result = await store.run(ROOT, 'user.add', (draft) => {
      addUser('anna')(draft);
      return 5;
    });
    expect(result).toBe(5);
    expect(store.state.revision).toBe(1);
    expect(store.state.tables.users.get('anna')?.name).toBe('anna');
  });

  it('gives rows of every table back as they were, in their order, to the next process', async () => {
    const database = newDatabase();
    const store = await stores.open(database);
    await store.run(ROOT, 'network.make', putSettings());
    await store.run(ROOT, 'tokens', (draft) => {
      for (const id of ['c', 'a', 'b']) putToken(tokenRow(id))(draft);
      draft.put({ table: 'nodes', key: nodeRow(2).id, row: nodeRow(2) });
      draft.put({ table: 'nodes', key: nodeRow(1).id, row: nodeRow(1) });
    });
    await store.run(ROOT, 'token', putToken(tokenRow('c', { uses: 9 })));
    const second = await stores.open(database);
    expect(rowsOf(second)).toEqual(rowsOf(store));
    expect([...second.state.tables.tokens.keys()]).toEqual(['c', 'a', 'b']);
    expect(second.state.revision).toBe(3);
  });

  it('keeps nothing of a command that is refused but its entry, and throws what it threw', async () => {
    const store = await stores.open(newDatabase());
    await store.run(ROOT, 'user.add', addUser('anna'));
    const refused = store.run(ROOT, 'user.add', (draft) => {
      addUser('berta')(draft);
      throw REFUSAL;
    });
    await expect(refused).rejects.toBe(REFUSAL);
    expect(store.state.tables.users.has('berta')).toBe(false);
    expect(store.state.revision).toBe(1);
    const entries = await store.audit();
    expect(entries.map(({ outcome, code, changes }) => [outcome, code, changes])).toEqual([
      ['done', '', ['users/anna']],
      ['refused', 'user-exists', []],
    ]);
  });

  it('runs commands in the order of the calls, each over what those before it left, though they share a transaction', async () => {
    const store = await stores.open(newDatabase());
    const seen: (readonly [number, number])[] = [];
    const runs = Array.from({ length: 200 }, (_, at) =>
      store.run(ROOT, 'user.add', (draft) => {
        seen.push([[...draft.rows('users')].length, draft.revision]);
        addUser(`u${at}`)(draft);
        if (at > 0) removeUser(`u${at - 1}`)(draft);
        if (at === 7) throw REFUSAL;
      }),
    );
    const settled = await Promise.allSettled(runs);
    expect(settled.filter(({ status }) => status === 'rejected')).toHaveLength(1);
    expect(seen.map(([, revision]) => revision)).toEqual(runs.map((_, at) => (at <= 7 ? at : at - 1)));
    expect(seen.slice(9).every(([count]) => count === 2)).toBe(true);
    expect([...store.state.tables.users.keys()]).toEqual(['u6', 'u199']);
    expect(store.state.revision).toBe(199);
    expect(await store.verifyAudit()).toMatchObject({ ok: true, entries: 200 });
  });

  it('tells listeners what changed, after the commit, until they end it', async () => {
    const store = await stores.open(newDatabase());
    const told: (readonly [readonly Change[], number, boolean])[] = [];
    const end = store.onChanges((changes, revision) =>
      told.push([changes, revision, store.state.tables.users.has('anna')]),
    );
    await store.run(ROOT, 'user.add', addUser('anna'));
    await store.run(ROOT, 'look', () => undefined);
    end();
    await store.run(ROOT, 'user.add', addUser('berta'));
    expect(told).toMatchObject([[[{ table: 'users', key: 'anna', row: { name: 'anna' } }], 1, true]]);
  });

  it('writes an entry for a command that changes nothing, unless the server itself says otherwise', async () => {
    const store = await stores.open(newDatabase());
    const hub = { kind: 'server', name: 'hub' } as const;
    await store.run(ROOT, 'look', () => undefined, { at: 'users' });
    await store.run(hub, 'seen', () => undefined, { audit: false });
    await store.run(hub, 'node.seen', addUser('x'), { audit: false });
    await store.run(ROOT, 'hide', () => undefined, { audit: false });
    expect(await store.audit()).toMatchObject([
      { seq: 1, action: 'look', actor: ROOT, detail: { at: 'users' }, changes: [] },
      { seq: 2, action: 'hide', detail: { audit: false } },
    ]);
    expect(store.state.revision).toBe(1);
  });

  it('notes a fault of ours as failed, and goes on', async () => {
    const store = await stores.open(newDatabase());
    const fault = new TypeError('a fault');
    await expect(
      store.run(ROOT, 'break', () => {
        throw fault;
      }),
    ).rejects.toBe(fault);
    await store.run(ROOT, 'user.add', addUser('anna'));
    expect((await store.audit()).map(({ outcome, code }) => [outcome, code])).toEqual([
      ['failed', 'internal'],
      ['done', ''],
    ]);
  });

  it('lets nothing that is secret reach the database in the clear', async () => {
    const database = newDatabase();
    const store = await stores.open(database);
    await store.run(ROOT, 'network.make', putSettings());
    await store.run(ROOT, 'token.create', putToken(tokenRow('feed')));
    const copy = `${testFolder()}/copy`;
    await store.backup(copy);
    const text = readFileSync(copy, 'utf8');
    expect(text).toContain('feed');
    for (const secret of [tokenRow('feed').secret, new Uint8Array(32).fill(1), new Uint8Array(32).fill(4)])
      expect(text).not.toContain(Buffer.from(secret).toString('base64url').slice(0, 40));
  });

  it('refuses another key file with a clear error', async () => {
    const database = newDatabase();
    await stores.open(database);
    await expect(stores.open(database, new Uint8Array(32).fill(8))).rejects.toMatchObject({ code: 'server-key-wrong' });
  });

  it('refuses commands when it is closed, and finishes those that it has', async () => {
    const database = newDatabase();
    const store = await stores.open(database);
    const last = store.run(ROOT, 'user.add', addUser('anna'));
    const closing = store.close();
    await expect(store.run(ROOT, 'user.add', addUser('berta'))).rejects.toMatchObject({ code: 'store-closed' });
    await last;
    await closing;
    const second = await stores.open(database);
    expect([...second.state.tables.users.keys()]).toEqual(['anna']);
  });

  it('pages through the audit log', async () => {
    const store = await stores.open(newDatabase());
    await Promise.all(Array.from({ length: 250 }, (_, at) => store.run(ROOT, `a${at + 1}`, () => undefined)));
    const seqs = async (query?: Parameters<typeof store.audit>[0]) => (await store.audit(query)).map(({ seq }) => seq);
    expect(await seqs()).toEqual(Array.from({ length: 100 }, (_, at) => at + 1));
    expect(await seqs({ after: 248 })).toEqual([249, 250]);
    expect(await seqs({ after: 3, limit: 2 })).toEqual([4, 5]);
    expect(await seqs({ last: 3 })).toEqual([248, 249, 250]);
    expect((await store.audit({ last: 1 }))[0].action).toBe('a250');
  });

  it('reaches another process: what one changes, the other has, and its listeners hear of it', async () => {
    const database = newDatabase();
    const [one, two] = [await stores.open(database), await stores.open(database)];
    const heard = new Promise<readonly Change[]>((resolve) => {
      two.onChanges(resolve);
    });
    await one.run(ROOT, 'user.add', addUser('anna'));
    expect(await heard).toMatchObject([{ table: 'users', key: 'anna' }]);
    await one.run(ROOT, 'user.remove', removeUser('anna'));
    const names = await two.run(ROOT, 'look', (draft) => [...draft.rows('users')].map(({ name }) => name));
    expect(names).toEqual([]);
    expect(two.state.revision).toBe(2);
    expect(rowsOf(two)).toEqual(rowsOf(one));
  });

  it('lets two processes write at once, one after the other, and loses nothing', async () => {
    const database = newDatabase();
    const both = [await stores.open(database), await stores.open(database)];
    const count = (draft: Draft) => {
      const uses = draft.get('tokens', 'counter')?.uses ?? 0;
      putToken(tokenRow('counter', { uses: uses + 1 }))(draft);
    };
    for (let round = 0; round < 30; round++) await Promise.all(both.map((store) => store.run(ROOT, 'count', count)));
    const third = await stores.open(database);
    expect(third.state.tables.tokens.get('counter')?.uses).toBe(60);
    expect(await third.verifyAudit()).toMatchObject({ ok: true, entries: 60 });
  });
});
