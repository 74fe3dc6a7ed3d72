import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { decodeJoinToken, type JoinToken } from '../../../src/api/join-token.ts';
import { nobleProvider } from '../../../src/crypto/noble-provider.ts';
import { CONNECTION_LIMITS } from '../../../src/http/connection-guard.ts';
import { ServerProcess } from './server-process.ts';
import { TestNode } from './test-node.ts';

const top = mkdtempSync(join(tmpdir(), 'gscip-nodes-'));
afterAll(() => rmSync(top, { recursive: true }));
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

/** A server with the group lab, and a token for it. */
async function ground(uses: number) {
  const state = join(mkdtempSync(join(top, 's-')), 'state');
  const server = await ServerProcess.start({ state, limits: { ...CONNECTION_LIMITS, unprovedPerSource: 4 } });
  ends.push(() => server.end('SIGKILL'));
  await server.local('POST', '/api/1/users', { name: 'alice' });
  await server.local('POST', '/api/1/groups', { name: 'lab' });
  const made = await server.local('POST', '/api/1/tokens', { user: 'alice', groups: ['lab'], uses });
  const token = decodeJoinToken(nobleProvider, String(made.body['token']));
  if (typeof token === 'string') throw new Error(token);
  return { server, token };
}

async function joined(server: ServerProcess, token: JoinToken, name: string): Promise<TestNode> {
  const node = new TestNode(server.facts.port, name);
  ends.unshift(() => node.end());
  expect(await node.join(token)).toBe(name);
  node.connect();
  expect(await node.message('standing')).toMatchObject({ state: 'active' });
  return node;
}

describe('nodes at a server', { timeout: 60_000 }, () => {
  it('join, are given keys, are told of a roll at once, and go when they are removed', async () => {
    const { server, token } = await ground(2);
    const [one, two] = [await joined(server, token, 'one'), await joined(server, token, 'two')];
    for (const node of [one, two]) expect((await node.message('update')).bundle.length).toBeGreaterThan(500);
    expect(await new TestNode(server.facts.port, 'three').join(token)).toBe('token-used-up');

    const { body } = await server.local('GET', '/api/1/nodes');
    expect(body['nodes']).toMatchObject([
      { name: 'one', standing: 'active', connected: true, groups: ['lab'] },
      { name: 'two', standing: 'active', connected: true, groups: ['lab'] },
    ]);
    expect((await server.local('POST', '/api/1/groups/lab/roll')).status).toBe(200);
    await Promise.all([one.message('update'), two.message('update')]);

    expect((await server.local('DELETE', '/api/1/nodes/two')).status).toBe(200);
    await two.message('removed');
    expect(await two.closed()).toBe(1001);
    await one.message('update');
    expect((await server.local('GET', '/api/1/status')).body).toMatchObject({ nodes: { active: 1, connected: 1 } });
    expect((await server.local('GET', '/api/1/audit/verify')).body).toMatchObject({ intact: true });
  });

  it('do not count against the bound of their source once they have proved who they are', async () => {
    const { server, token } = await ground(6);
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) await joined(server, token, name);
    expect((await server.local('GET', '/api/1/status')).body).toMatchObject({ nodes: { connected: 6 } });
  });

  it('find their session again after the server was killed', async () => {
    const { server, token } = await ground(1);
    const node = await joined(server, token, 'one');
    const { port } = server.facts;
    await server.end('SIGKILL');
    const state = server.facts.socket.replace('/admin.sock', '');
    const again = await ServerProcess.start({ state, listen: `127.0.0.1:${port}` });
    ends.push(() => again.end('SIGKILL'));
    node.connect();
    expect(await node.message('standing')).toMatchObject({ state: 'active' });
    expect((await node.message('update')).bundle.length).toBeGreaterThan(500);
  });
});
