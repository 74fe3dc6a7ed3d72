import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AdminClient } from '../../../src/cli/admin/admin-client.ts';
import { json, run } from '../cli-run.ts';
import { FakeServer } from './fake-server.ts';

let server: FakeServer;
beforeEach(async () => {
  server = await FakeServer.start();
});
afterEach(() => server.close());

const GROUP = {
  id: 'a'.repeat(32),
  name: 'lab',
  retain: 'migrate',
  push: 'all',
  roll: '03:00',
  nextRoll: Date.now() / 1000 + 7_300,
  version: 7,
  newest: 7,
  nodes: ['desk', 'laptop'],
  createdAt: 1,
};
const NODE = {
  id: 'b'.repeat(32),
  name: 'laptop',
  user: 'alice',
  type: 'ges',
  mode: 'op',
  standing: 'active',
  addresses: ['100.64.0.7', 'fd00::7'],
  routes: [],
  groups: ['lab'],
  ephemeral: false,
  token: '0123456789abcdef',
  certificateEnds: 4_000_000_000,
  addedAt: 1_700_000_000,
  lastSeen: 0,
  removedAt: null,
  connected: true,
};
const TOKEN = {
  id: '0123456789abcdef',
  token: 'gsj1.secret@192.0.2.1:47247',
  expiresAt: Date.now() / 1000 + 3_600,
  servers: ['192.0.2.1:47247'],
};
const DONE = { done: true };

describe('gscip admin asks the server', () => {
  const api = (path: string) => `/api/1${path}`;
  it.each([
    ['user add alice', 'POST', '/users', { name: 'alice' }, { name: 'alice', nodes: 0, createdAt: 1 }],
    ['user list', 'GET', '/users', undefined, { users: [] }],
    ['user remove alice', 'DELETE', '/users/alice', undefined, DONE],
    ['group add lab', 'POST', '/groups', { name: 'lab' }, GROUP],
    [
      'group add lab --roll 04:30 --retain flow --push always-on',
      'POST',
      '/groups',
      { name: 'lab', roll: '04:30', retain: 'flow', push: 'always-on' },
      GROUP,
    ],
    ['group set lab --roll never --name two', 'PATCH', '/groups/lab', { roll: '', name: 'two' }, GROUP],
    ['group roll lab', 'POST', '/groups/lab/roll', {}, { group: 'lab', version: 8, activateAt: 1 }],
    ['group roll lab --in 2h', 'POST', '/groups/lab/roll', { in: 7_200 }, { group: 'lab', version: 8, activateAt: 1 }],
    ['group admit lab laptop', 'POST', '/groups/lab/nodes', { node: 'laptop' }, GROUP],
    ['group expel a/b laptop', 'DELETE', '/groups/a%2Fb/nodes/laptop', undefined, DONE],
    ['group remove lab --yes', 'DELETE', '/groups/lab', undefined, DONE],
    ['token create --user alice --groups lab', 'POST', '/tokens', { user: 'alice', groups: ['lab'] }, TOKEN],
    [
      'token create --user alice --groups a,b --type gen --mode cl --routes 10.1.0.0/16,10.2.0.0/16 --uses 3 --ttl 1h --approval --ephemeral --replaces laptop --servers net.example:443',
      'POST',
      '/tokens',
      {
        user: 'alice',
        groups: ['a', 'b'],
        type: 'gen',
        mode: 'cl',
        routes: ['10.1.0.0/16', '10.2.0.0/16'],
        uses: 3,
        ttl: 3_600,
        approval: true,
        ephemeral: true,
        replaces: 'laptop',
        servers: ['net.example:443'],
      },
      TOKEN,
    ],
    ['token list', 'GET', '/tokens', undefined, { tokens: [] }],
    ['token revoke 0123456789abcdef', 'DELETE', '/tokens/0123456789abcdef', undefined, DONE],
    ['node show laptop', 'GET', '/nodes/laptop', undefined, NODE],
    ['node approve laptop', 'POST', '/nodes/laptop/approve', {}, NODE],
    [
      'node set laptop --name desk --mode cl --groups a,b --routes 10.1.0.0/16 --yes',
      'PATCH',
      '/nodes/laptop',
      { name: 'desk', mode: 'cl', groups: ['a', 'b'], routes: ['10.1.0.0/16'] },
      NODE,
    ],
    ['node remove laptop', 'DELETE', '/nodes/laptop', undefined, DONE],
    ['key list', 'GET', '/keys', undefined, { groups: [] }],
    ['audit list', 'GET', '/audit?last=100', undefined, { entries: [] }],
    ['audit list --after 5 --limit 2', 'GET', '/audit?after=5&limit=2', undefined, { entries: [] }],
    ['backup create /tmp/a', 'POST', '/backup', { file: '/tmp/a' }, { file: '/tmp/a', bytes: 5, note: '' }],
    ['backup create', 'POST', '/backup', {}, { file: '/tmp/a', bytes: 5, note: '' }],
    ['administrator list', 'GET', '/administrators', undefined, { administrators: [] }],
    [
      'administrator add bob --role group-administrator --groups lab',
      'POST',
      '/administrators',
      { name: 'bob', role: 'group-administrator', groups: ['lab'] },
      { name: 'bob', role: 'group-administrator', groups: ['lab'], createdAt: 1, key: 'k' },
    ],
    ['administrator remove bob', 'DELETE', '/administrators/bob', undefined, DONE],
  ])('%s', async (line, method, path, body, answer) => {
    const result = await server.admin(answer, ...line.split(' '));
    expect(result).toMatchObject({ status: 0, stderr: '' });
    expect(server.asked).toEqual([{ method, path: api(path), body }]);
    const programs = await server.admin(answer, ...line.split(' '), '--json');
    expect(json(programs)).toMatchObject({ schema: 1, ...answer });
    expect(programs.stdout.trim().split('\n')).toHaveLength(1);
  });
});

