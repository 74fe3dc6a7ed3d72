import type { CryptoProvider } from '../../crypto/provider.ts';
import type { Database } from './database.ts';
import { firstHead } from './head.ts';
import { NetworkStore } from './network-store.ts';
import { databaseOf } from './open-database.ts';
import { Sealer } from './sealer.ts';
import type { Store, StoreOptions } from './store.ts';

/** Opens the store of a network, and makes or migrates its tables first. An empty one has revision 0 and no rows. */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { provider, sealKey } = options;
  const sealer = new Sealer(provider, (length) => options.random(length), sealKey);
  const database = databaseOf(options.database);
  const store = new NetworkStore(database, sealer, options);
  try {
    await database.migrate();
    await makeHead(database, provider, sealer);
    await store.open();
    return store;
  } catch (cause) {
    await store.close().catch(() => undefined);
    throw cause;
  }
}

async function makeHead(database: Database, provider: CryptoProvider, sealer: Sealer): Promise<void> {
  const head = firstHead(provider, sealer);
  await database.write((sql) =>
    sql
      .insertInto('gscip_head')
      .values(head)
      .onConflict((conflict) => conflict.column('id').doNothing())
      .execute(),
  );
}
