import { afterEach, describe, expect, it, vi } from 'vitest';
import { addUser, ROOT } from './ground.ts';
import { storeTools } from './store-tools.ts';

const { stores, postgres } = storeTools();
afterEach(() => void vi.useRealTimers());

describe('processes over one PostgreSQL', () => {
  it('hear of a change by its notification, before any looks by itself', async () => {
    vi.useFakeTimers({ toFake: ['setInterval'] });
    const database = postgres().newDatabase();
    const [one, two] = [await stores.open(database), await stores.open(database)];
    for (const name of ['anna', 'berta', 'cora']) {
      const heard = new Promise<readonly string[]>((resolve) => {
        const end = two.onChanges((changes) => {
          end();
          resolve(changes.map(({ key }) => key));
        });
      });
      await one.run(ROOT, 'user.add', addUser(name));
      expect(await heard).toEqual([name]);
    }
  });

  it('are not told of commands that changed nothing', async () => {
    vi.useFakeTimers({ toFake: ['setInterval'] });
    const database = postgres().newDatabase();
    const [one, two] = [await stores.open(database), await stores.open(database)];
    const told: number[] = [];
    two.onChanges((_changes, revision) => told.push(revision));
    await one.run(ROOT, 'look', () => undefined);
    await two.run(ROOT, 'look', () => undefined);
    await two.run(ROOT, 'user.add', addUser('anna'));
    expect(told).toEqual([1]);
  });
});
