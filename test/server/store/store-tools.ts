import { afterAll, afterEach, beforeAll } from 'vitest';
import { removeTestFolders, Stores } from './ground.ts';
import { TestPostgres } from './postgres.ts';

/** Stores and a PostgreSQL for the tests of a file; everything is gone at its end. */
export function storeTools(): { readonly stores: Stores; readonly postgres: () => TestPostgres } {
  const stores = new Stores();
  let running: TestPostgres | undefined;
  beforeAll(() => {
    running = new TestPostgres();
  });
  afterEach(() => stores.closeAll());
  afterAll(() => {
    running?.remove();
    removeTestFolders();
  });
  const postgres = () => {
    if (running === undefined) throw new Error('before the first test');
    return running;
  };
  return { stores, postgres };
}
