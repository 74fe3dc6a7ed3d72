import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Lab } from '../../src/cli/lab/lab.ts';
import { until } from '../../src/cli/lab/until.ts';
import { GROUP, GSCIP, gscip, inside, pings, TwoNodes } from './two-nodes.ts';

let lab: Lab;
let nodes: TwoNodes;
beforeAll(async () => {
  lab = new Lab();
  nodes = new TwoNodes(lab);
  await nodes.up();
  expect(await pings(nodes.a, nodes.b)).toBe(true);
});
afterAll(() => lab.close());

const TEXT = expect.any(String);
const COUNT = expect.any(Number);
const ADDRESSES = expect.arrayContaining([expect.stringMatching(/^100\.64\./), expect.stringMatching(/^fd/)]);

/** What a command printed as its one object. */
async function json(...words: readonly string[]): Promise<unknown> {
  const { code, stdout, stderr } = await nodes.cli(nodes.a, ...words, '--json');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout.trim().split('\n')).toHaveLength(1);
  return JSON.parse(stdout);
}

const SA = { group: GROUP, version: COUNT, ageSeconds: COUNT, role: TEXT, suite: TEXT, sending: true };
const PEER = {
  name: 'b',
  id: expect.stringMatching(/^[0-9a-f]{32}$/),
  addresses: ADDRESSES,
  path: { kind: 'direct', endpoint: '10.99.0.2:47247', reason: 'proved' },
  mtu: { inner: 1400, measured: false },
  sas: [SA],
  rxBytes: COUNT,
  txBytes: COUNT,
  rxBitsPerSecond: COUNT,
  txBitsPerSecond: COUNT,
  lastHandshakeSeconds: COUNT,
};
const STATUS = {
  schema: 1,
  node: { name: 'a', id: TEXT, type: 'ges', mode: 'op', addresses: ADDRESSES, network: 'lab', mtu: 1400 },
  groups: [{ name: GROUP, id: TEXT, version: COUNT, state: 'current', managed: true }],
  peers: [PEER],
  server: { url: null, lastContactSeconds: null },
  health: [],
};
const ENTRY = {
  protocol: 'icmp',
  source: expect.stringMatching(/^100\.64\./),
  sourcePort: COUNT,
  destination: expect.stringMatching(/^100\.64\./),
  destinationPort: COUNT,
  action: 'encrypt',
  state: 'confirmed',
  group: GROUP,
  version: COUNT,
  peer: 'b',
  packets: 2,
  bytes: 168,
  idleSeconds: COUNT,
  reason: 'negotiated',
};

describe('programs rely on', () => {
  it('the fields of status', async () => expect(await json('status')).toMatchObject(STATUS));

  it('the fields of pit list', async () => {
    expect(await json('pit', 'list')).toMatchObject({ schema: 1, entries: [ENTRY], total: 1 });
  });

  it('the fields of ping, and which way it went', async () => {
    const reply = { rttMs: COUNT, path: 'direct 10.99.0.2:47247' };
    expect(await json('ping', 'b', '-c', '2')).toMatchObject({ schema: 1, replies: [reply, reply], sent: 2, lost: 0 });
  });

  it('the fields of explain', async () => {
    const element = { type: 'ges', mode: 'op', action: expect.stringMatching(/^ENC\(office, v\d+\)$/) };
    expect(await json('explain', 'a', 'b', 'tcp', '22')).toMatchObject({
      schema: 1,
      elements: [
        { ...element, name: 'a', side: 'S' },
        { ...element, name: 'b', side: 'D' },
      ],
      result: TEXT,
      rule: TEXT,
    });
  });

  it('the answer of wait, for the node and for a peer', async () => {
    expect(await json('wait')).toMatchObject({ schema: 1, ready: true });
    expect(await json('wait', '--peer', 'b')).toMatchObject({ schema: 1, ready: true, peer: 'b' });
  });

  it('the answer of key reload', async () => {
    expect(await json('key', 'reload')).toMatchObject({ schema: 1, bundleNumber: COUNT, changes: 0 });
  });

  it('the text of metrics, as Prometheus reads it', async () => {
    const { stdout, code } = await nodes.cli(nodes.a, 'metrics');
    expect(code).toBe(0);
    const lines = stdout.trim().split('\n');
    const form = /^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? -?[0-9.e+-]+)$/;
    expect(lines.filter((line) => !form.test(line))).toEqual([]);
    expect(stdout).toMatch(/^gscip_peers\{path="direct"\} 1$/m);
    expect(await json('metrics')).toMatchObject({ schema: 1, text: TEXT });
  });

  it('one object per line of pit watch', async () => {
    const watching = nodes.a.namespace.start([...GSCIP, 'pit', 'watch', '--json', '--socket', nodes.a.socket]);
    // nothing tells from outside when the agent has begun to tell
    await until(
      'a flow that comes',
      async () => (await pings(nodes.a, nodes.b, 4, 1)) && watching.stdout().includes('"created"'),
    );
    expect(await nodes.cli(nodes.a, 'pit', 'flush')).toMatchObject({ code: 0 });
    await until('a flow that goes', () => watching.stdout().includes('"closed"'));
    await watching.stop();
    const events = watching
      .stdout()
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    for (const event of events)
      expect(event).toMatchObject({ schema: 1, at: TEXT, cause: TEXT, entry: { protocol: 'icmp', peer: 'b' } });
    expect(events).toContainEqual(expect.objectContaining({ event: 'created' }));
    expect(events).toContainEqual(expect.objectContaining({ event: 'closed', cause: 'flushed' }));
  });

  it('the count of pit flush, which takes keys only with --sas', async () => {
    expect(await pings(nodes.a, nodes.b)).toBe(true);
    expect(await json('pit', 'flush')).toEqual({ schema: 1, entries: 1, sas: 0 });
    expect(await json('pit', 'flush', '--sas')).toEqual({ schema: 1, entries: 0, sas: 1 });
    expect(await pings(nodes.a, nodes.b)).toBe(true);
  });
});

