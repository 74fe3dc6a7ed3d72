import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { decodeJoinToken, type JoinToken } from '../../../src/api/join-token.ts';
import { nobleProvider } from '../../../src/crypto/noble-provider.ts';
import { TestPostgres } from '../store/postgres.ts';
import { ServerProcess } from './server-process.ts';
import { TestNode } from './test-node.ts';

const top = mkdtempSync(join(tmpdir(), 'gscip-processes-'));
let postgres: TestPostgres;
beforeAll(() => {
  postgres = new TestPostgres();
});
afterAll(() => {
  postgres.remove();
  rmSync(top, { recursive: true });
});
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function server(name: string, database: string, keyFile: string): Promise<ServerProcess> {
  const made = await ServerProcess.start({ state: join(mkdtempSync(join(top, 's-')), name), database, keyFile });
  ends.push(() => made.end('SIGKILL'));
  return made;
}

async function joined({ facts }: ServerProcess, token: JoinToken, name: string, endpoint: string): Promise<TestNode> {
  const node = new TestNode(facts.port, name, [endpoint]);
  ends.unshift(() => node.end());
  expect(await node.join(token)).toBe(name);
  node.connect();
  await node.message('standing');
  return node;
}

/** Settles when the node was told that somebody is there. */
async function toldOf(node: TestNode, endpoint: string): Promise<void> {
  for (;;) {
    const { peers } = await node.message('directory');
    if (peers.some(({ endpoints }) => endpoints.some((each) => each === endpoint))) return;
  }
}

describe('two server processes of one network', { timeout: 60_000 }, () => {
  it('serve it together: changes, keys and whereabouts at one reach nodes at the other, and either may die', async () => {
    const database = postgres.newDatabase();
    const keyFile = join(top, 'shared.key');
    const [first, second] = [await server('one', database, keyFile), await server('two', database, keyFile)];
    expect([first.facts.isNew, second.facts.isNew]).toEqual([true, false]);
    await first.local('POST', '/api/1/users', { name: 'alice' });
    await second.local('POST', '/api/1/groups', { name: 'lab' });
    const made = await first.local('POST', '/api/1/tokens', { user: 'alice', groups: ['lab'], uses: 2 });
    const token = decodeJoinToken(nobleProvider, String(made.body['token']));
    if (typeof token === 'string') throw new Error(token);

    const one = await joined(first, token, 'one', '192.0.2.1:47247');
    const two = await joined(second, token, 'two', '192.0.2.2:47247');
    await Promise.all([toldOf(one, '192.0.2.2:47247'), toldOf(two, '192.0.2.1:47247')]);
    await second.local('POST', '/api/1/groups/lab/roll');
    await Promise.all([one.message('update'), two.message('update')]);

    await second.end('SIGKILL');
    expect((await first.local('POST', '/api/1/groups/lab/roll')).status).toBe(200);
    await one.message('update');
    const third = await server('three', database, keyFile);
    expect((await third.local('GET', '/api/1/status')).body).toMatchObject({
      database: 'postgresql',
      nodes: { active: 2 },
    });
  });
});