/** Runs the words as if somebody sat at a terminal, who answers each question with `typed`. */
async function atTerminal(typed: string, words: readonly string[]) {
  const { stdin } = process;
  const input = Object.assign(new PassThrough(), { isTTY: true });
  input.write(`${typed}\n`);
  Object.defineProperty(process, 'stdin', { value: input, configurable: true });
  const wasTerminal = process.stderr.isTTY;
  process.stderr.isTTY = true;
  try {
    return await server.admin(DONE, ...words);
  } finally {
    Object.defineProperty(process, 'stdin', { value: stdin, configurable: true });
    process.stderr.isTTY = wasTerminal;
  }
}

describe('what would cut more off than it names', () => {
  const empty = ['node', 'set', 'laptop', '--groups', ''];
  const removal = ['group', 'remove', 'lab'];
  const changes = () => server.asked.filter(({ method }) => method !== 'GET').map(({ method }) => method);

  beforeEach(() => {
    server.answers.set('GET /nodes/laptop', { ...NODE, groups: ['lab', 'home'] });
    server.answers.set('GET /groups', { groups: [GROUP, { ...GROUP, name: 'empty', nodes: [] }] });
    server.answers.set('PATCH /nodes/laptop', NODE);
  });

  it.each([
    ['a node without groups', empty, 'laptop would be in no group any more, and its flows in lab, home would be cut'],
    ['a group with members', removal, 'the group "lab" has 2 members, and all traffic under its key would end'],
  ])('%s: needs --yes in a script', async (_, words, harm) => {
    const refused = await server.admin(DONE, ...words);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain(`${harm}; nothing was changed`);
    expect(refused.stderr).toContain('give --yes');
    expect(changes()).toEqual([]);
    expect((await server.admin(DONE, ...words, '--yes')).status).toBe(0);
    expect(changes()).toEqual([words === empty ? 'PATCH' : 'DELETE']);
  });

  it.each([
    ['a node without groups', empty, /Take laptop out of lab, home\?/],
    ['a node with fewer groups', ['node', 'set', 'laptop', '--groups', 'lab'], /Take laptop out of home\?/],
    ['a group with members', removal, /Remove the group "lab"\?/],
    ['a group without members', ['group', 'remove', 'empty'], /Remove the group "empty"\?/],
  ])('%s: is asked about at a terminal', async (_, words, question) => {
    const refused = await atTerminal('n', words);
    expect(refused.stderr).toMatch(question);
    expect([refused.status, changes()]).toEqual([1, []]);
    expect((await atTerminal('y', words)).status).toBe(0);
    expect(changes()).toHaveLength(1);
  });

  it.each([
    ['a node with fewer groups', ['node', 'set', 'laptop', '--groups', 'lab']],
    ['a node with the same groups and more', ['node', 'set', 'laptop', '--groups', 'home,lab,new']],
    ['a group without members', ['group', 'remove', 'empty']],
  ])('%s: a script is not asked', async (_, words) => {
    expect(await server.admin(DONE, ...words)).toMatchObject({ status: 0, stderr: '' });
    expect(changes()).toHaveLength(1);
  });
});

