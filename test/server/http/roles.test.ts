import type { HTTPMethods } from 'fastify';
import { beforeEach, describe, expect, it } from 'vitest';
import type { NewTokenAnswer } from '../../../src/api/admin/nodes.ts';
import { ROUTES } from '../../../src/server/http/route-table.ts';
import { addAdministrator } from '../../../src/server/network/commands/administrators.ts';
import { addGroup } from '../../../src/server/network/commands/groups.ts';
import { addRelay } from '../../../src/server/network/commands/relays.ts';
import { createToken } from '../../../src/server/network/commands/tokens.ts';
import { addUser } from '../../../src/server/network/commands/users.ts';
import { makeGround } from './ground.ts';
import { nodeRow } from './node-row.ts';

type Who = 'local' | 'owner' | 'admin of lab' | 'auditor' | 'stranger';

const SERVER = { kind: 'server', name: '' } as const;

/** A network with the groups lab and ops, a pending node in each, a token for each, and an administrator of each role. */
async function makeNetwork() {
  const ground = await makeGround();
  const { store, tools } = ground;
  const token = { lab: '', ops: '' };
  const keys = store.runNow(SERVER, 'prepare', (draft) => {
    addUser(tools, draft, 'alice');
    addUser(tools, draft, 'bob');
    addRelay(tools, draft, 'oslo');
    for (const group of ['lab', 'ops'] as const) {
      const { id } = addGroup(tools, draft, { name: group });
      token[group] = createToken(tools, draft, { user: 'alice', groups: [group] }, 'test').id;
      const row = nodeRow(`${group}-1`, [id]);
      draft.put({ table: 'nodes', key: row.id, row });
    }
    const roles = { owner: 'owner', auditor: 'auditor', 'admin of lab': 'group-administrator' } as const;
    const add = (who: keyof typeof roles) => {
      const role = roles[who];
      const groups = role === 'group-administrator' ? ['lab'] : [];
      return addAdministrator(tools, draft, { name: role, role, groups }).key;
    };
    return { owner: add('owner'), auditor: add('auditor'), 'admin of lab': add('admin of lab') };
  });
  const ask = async (who: Who, [method, path, body]: Request) => {
    const headers =
      who === 'local' ? { 'x-local': 'yes' } : who === 'stranger' ? {} : { authorization: `Bearer ${keys[who]}` };
    const url = `/api/1${path.replace('LAB-TOKEN', token.lab).replace('OPS-TOKEN', token.ops)}`;
    return ground.app.inject({ method, url, headers, ...(body !== undefined && { payload: body }) });
  };
  return { ...ground, ask, keys };
}

type Request = readonly [
  method: HTTPMethods & ('GET' | 'POST' | 'PATCH' | 'DELETE'),
  path: string,
  body?: object | undefined,
];
type Statuses = readonly [local: number, owner: number, adminOfLab: number, auditor: number];

/** Every route, and where it matters once for a group that the group administrator owns and once for another. */
const TABLE: readonly (readonly [...Required<Request>, Statuses])[] = [
  ['GET', '/users', {}, [200, 200, 200, 200]],
  ['POST', '/users', { name: 'carol' }, [200, 200, 403, 403]],
  ['DELETE', '/users/bob', {}, [200, 200, 403, 403]],
  ['GET', '/administrators', {}, [200, 200, 403, 200]],
  ['POST', '/administrators', { name: 'eve', role: 'owner' }, [200, 200, 403, 403]],
  ['DELETE', '/administrators/auditor', {}, [200, 200, 403, 403]],
  ['GET', '/groups', {}, [200, 200, 200, 200]],
  ['POST', '/groups', { name: 'new' }, [200, 200, 403, 403]],
  ['PATCH', '/groups/lab', { push: 'always-on' }, [200, 200, 200, 403]],
  ['PATCH', '/groups/ops', { push: 'always-on' }, [200, 200, 403, 403]],
  ['PATCH', '/groups/none', { push: 'always-on' }, [404, 404, 403, 403]],
  ['DELETE', '/groups/lab', {}, [200, 200, 403, 403]],
  ['POST', '/groups/lab/roll', {}, [200, 200, 200, 403]],
  ['POST', '/groups/ops/roll', { in: 60 }, [200, 200, 403, 403]],
  ['POST', '/groups/lab/nodes', { node: 'ops-1' }, [200, 200, 403, 403]],
  ['DELETE', '/groups/lab/nodes/lab-1', {}, [200, 200, 200, 403]],
  ['DELETE', '/groups/ops/nodes/ops-1', {}, [200, 200, 403, 403]],
  ['GET', '/tokens', {}, [200, 200, 200, 200]],
  ['POST', '/tokens', { user: 'alice', groups: ['lab'] }, [200, 200, 200, 403]],
  ['POST', '/tokens', { user: 'alice', groups: ['lab', 'ops'] }, [200, 200, 403, 403]],
  ['POST', '/tokens', { user: 'alice', groups: ['lab'], replaces: 'ops-1' }, [200, 200, 403, 403]],
  ['DELETE', '/tokens/LAB-TOKEN', {}, [200, 200, 200, 403]],
  ['DELETE', '/tokens/OPS-TOKEN', {}, [200, 200, 403, 403]],
  ['GET', '/nodes', {}, [200, 200, 200, 200]],
  ['GET', '/nodes/lab-1', {}, [200, 200, 200, 200]],
  ['GET', '/nodes/ops-1', {}, [200, 200, 404, 200]],
  ['POST', '/nodes/lab-1/approve', {}, [200, 200, 200, 403]],
  ['POST', '/nodes/ops-1/approve', {}, [200, 200, 403, 403]],
  ['PATCH', '/nodes/lab-1', { name: 'lab-2' }, [200, 200, 403, 403]],
  ['DELETE', '/nodes/lab-1', {}, [200, 200, 403, 403]],
  ['GET', '/relays', {}, [200, 200, 200, 200]],
  ['POST', '/relays', { name: 'paris' }, [200, 200, 403, 403]],
  ['DELETE', '/relays/oslo', {}, [200, 200, 403, 403]],
  ['GET', '/keys', {}, [200, 200, 200, 200]],
  ['GET', '/status', {}, [200, 200, 200, 200]],
  ['GET', '/audit', {}, [200, 200, 403, 200]],
  ['GET', '/audit/verify', {}, [200, 200, 403, 200]],
  ['POST', '/backup', {}, [200, 200, 403, 403]],
];
const WHO = ['local', 'owner', 'admin of lab', 'auditor'] as const;

