import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AdminClient } from '../../../src/cli/admin/admin-client.ts';
import { firstUser, found } from '../../../src/cli/up/first-machine.ts';
import { FakeServer } from '../admin/fake-server.ts';

let server: FakeServer;
beforeEach(async () => {
  server = await FakeServer.start();
});
afterEach(() => server.close());

const made = (paths: readonly string[]) => paths.filter((path) => path.startsWith('POST'));

describe('the first machine of a network', () => {
  const TOKEN = { token: 'gsj1.x@127.0.0.1:9', id: '', expiresAt: 0, servers: [] };

  it('makes a user, a group, a token over the loopback device for itself, and one for others', async () => {
    server.answer = { network: 'home', users: [], groups: [], ...TOKEN };
    expect(await found(new AdminClient(server.socket), 'home', 9)).toMatchObject({ group: 'home', own: TOKEN.token });
    const tokens = server.asked.filter(({ path }) => path.endsWith('/tokens')).map(({ body }) => body);
    expect(tokens).toMatchObject([
      { groups: ['home'], servers: ['127.0.0.1:9'] },
      { groups: ['home'], uses: 5 },
    ]);
    expect(tokens[1]).not.toHaveProperty('servers');
  });

  it('makes no user and no group twice, so that a start that failed half-way can be repeated', async () => {
    const user = firstUser(process.env);
    server.answer = { network: 'home', users: [{ name: user }], groups: [{ name: 'home' }], ...TOKEN };
    await found(new AdminClient(server.socket), 'home', 9);
    expect(made(server.asked.map(({ method, path }) => `${method} ${path}`))).toEqual([
      'POST /api/1/tokens',
      'POST /api/1/tokens',
    ]);
  });

  it('begins no second network on a server that has one', async () => {
    server.answer = { network: 'office' };
    const second = found(new AdminClient(server.socket), 'home', 9);
    await expect(second).rejects.toMatchObject({ code: 'network-exists', remedy: expect.stringContaining('office') });
    expect(server.asked.every(({ method }) => method === 'GET')).toBe(true);
  });

  it.each([
    [{ SUDO_USER: 'alice' }, 'alice'],
    [{ SUDO_USER: 'root' }, 'admin'],
    [{ SUDO_USER: 'a b' }, 'admin'],
    [{}, 'admin'],
  ])('calls its user after who ran sudo: %j is %s', (env, name) => {
    expect(firstUser(env)).toBe(name);
  });
});