describe('people read', () => {
  it.each([
    [['status'], /a \(ges, op\) in lab[\s\S]*100\.64\.[\s\S]*office[\s\S]*direct 10\.99\.0\.2:47247/],
    [['pit', 'list'], /proto +source[\s\S]*icmp.*encrypt +confirmed +office/],
    [
      ['ping', 'b', '-c', '1'],
      /answer from b \(100\.64\.\d+\.\d+\) by direct 10\.99\.0\.2:47247 in .*\n1 sent, 0 lost/,
    ],
    [['explain', 'a', 'b'], /Result: .* \(rule .*\): ./],
    [['wait'], /^ready$/m],
    [['key', 'reload'], /has read its bundle again: nothing is new/],
    [['version'], /^gscip \d/],
  ])('%j', async (words, text) => {
    await pings(nodes.a, nodes.b);
    const { code, stdout, stderr } =
      words[0] === 'version' ? await gscip(nodes.a.namespace, ...words) : await nodes.cli(nodes.a, ...words);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(text);
  });

  it('an address in place of a name', async () => {
    for (const family of [4, 6] as const)
      expect(await nodes.cli(nodes.a, 'ping', await inside(nodes.b, family), '-c', '1')).toMatchObject({ code: 0 });
  });
});

describe('a command that cannot do what it is asked for', () => {
  it.each([
    [1, ['ping', 'nobody'], /no peer is called "nobody"\n +.*gscip status/],
    [1, ['ping', 'a'], /no peer is called "a"/],
    [1, ['wait', '--peer', 'nobody', '--timeout', '1'], /no peer is called "nobody"/],
    [1, ['explain', 'a', 'nobody'], /no node is called "nobody"\n +known are: a, b/],
    [2, ['explain', 'a', 'b', 'carrier-pigeon'], /"carrier-pigeon" is no protocol\n +use tcp/],
    [2, ['explain', 'a'], /missing required argument 'destination'/],
    [2, ['ping'], /missing required argument 'name'/],
    [2, ['ping', 'b', '-c', '0'], /"0" is not a whole number from 1 to 1000/],
    [2, ['pit', 'lst'], /unknown command 'lst'[\s\S]*list/],
    [2, ['status', '--jsno'], /unknown option '--jsno'[\s\S]*--json/],
  ])('ends with %i: %j', async (code, words, text) => {
    const done = await nodes.cli(nodes.a, ...words);
    expect(done).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(text) });
    expect(done.stderr).not.toMatch(/ at .*\.[jt]s/);
  });

  it.each([
    'status',
    'ping b',
    'pit list',
    'pit watch',
    'pit flush',
    'explain a b',
    'metrics',
    'key reload',
    'down',
    'wait --timeout 1',
  ])('ends with 3 and the remedy where no agent runs: %s', async (line) => {
    const nowhere = `${lab.folder}/nowhere.sock`;
    const done = await gscip(nodes.a.namespace, ...line.split(' '), '--socket', nowhere, '--json');
    expect(done.code).toBe(3);
    expect(done.stderr).toMatch(/no agent answers on .*nowhere\.sock.*\n +start one with "sudo gscip up"/);
    expect(JSON.parse(done.stdout)).toMatchObject({ schema: 1, error: { code: 'not-running' } });
  });

  it('ends with 1 when the peer is silent, and says how many were lost', async () => {
    nodes.b.process?.signal('SIGSTOP');
    try {
      const done = await nodes.cli(nodes.a, 'ping', 'b', '-c', '1', '--timeout', '1');
      expect(done).toMatchObject({ code: 1, stdout: '1 sent, 1 lost\n' });
    } finally {
      nodes.b.process?.signal('SIGCONT');
    }
  });
});

describe('wait', () => {
  it('is there before the agent and ends when it is up', async () => {
    const socket = `${lab.folder}/later.sock`;
    const waiting = nodes.a.namespace.start([...GSCIP, 'wait', '--socket', socket, '--timeout', '60']);
    expect(await nodes.cli(nodes.a, 'down')).toMatchObject({ code: 0 });
    expect(waiting.running).toBe(true);
    nodes.a.namespace.start([...GSCIP, 'up', '--state', nodes.a.state, '--socket', socket]);
    expect(await waiting.finished()).toMatchObject({ code: 0, stdout: 'ready\n' });
  });
});