describe('roles', () => {
  it('are tested for every route', () => {
    const isCovered = (route: (typeof ROUTES)[number]) => {
      const form = new RegExp(`^${route.path.replace(/:\w+/g, '[^/]+')}$`);
      return TABLE.some(([method, path]) => method === route.method && form.test(path));
    };
    expect(ROUTES.filter((route) => !isCovered(route)).map(({ id }) => id)).toEqual([]);
  });

  describe.each(WHO.map((who, column) => [who, column] as const))('%s', (who, column) => {
    it.each(
      TABLE.map(([method, path, body, statuses]) => [method, path, body ?? {}, statuses[column]] as const),
    )('%s %s %j: %i', async (method, path, body, expected) => {
      const { ask } = await makeNetwork();
      const { statusCode, json } = await ask(who, [method, path, method === 'GET' ? undefined : body]);
      expect([statusCode, statusCode === 403 ? json().error.code : '']).toEqual([
        expected,
        expected === 403 ? 'not-allowed' : '',
      ]);
    });
  });

  it('let a stranger do nothing at all', async () => {
    const { ask } = await makeNetwork();
    for (const [method, path, body] of TABLE) {
      const { statusCode, json } = await ask('stranger', [method, path, method === 'GET' ? undefined : body]);
      expect([path, statusCode, json().error.code]).toEqual([path, 401, 'no-api-key']);
    }
  });
});

describe('a group administrator', () => {
  let network: Awaited<ReturnType<typeof makeNetwork>>;
  beforeEach(async () => {
    network = await makeNetwork();
  });
  const shown = async (path: string) => (await network.ask('admin of lab', ['GET', path])).json();

  it('sees own groups, nodes, tokens and keys only', async () => {
    const names = (rows: readonly { name: string }[]) => rows.map(({ name }) => name);
    expect(names((await shown('/groups')).groups)).toEqual(['lab']);
    expect(names((await shown('/nodes')).nodes)).toEqual(['lab-1']);
    expect((await shown('/tokens')).tokens.map((each: { groups: unknown }) => each.groups)).toEqual([['lab']]);
    expect((await shown('/keys')).groups.map((each: { group: unknown }) => each.group)).toEqual(['lab']);
  });

  it('is not helped to names of others by an error', async () => {
    const { error } = await shown('/nodes/ops-2');
    expect(JSON.stringify(error)).not.toContain('ops-1');
  });

  it('may do nothing any more once removed, though the key was shown before', async () => {
    await network.ask('owner', ['DELETE', '/administrators/group-administrator']);
    expect((await network.ask('admin of lab', ['GET', '/groups'])).statusCode).toBe(401);
  });
});

describe('a refusal', () => {
  it('changes nothing and is written into the audit log with who, what and why', async () => {
    const { ask, store } = await makeNetwork();
    const before = store.state.revision;
    await ask('auditor', ['DELETE', '/nodes/lab-1']);
    const [entry] = await store.audit({ last: 1 });
    expect(store.state.revision).toBe(before);
    expect(entry).toMatchObject({
      actor: { kind: 'administrator', name: 'auditor' },
      action: 'remove-node',
      outcome: 'refused',
      code: 'not-allowed',
      detail: { name: 'lab-1' },
    });
  });
});

describe('secrets', () => {
  it('are in no answer but the one that makes them, and in neither the audit log nor the log', async () => {
    const { ask, store, keys, lines } = await makeNetwork();
    const made: NewTokenAnswer = (await ask('local', ['POST', '/tokens', { user: 'alice', groups: ['lab'] }])).json();
    const row = store.state.tables.tokens.get(made.id);
    const hex = Buffer.from(row?.secret ?? []).toString('hex');
    const key: string = (await ask('local', ['POST', '/administrators', { name: 'x', role: 'owner' }])).json().key;
    const reads = TABLE.filter(([method]) => method === 'GET');
    const answers = await Promise.all(reads.map(async ([, path]) => (await ask('local', ['GET', path])).body));
    const audit = JSON.stringify(await store.audit({ last: 1_000 }));
    const all = [...answers, audit, JSON.stringify(lines)].join('\n');
    expect(hex).toMatch(/^[0-9a-f]{64}$/);
    for (const secret of [made.token, made.token.slice(30, 80), hex, key, keys.owner])
      expect(all).not.toContain(secret);
  });
});
