import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { nodeProvider } from '../../../src/crypto/node-provider.ts';
import { chained } from '../../../src/server/store/audit-chain.ts';
import { databaseOf } from '../../../src/server/store/open-database.ts';
import type { Sql } from '../../../src/server/store/schema.ts';
import { addUser, putSettings, putToken, ROOT, settingsRow, testFolder, tokenRow } from './ground.ts';
import { storeTools } from './store-tools.ts';

const { stores, postgres } = storeTools();

/** Writes into the database as somebody could who has it but not the key file. */
async function meddle(database: string, work: (db: Sql) => Promise<unknown>): Promise<void> {
  const own = databaseOf(database);
  await own.write(work);
  await own.close();
}

const TAMPERED: readonly (readonly [what: string, statement: string, fault: string, seq: number])[] = [
  ['a changed action', `update gscip_audit set action = 'x' where seq = 4`, 'changed', 4],
  ['a changed actor', `update gscip_audit set actor_name = 'x' where seq = 4`, 'changed', 4],
  ['a changed time', 'update gscip_audit set at = at + 1 where seq = 4', 'changed', 4],
  ['a changed outcome', `update gscip_audit set outcome = 'refused' where seq = 4`, 'changed', 4],
  ['a changed list of rows', `update gscip_audit set changes = '[]' where seq = 4`, 'changed', 4],
  ['a changed detail', `update gscip_audit set detail = '{"a":2}' where seq = 4`, 'changed', 4],
  [
    'a changed hash',
    `update gscip_audit set hash = (select hash from gscip_audit where seq = 3) where seq = 4`,
    'changed',
    4,
  ],
  ['a removed entry', 'delete from gscip_audit where seq = 4', 'missing', 4],
  ['a removed first entry', 'delete from gscip_audit where seq = 1', 'missing', 1],
  ['the last entry removed', 'delete from gscip_audit where seq = 9', 'truncated', 9],
  ['all entries removed', 'delete from gscip_audit', 'truncated', 1],
  [
    'two entries that changed places',
    'update gscip_audit set seq = case seq when 4 then -5 else -4 end where seq in (4, 5)',
    'changed',
    4,
  ],
  [
    'the end cut off in the head too',
    'update gscip_head set audit_seq = 8, audit_hash = (select hash from gscip_audit where seq = 8)',
    'head-forged',
    8,
  ],
  ['a head with another revision', 'update gscip_head set revision = revision + 1', 'head-forged', 9],
];

describe.each([
  ['SQLite', () => `${testFolder()}/server.db`],
  ['PostgreSQL', () => postgres().newDatabase()],
])('the audit log in %s', (_engine, newDatabase) => {
  it.each(TAMPERED)('shows %s', async (_what, statement, fault, seq) => {
    const database = newDatabase();
    const store = await stores.open(database);
    for (let at = 1; at <= 9; at++) await store.run(ROOT, `a${at}`, addUser(`u${at}`), { a: 1 });
    expect(await store.verifyAudit()).toMatchObject({ ok: true, entries: 9 });
    await meddle(database, async (db) => {
      await sql.raw(statement).execute(db);
      await sql.raw('update gscip_audit set seq = -seq where seq < 0').execute(db);
    });
    expect(await store.verifyAudit()).toMatchObject({ ok: false, fault, seq });
  });

  it('shows an entry added behind the end', async () => {
    const database = newDatabase();
    const store = await stores.open(database);
    await store.run(ROOT, 'a', addUser('anna'));
    await meddle(database, async (db) => {
      const { seq, hash, ...entry } = await db.selectFrom('gscip_audit').selectAll().executeTakeFirstOrThrow();
      await db
        .insertInto('gscip_audit')
        .values(chained(nodeProvider, { seq, hash }, entry))
        .execute();
    });
    expect(await store.verifyAudit()).toMatchObject({ ok: false, fault: 'changed', seq: 2 });
  });

  it('is not sealed again over a head that somebody else wrote', async () => {
    const database = newDatabase();
    const store = await stores.open(database);
    await store.run(ROOT, 'a', addUser('anna'));
    await meddle(database, (db) => sql.raw(`update gscip_head set audit_hash = '00'`).execute(db));
    await expect(store.run(ROOT, 'b', addUser('berta'))).rejects.toMatchObject({ code: 'database-tampered' });
    await expect(stores.open(database)).rejects.toMatchObject({ code: 'database-tampered' });
  });
});

describe.each([
  ['SQLite', () => `${testFolder()}/server.db`],
  ['PostgreSQL', () => postgres().newDatabase()],
])('rows in %s', (_engine, newDatabase) => {
  const document = (db: Sql, kind: string, key: string) =>
    db
      .selectFrom('gscip_rows')
      .select('document')
      .where('kind', '=', kind)
      .where('key', '=', key)
      .executeTakeFirstOrThrow();

  it('are refused when a secret was moved to another row', async () => {
    const database = newDatabase();
    const store = await stores.open(database);
    await store.run(ROOT, 'tokens', (draft) => {
      putToken(tokenRow('feed'))(draft);
      putToken(tokenRow('beef'))(draft);
    });
    await meddle(database, async (db) => {
      const { document: one } = await document(db, 'tokens', 'feed');
      await db
        .updateTable('gscip_rows')
        .set({ document: (one ?? '').replace('"id":"feed"', '"id":"beef"') })
        .where('key', '=', 'beef')
        .execute();
    });
    await expect(stores.open(database)).rejects.toMatchObject({
      code: 'database-damaged',
      message: expect.stringContaining('tokens/beef'),
    });
  });

  it('are refused when a secret was moved to another field, or a document is not of its form', async () => {
    const swaps: readonly ((text: string) => string)[] = [
      (text) => text.replace('"caSeed"', '"x"').replace('"adminSeed"', '"caSeed"').replace('"x"', '"adminSeed"'),
      (text) => text.replace('"nextSerial":1', '"nextSerial":"1"'),
      (text) => text.replace('"nextSerial":1', '"nextSerial":-1'),
      (text) => text.replace('"nextSerial":1', '"nextSerial":1.5'),
      (text) => text.replace('"nextSerial":1,', ''),
      (text) => text.replace('{', '{"unheard":1,'),
      (text) => text.slice(0, -1),
      () => '[]',
    ];
    const database = newDatabase();
    const store = await stores.open(database);
    for (const swap of swaps) {
      await store.run(ROOT, 'network.make', putSettings(settingsRow()));
      await meddle(database, async (db) => {
        const { document: before } = await document(db, 'settings', 'network');
        const after = swap(before ?? '');
        expect(after).not.toBe(before);
        await db.updateTable('gscip_rows').set({ document: after }).where('key', '=', 'network').execute();
      });
      await expect(stores.open(database)).rejects.toMatchObject({ code: 'database-damaged' });
    }
  });
});
