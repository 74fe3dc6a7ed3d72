import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GscipError } from '../../../src/base/errors.ts';
import { ROUTES } from '../../../src/server/http/route-table.ts';
import { makeGround } from './ground.ts';

const LOCAL = { 'x-local': 'yes' };
const JSON_TYPE = { 'content-type': 'application/json' };

describe('a request that is not valid', () => {
  const rows: readonly (readonly [what: string, method: 'GET' | 'POST', url: string, body: string, status: number])[] =
    [
      ['a body that is no JSON', 'POST', '/users', '{', 400],
      ['a body of another kind', 'POST', '/users', '[]', 400],
      ['a body that is null', 'POST', '/users', 'null', 400],
      ['a field that nobody knows', 'POST', '/users', '{"name":"a","admin":true}', 400],
      ['a field that is missing', 'POST', '/users', '{}', 400],
      ['a field of another kind', 'POST', '/users', '{"name":{"a":1}}', 400],
      ['a prototype for a field', 'POST', '/users', '{"name":"a","__proto__":{"x":1}}', 400],
      ['a name that is too long', 'POST', '/users', JSON.stringify({ name: 'x'.repeat(300) }), 400],
      ['too many names', 'POST', '/tokens', JSON.stringify({ user: 'a', groups: Array(300).fill('b') }), 400],
      ['a number out of range', 'POST', '/groups/a/roll', '{"in":1e300}', 400],
      ['a body that is too long', 'POST', '/users', JSON.stringify({ name: 'x'.repeat(70_000) }), 413],
      ['a query that is no number', 'GET', '/audit?after=x', '', 400],
      ['a query that nobody knows', 'GET', '/audit?from=1', '', 400],
      ['a path that is no UTF-8', 'GET', '/nodes/%E0%A4%A', '', 400],
      ['a path that nobody knows', 'GET', '/nothing', '', 404],
      ['a path that is too long', 'GET', `/nodes/${'x'.repeat(3_000)}`, '', 414],
    ];
  it.each(rows)('with %s is refused', async (_what, method, path, body, status) => {
    const { app, store } = await makeGround();
    const before = store.state.revision;
    const headers = { ...LOCAL, ...(method === 'POST' && JSON_TYPE) };
    const answer = await app.inject({ method, url: `/api/1${path}`, headers, ...(body !== '' && { payload: body }) });
    expect(answer.statusCode).toBe(status);
    expect(answer.json()).toEqual({
      error: { code: expect.any(String), text: expect.any(String), remedy: expect.any(String) },
    });
    expect(store.state.revision).toBe(before);
  });

  it('of another content type is refused', async () => {
    const { app } = await makeGround();
    const headers = { ...LOCAL, 'content-type': 'application/x-www-form-urlencoded' };
    expect((await app.inject({ method: 'POST', url: '/api/1/users', headers, payload: 'name=a' })).statusCode).toBe(
      415,
    );
  });

  it('is never a fault of ours, whatever is in it', { timeout: 60_000 }, async () => {
    const { app, lines } = await makeGround();
    const text = fc.string({ maxLength: 40, unit: 'binary' });
    const value = fc.jsonValue({ maxDepth: 2 });
    const fields = ['name', 'user', 'groups', 'roll', 'in', 'node', 'role', 'uses', 'ttl', 'routes', 'servers', 'file'];
    const body = fc.oneof(value, fc.dictionary(fc.constantFrom(...fields), fc.oneof(value, text), { maxKeys: 5 }));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...ROUTES), text, text, body, async (route, part, query, payload) => {
        const path = route.path.replace(/:\w+/g, encodeURIComponent(part.toWellFormed()));
        const url = `/api/1${path}?after=${encodeURIComponent(query.toWellFormed())}`;
        const sent = route.method === 'GET' ? {} : { payload: JSON.stringify(payload) };
        const { statusCode, body: text } = await app.inject({
          method: route.method,
          url,
          headers: { ...LOCAL, ...JSON_TYPE },
          ...sent,
        });
        expect(statusCode).toBeLessThan(500);
        expect(() => JSON.parse(text)).not.toThrow();
      }),
      { numRuns: 300 },
    );
    expect(lines.filter(({ event }) => event === 'request-failed')).toEqual([]);
  });
});

describe('a fault', () => {
  it('is told without a stack, and written to the log with one', async () => {
    const { app, store, lines } = await makeGround();
    const audit = () => Promise.reject(new TypeError('secret words'));
    Object.assign(store, { audit });
    const answer = await app.inject({ url: '/api/1/audit', headers: LOCAL });
    expect(answer.statusCode).toBe(500);
    expect(answer.json().error.code).toBe('internal');
    expect(answer.body).not.toMatch(/secret words|\.ts:|at /);
    expect(lines).toEqual([
      {
        event: 'request-failed',
        fields: { method: 'GET', route: '/api/1/audit', text: expect.stringContaining('words') },
      },
    ]);
  });

  it('of the database makes the server unavailable, and not healthy', async () => {
    const { app, store } = await makeGround();
    store.fail(new GscipError('database-gone', 'the database does not answer', 'Wait.'));
    const payload = { name: 'a' };
    const answer = await app.inject({ method: 'POST', url: '/api/1/users', headers: LOCAL, payload });
    expect([answer.statusCode, answer.json().error.code]).toEqual([503, 'database-gone']);
    expect((await app.inject({ url: '/healthz' })).statusCode).toBe(503);
  });
});

describe('an API key', () => {
  const guess = (app: Awaited<ReturnType<typeof makeGround>>['app'], key: string, remoteAddress = '192.0.2.1') =>
    app.inject({ url: '/api/1/status', remoteAddress, headers: { authorization: `Bearer ${key}` } });

  it('that is wrong ten times makes its source wait; others do not wait', async () => {
    const { app, lines, pass } = await makeGround();
    for (let i = 0; i < 10; i++) expect((await guess(app, `gsa1.${i}`)).statusCode).toBe(401);
    const waiting = await guess(app, 'gsa1.x');
    expect([waiting.statusCode, waiting.json().error.code]).toEqual([429, 'too-many-failures']);
    expect((await guess(app, 'gsa1.x', '192.0.2.2')).statusCode).toBe(401);
    pass(6_000);
    expect((await guess(app, 'gsa1.x')).statusCode).toBe(401);
    expect((await guess(app, 'gsa1.x')).statusCode).toBe(429);
    expect(lines.filter(({ event }) => event === 'login-failed')).toHaveLength(12);
  });

  it('that is right is not found by its beginning, its hash, or in another case', async () => {
    const { app } = await makeGround();
    const payload = { name: 'root', role: 'owner' };
    const made = await app.inject({ method: 'POST', url: '/api/1/administrators', headers: LOCAL, payload });
    const { key } = made.json();
    expect((await guess(app, key)).statusCode).toBe(200);
    for (const wrong of [key.slice(0, -1), key.toUpperCase(), `${key}0`]) {
      expect((await guess(app, wrong, '192.0.2.9')).statusCode).toBe(401);
    }
  });
});
