import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExplainAnswer } from '../../src/api/questions.ts';
import { Lab } from '../../src/cli/lab/lab.ts';
import { until } from '../../src/cli/lab/until.ts';
import type { FlowChange, FlowRecord } from '../../src/cli/pit/flow-record.ts';
import { transfers } from './traffic.ts';
import { GROUP, GSCIP, inside, pings, TwoNodes } from './two-nodes.ts';

const SENT = 3_000_000;

let lab: Lab;
let nodes: TwoNodes;
beforeAll(async () => {
  lab = new Lab();
  nodes = new TwoNodes(lab);
  await nodes.up();
});
afterAll(() => lab.close());

function records(path: string): FlowRecord[] {
  // the last one may be half written
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return lines.map((line): FlowRecord => JSON.parse(line));
}

const isFlow = (record: FlowRecord): record is FlowChange => 'protocol' in record;

describe('the flow log of two nodes', () => {
  it('exports who reached what, when, under which group and version, and how much; Ctrl-C ends it well', async () => {
    const { a, b } = nodes;
    const path = join(lab.folder, 'flows.jsonl');
    expect(await pings(a, b)).toBe(true);
    const exporting = a.namespace.start([...GSCIP, 'pit', 'export', '--out', path, '--socket', a.socket]);
    await until(
      'the flow that is there',
      () => readdirSync(lab.folder).includes('flows.jsonl') && records(path).length > 0,
    );
    expect(records(path)[0]).toMatchObject({ event: 'open', protocol: 'icmp', source: { node: 'a' } });
    expect(await transfers(a, b, SENT)).toBe(true);
    expect(await nodes.cli(a, 'pit', 'flush')).toMatchObject({ code: 0 });
    await until('the end of the flow', () => records(path).some(({ event }) => event === 'end'));
    exporting.signal('SIGINT');
    expect(await exporting.exited).toBe(0);
    expect(exporting.stdout() + exporting.stderr()).toBe('');

    const flows = records(path)
      .filter(isFlow)
      .filter(({ protocol }) => protocol === 'tcp');
    const [begin, end] = ['begin', 'end'].map((kind) => flows.find(({ event }) => event === kind));
    const status = await a.status();
    expect(begin).toMatchObject({
      schema: 1,
      node: { name: 'a', id: status.node.id },
      source: { address: await inside(a, 4), node: 'a' },
      destination: { address: await inside(b, 4), node: 'b' },
      action: 'encrypt',
      group: GROUP,
      version: status.groups[0]?.version,
      peer: 'b',
    });
    expect(end).toMatchObject({ source: begin?.source, destination: begin?.destination, group: GROUP });
    expect(end?.forward.bytes).toBeGreaterThan(SENT);
    expect(end?.reverse.packets).toBeGreaterThan(0);
    expect(Date.parse(end?.at ?? '')).toBeGreaterThanOrEqual(Date.parse(end?.since ?? ''));
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('is shown to people as it happens, for as many lines as they ask for', async () => {
    const { a, b } = nodes;
    const watching = a.namespace.start([...GSCIP, 'pit', 'watch', '--count', '2', '--node', 'b', '--socket', a.socket]);
    // nothing tells from outside when the agent has begun to tell
    let done = false;
    const over = watching.exited.then((code) => {
      done = true;
      return code;
    });
    await until('two lines', async () => {
      await nodes.cli(a, 'pit', 'flush');
      return (await pings(a, b, 4, 1)) && done;
    });
    expect(await over).toBe(0);
    const [head, ...lines] = watching.stdout().trim().split('\n');
    expect(head).toMatch(/^time +event +proto +source +destination +action +group +more$/);
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line).toMatch(/^\d\d:\d\d:\d\d {2}\w+ +icmp +a 100\.64\..* +b 100\.64\./);
  });

  it('begins with the flows that are there, and ends after the time that was asked for', async () => {
    const { a, b } = nodes;
    expect(await pings(a, b)).toBe(true);
    const { code, stdout } = await nodes.cli(a, 'pit', 'watch', '--open', '--for', '1s', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout.split('\n')[0] ?? '')).toMatchObject({ event: 'open', entry: { sourceNode: 'a' } });
  });

  it('names the file, the cause and the remedy where it cannot be written', async () => {
    const done = await nodes.cli(nodes.a, 'pit', 'export', '--out', '/proc/nowhere/flows');
    expect(done).toMatchObject({ code: 1, stdout: '' });
    expect(done.stderr).toMatch(/cannot write \/proc\/nowhere\/flows: ENOENT.*\n +check the folder .*--out/);
  });
});

describe('explain on two nodes', () => {
  const explain = async (...words: readonly string[]): Promise<ExplainAnswer> =>
    JSON.parse((await nodes.cli(nodes.a, 'explain', ...words, '--json')).stdout);

  it('shows the flow that is there, and the way that it goes', async () => {
    const { a, b } = nodes;
    expect(await pings(a, b)).toBe(true);
    const answer = await explain('a', await inside(b, 4), 'icmp');
    expect(answer).toMatchObject({ result: 'encrypt', ruleNumber: 7, certain: true, remedy: '' });
    expect(answer.now).toMatchObject({
      path: { kind: 'direct', endpoint: '10.99.0.2:47247' },
      flows: expect.arrayContaining([expect.objectContaining({ protocol: 'icmp', action: 'encrypt', group: GROUP })]),
      blocked: null,
    });
    const { stdout } = await nodes.cli(a, 'explain', 'a', 'b', 'icmp');
    expect(stdout).toMatch(/^element +type +mode +side +groups +action +rule$/m);
    expect(stdout).toMatch(/Now: +direct 10\.99\.0\.2:47247: straight[\s\S]*icmp +100\.64\./);
  });

  it('says of a stranger that it goes in clear, and of another that it cannot be known', async () => {
    expect(await explain('a', '198.51.100.7')).toMatchObject({ result: 'relay-plain', rule: 'open-no-element' });
    const both = await nodes.cli(nodes.a, 'explain', '198.51.100.7', '203.0.113.9');
    expect(both).toMatchObject({ code: 1, stderr: expect.stringMatching(/neither .* belongs to a node/) });
  });

  it('says why packets are dropped when the other end is down, and what to do', async () => {
    const { a, b } = nodes;
    const address = await inside(b, 4);
    expect(await nodes.cli(b, 'down')).toMatchObject({ code: 0 });
    await until(
      'the agent to give up',
      async () => {
        await a.namespace.attempt(['ping', '-c', '1', '-W', '1', address], { seconds: 10 });
        return (await explain('a', 'b', 'icmp')).now?.blocked !== null;
      },
      { seconds: 40 },
    );
    const { stdout } = await nodes.cli(a, 'explain', 'a', 'b', 'icmp');
    expect(stdout).toMatch(/Result: encrypt[\s\S]*Now: +dropped \(\S+\): .*\nTo do: +\S/);
  });
});