describe('what people see', () => {
  it('is the join command of a new token, and the QR code where they ask for it', async () => {
    const words = ['token', 'create', '--user', 'alice', '--groups', 'lab'];
    const plain = await server.admin(TOKEN, ...words);
    expect(plain.stdout).toMatch(/one machine.* it ends in 60 min/);
    expect(plain.stdout).toContain(`sudo gscip up --join ${TOKEN.token}\n`);
    expect(plain.stdout).not.toContain('█');
    expect((await server.admin(TOKEN, ...words, '--qr')).stdout).toMatch(/█ █ {3}█ █/);
    expect((await server.admin(TOKEN, ...words, '--qr', '--json')).stdout).not.toContain('█');
  });

  it('is a table of groups with versions and times', async () => {
    const { stdout } = await server.admin({ groups: [GROUP] }, 'group', 'list');
    expect(stdout.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['group', 'key version', 'daily roll', 'retain', 'push', 'members'],
      ['lab', '7', '03:00 (in 2 h)', 'migrate', 'all', 'desk, laptop'],
      [''],
    ]);
  });

  it.each([
    [{ standing: 'pending' }, 'waits for approval'],
    [{ connected: false, lastSeen: Date.now() / 1000 - 300 }, 'last seen 5 min ago'],
    [{ connected: false, lastSeen: 0 }, 'last seen never'],
    [{}, 'connected'],
  ])('of a node with %j is: %s', async (change, text) => {
    const { stdout } = await server.admin({ nodes: [{ ...NODE, ...change }] }, 'node', 'list');
    expect(stdout.split('\n')[1]?.split(/ {2,}/)).toEqual(['laptop', 'alice', 'ges op', '100.64.0.7', 'lab', text]);
  });

  it('hides removed nodes until they are asked for', async () => {
    const answer = { nodes: [{ ...NODE, standing: 'removed', removedAt: 5 }] };
    expect((await server.admin(answer, 'node', 'list')).stdout).toBe('No nodes.\n');
    expect((await server.admin(answer, 'node', 'list', '--all')).stdout).toMatch(/laptop .* removed/);
  });

  it('names the domain key, and only the group that was asked for', async () => {
    const version = {
      version: 3,
      state: 'current',
      cause: 'join',
      madeAt: 1,
      activateAt: 1,
      rosterSeq: 2,
      rosterHead: '',
    };
    const group = (name: string) => ({ id: name, group: name, versions: [version] });
    const answer = { groups: [group(''), group('lab'), group('home')] };
    expect((await server.admin(answer, 'key', 'list')).stdout).toMatch(/\(the network\)/);
    const only = await server.admin(answer, 'key', 'list', '--group', 'lab');
    expect(only.stdout).toMatch(/lab .*current .*join/);
    expect(only.stdout).not.toMatch(/home|the network/);
  });

  it('tells a broken audit log by words and exit code', async () => {
    const check = { intact: false, entries: 9, brokenAt: 4, head: 'ff', text: 'its hash does not fit' };
    expect(await server.admin(check, 'audit', 'verify')).toMatchObject({
      status: 1,
      stdout: expect.stringContaining('changed at entry 4: its hash does not fit'),
    });
    expect(await server.admin({ ...check, intact: true, brokenAt: null }, 'audit', 'verify')).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('9 entries'),
    });
  });

  it('shows who did what, and why something was refused', async () => {
    const entry = { number: 5, time: 1, actor: { kind: 'administrator', name: 'bob' }, action: 'node.remove' };
    const entries = [
      { ...entry, result: 'refused', code: 'forbidden', changes: [], detail: { node: 'laptop', count: 2 }, hash: 'ff' },
    ];
    const { stdout } = await server.admin({ entries }, 'audit', 'list');
    expect(stdout).toMatch(/administrator bob +node\.remove +refused: forbidden +node=laptop count=2/);
  });

  it('is the state of the server with its health', async () => {
    const status = {
      network: 'home',
      release: '1',
      roles: ['as', 'gms'],
      url: 'https://192.0.2.1:47247',
      pin: 'cGlu',
      servers: ['192.0.2.1:47247'],
      database: 'sqlite',
      uptimeSeconds: 60,
      revision: 9,
      users: 1,
      groups: 1,
      nodes: { active: 3, pending: 1, connected: 2 },
      tokens: 1,
      health: [{ code: 'c', text: 'something is wrong' }],
    };
    const shown = await server.admin(status, 'status');
    expect(shown).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('2 connected of 3, 1 wait for approval'),
    });
    expect(shown.stdout).toContain('c: something is wrong');
    expect(await server.admin(status, 'status', '--check')).toMatchObject({ status: 1 });
  });
});

