import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as tlsConnect } from 'node:tls';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { decodeGreeting } from '../../../src/api/channel/frames.ts';
import { decodeJoinToken } from '../../../src/api/join-token.ts';
import { asFingerprint } from '../../../src/crypto/enrolment.ts';
import { nobleProvider } from '../../../src/crypto/noble-provider.ts';
import { CONNECTION_LIMITS } from '../../../src/http/connection-guard.ts';
import { type ServerOptions, startServer } from '../../../src/server/server.ts';
import { ServerProcess } from './server-process.ts';

const top = mkdtempSync(join(tmpdir(), 'gscip-server-'));
const running: ServerProcess[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.end('SIGKILL')));
});
afterAll(() => rmSync(top, { recursive: true }));

const newState = () => join(mkdtempSync(join(top, 's-')), 'state');
async function started(options: Partial<ServerOptions> = {}) {
  const server = await ServerProcess.start({ state: newState(), ...options });
  running.push(server);
  return server;
}
const openChannel = ({ port }: { readonly port: number }, path = '/node/1') =>
  new WebSocket(`wss://127.0.0.1:${port}${path}`, { rejectUnauthorized: false });

describe('a server', { timeout: 60_000 }, () => {
  it('is administered over its socket, and over TLS with an API key as the role of the key allows', async () => {
    const state = newState();
    const server = await started({ state });
    expect((await server.local('POST', '/api/1/users', { name: 'alice' })).status).toBe(200);
    expect((await server.local('POST', '/api/1/groups', { name: 'lab' })).status).toBe(200);
    const made = await server.local('POST', '/api/1/tokens', { user: 'alice', groups: ['lab'] });
    const token = decodeJoinToken(nobleProvider, String(made.body['token']));
    expect(token).toMatchObject({ id: made.body['id'], servers: [`127.0.0.1:${server.facts.port}`] });

    const keys = new Map<string, string>();
    for (const [role, groups] of [['owner'], ['auditor'], ['group-administrator', ['lab']]] as const) {
      const added = await server.local('POST', '/api/1/administrators', {
        name: role,
        role,
        ...(groups && { groups }),
      });
      keys.set(role, String(added.body['key']));
    }
    const status = async (role: string, method: string, path: string, body?: object) =>
      (await server.remote(method, `/api/1${path}`, keys.get(role), body)).status;
    expect(await status('owner', 'POST', '/users', { name: 'bob' })).toBe(200);
    expect(await status('auditor', 'POST', '/users', { name: 'carol' })).toBe(403);
    expect(await status('auditor', 'GET', '/audit')).toBe(200);
    expect(await status('group-administrator', 'POST', '/groups/lab/roll')).toBe(200);
    expect(await status('group-administrator', 'GET', '/audit')).toBe(403);
    expect(await status('nobody', 'GET', '/users')).toBe(401);
    expect((await server.remote('GET', '/api/1/users', 'gsa1.wrong')).status).toBe(401);
    expect((await server.remote('GET', '/metrics', keys.get('auditor'))).text).toMatch(/^gscip_server_requests_total/m);
    expect((await server.remote('GET', '/healthz')).body).toEqual({ ok: true });

    const log = server.log.join('\n');
    expect(log).toContain('"server-up"');
    for (const secret of [...keys.values(), String(made.body['token']).slice(5, 60)]) expect(log).not.toContain(secret);
    const closed = ['server.key', 'tls.key', 'tls.crt', 'admin.sock', 'server.db'].map((name) => join(state, name));
    expect(closed.map((path) => statSync(path).mode & 0o777)).toEqual(closed.map(() => 0o600));
  });

  it('greets a node on its channel with the key that tokens name, and says that it is going when it ends', async () => {
    const server = await started();
    await server.local('POST', '/api/1/users', { name: 'alice' });
    await server.local('POST', '/api/1/groups', { name: 'lab' });
    const made = await server.local('POST', '/api/1/tokens', { user: 'alice', groups: ['lab'] });
    const token = decodeJoinToken(nobleProvider, String(made.body['token']));
    const channel = openChannel(server.facts);
    const [first] = await once(channel, 'message');
    const greeting = decodeGreeting(new Uint8Array(first));
    if (typeof token === 'string' || typeof greeting === 'string') throw new Error('undecodable');
    expect(asFingerprint(nobleProvider, greeting.asKey)).toEqual(token.fingerprint);
    const closed = once(channel, 'close');
    expect(await server.end()).toBe(0);
    expect((await closed)[0]).toBe(1001);
    expect(server.log.at(-1)).toContain('"server-down"');
  });

  it('is the same after it ended, and after it was killed', async () => {
    const state = newState();
    let server = await started({ state });
    const { pin } = server.facts;
    await server.local('POST', '/api/1/users', { name: 'alice' });
    const added = await server.local('POST', '/api/1/administrators', { name: 'root', role: 'owner' });
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      await server.end(signal);
      server = await started({ state });
      expect([server.facts.pin, server.facts.isNew]).toEqual([pin, false]);
      const users = await server.remote('GET', '/api/1/users', String(added.body['key']));
      expect(users.body).toMatchObject({ users: [{ name: 'alice' }] });
    }
  });

  it('shows the key that its pin names', async () => {
    const { facts } = await started();
    const socket = tlsConnect({ host: '127.0.0.1', port: facts.port, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    const certificate = socket.getPeerX509Certificate();
    const spki = certificate?.publicKey.export({ type: 'spki', format: 'der' }) ?? '';
    expect(createHash('sha256').update(spki).digest('base64')).toBe(facts.pin);
    socket.destroy();
  });
});

describe('a connection', { timeout: 60_000 }, () => {
  it('beyond the bound of its source, or of all, is not taken', async () => {
    for (const limits of [{ unprovedPerSource: 3 }, { connections: 3 }]) {
      const { facts, ...server } = await started({ limits: { ...CONNECTION_LIMITS, ...limits } });
      const channels = [1, 2, 3].map(() => openChannel(facts));
      await Promise.all(channels.map((channel) => once(channel, 'message')));
      const refused = connect(facts.port, '127.0.0.1');
      await once(
        refused.resume().on('error', () => undefined),
        'close',
      );
      for (const channel of channels) channel.terminate();
      expect(server.child.exitCode).toBeNull();
    }
  });

  it('that says nothing, or its request a byte at a time, is ended', async () => {
    const { facts } = await started({ limits: { ...CONNECTION_LIMITS, opening: 300 } });
    const silent = connect(facts.port, '127.0.0.1');
    const slow = tlsConnect({ host: '127.0.0.1', port: facts.port, rejectUnauthorized: false });
    slow.on('secureConnect', () => slow.write('GET /healthz HTTP/1.1\r\nhost:'));
    for (const socket of [silent, slow])
      await once(
        socket.resume().on('error', () => undefined),
        'close',
      );
  });

  it('to another path, with text, or with a frame that is too long is ended; the server stays', async () => {
    const server = await started();
    const elsewhere = openChannel(server.facts, '/node/2');
    const [, response] = await once(
      elsewhere.on('error', () => undefined),
      'unexpected-response',
    );
    expect(response.statusCode).toBe(404);
    for (const [sent, code] of [
      ['text', 1003],
      [new Uint8Array(70_000), 1009],
    ] as const) {
      const channel = openChannel(server.facts);
      await once(channel, 'message');
      channel.send(sent);
      expect((await once(channel, 'close'))[0]).toBe(code);
    }
    expect((await server.remote('GET', '/healthz')).status).toBe(200);
  });
});

describe('a start that cannot succeed', { timeout: 60_000 }, () => {
  const log = { log: () => undefined };
  const start = (options: Partial<ServerOptions>) =>
    startServer({ state: newState(), listen: '127.0.0.1:0', release: '1', log, ...options });
  const refusal = async (options: Partial<ServerOptions>) => {
    try {
      await (await start(options)).close();
      return 'started';
    } catch (error) {
      return error instanceof Error && 'code' in error ? error.code : String(error);
    }
  };

  it('says why, by a code', async () => {
    const state = newState();
    const server = await start({ state });
    const { port } = server;
    const missing = join(top, 'none.pem');
    const rows: readonly (readonly [Partial<ServerOptions>, string])[] = [
      [{ state }, 'server-running'],
      [{ listen: `127.0.0.1:${port}` }, 'port-in-use'],
      [{ listen: '203.0.113.1:0' }, 'bad-listen'],
      [{ listen: 'somewhere' }, 'usage'],
      [{ tlsCert: missing }, 'usage'],
      [{ tlsCert: missing, tlsKey: missing }, 'bad-certificate'],
      [{ roles: 'as,gms,relay' }, 'role-not-built'],
      [{ roles: 'as' }, 'role-not-built'],
      [{ roles: 'king' }, 'usage'],
      [{ advertise: ['nowhere'] }, 'usage'],
      [{ network: { network: 'home', pool: '1.2.3.4' } }, 'usage'],
    ];
    for (const [options, code] of rows) expect([options, await refusal(options)]).toEqual([options, code]);
    await server.close();
    expect(await refusal({ state })).toBe('started');
  });

  it('leaves nothing behind that would hinder the next', async () => {
    const state = newState();
    expect(await refusal({ state, listen: '203.0.113.1:0' })).toBe('bad-listen');
    expect(existsSync(join(state, 'admin.sock'))).toBe(false);
    expect(await refusal({ state })).toBe('started');
  });

  it('is that of another key file, or of a folder that others may enter', async () => {
    const state = newState();
    await refusal({ state });
    const keyFile = join(top, 'other.key');
    writeFileSync(keyFile, `${'ab'.repeat(32)}\n`, { mode: 0o600 });
    expect(await refusal({ state, keyFile })).toBe('server-key-wrong');
    chmodSync(state, 0o755);
    expect(await refusal({ state })).toBe('folder-open');
  });
});