describe('what the server refuses', () => {
  const error = { code: 'user-exists', text: 'there is a user "alice" already', remedy: 'choose another name' };

  it('is told with its remedy, and keeps its code for programs', async () => {
    server.status = 409;
    const words = ['user', 'add', 'alice'];
    expect(await server.admin({ error }, ...words)).toEqual({
      status: 1,
      stdout: '',
      stderr: 'gscip: there is a user "alice" already\n       choose another name\n',
    });
    expect(json(await server.admin({ error }, ...words, '--json'))).toEqual({
      schema: 1,
      error: { code: 'user-exists', message: error.text, remedy: error.remedy },
    });
  });
});

describe('without a server', () => {
  it('the exit code is 3, and the remedy names both ways to start one', async () => {
    const result = await run(['admin', 'node', 'list', '--socket', join(server.socket, '..', 'none.sock')]);
    expect(result).toMatchObject({ status: 3, stderr: expect.stringMatching(/gscip server[\s\S]*up --new/) });
  });
});

describe('a wrong command line', () => {
  it.each([
    ['token create --groups lab', /--user/],
    ['token create --user a --groups lab --type host', /ges, gen, gea/],
    ['token create --user a --groups lab --ttl 1y', /not a time/],
    ['token create --user a --groups lab --uses 0', /whole number/],
    ['group add lab --retain never', /migrate, flow/],
    ['administrator add bob', /--role/],
    ['node bogus', /unknown command 'bogus'/],
  ])('%s is usage', async (line, text) => {
    const { status, stderr } = await server.admin({}, ...line.split(' '));
    expect({ status, asked: server.asked }).toEqual({ status: 2, asked: [] });
    expect(stderr).toMatch(text);
  });
});

describe('a program that asks a server', () => {
  it('has a connection for each request: one that was kept may be closed just then', async () => {
    const client = new AdminClient(server.socket);
    for (let n = 0; n < 2; n++) await client.get('/status');
    expect(server.connections).toBe(2);
  });
});
