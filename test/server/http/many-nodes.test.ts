import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Crowd } from '../../../bench/tools/crowd.ts';
import type { SimulatedNode } from '../../../bench/tools/simulated-node.ts';
import { type GroupId, groupId } from '../../../src/base/brands.ts';
import { until } from '../../../src/cli/lab/until.ts';
import { ServerProcess } from './server-process.ts';

const COUNT = 50;
const top = mkdtempSync(join(tmpdir(), 'gscip-many-'));
const crowd = new Crowd();
let server: ServerProcess;
let lab: GroupId;

beforeAll(async () => {
  server = await ServerProcess.start({ state: join(top, 'state') });
  await server.local('POST', '/api/1/users', { name: 'alice' });
  lab = groupId(String((await server.local('POST', '/api/1/groups', { name: 'lab', roll: '' })).body['id']));
  const request = { user: 'alice', groups: ['lab'], uses: COUNT };
  const { body } = await server.local('POST', '/api/1/tokens', request);
  for (let i = 0; i < COUNT; i++) crowd.add(String(body['token']));
  for (const node of crowd.nodes) node.start();
}, 30_000);
afterAll(async () => {
  crowd.stop();
  await server.end('SIGKILL');
  rmSync(top, { recursive: true });
});

/** The versions that a node was given, oldest first, each with the tag of its key. */
function held(node: SimulatedNode | undefined): readonly (readonly [number, string])[] {
  return [...(node?.versions.get(lab) ?? [])].sort(([a], [b]) => a - b);
}

/** Refused while four versions wait for their time, as after many joins. */
function roll(): Promise<number> {
  return until(
    'a roll to be taken',
    async () => {
      const { body } = await server.local('POST', '/api/1/groups/lab/roll');
      const { version } = body;
      return typeof version === 'number' && version;
    },
    { seconds: 20, everyMs: 100 },
  );
}

function allHave(nodes: readonly SimulatedNode[], version: number): Promise<boolean> {
  return until(`version ${version} at all nodes`, () => nodes.every((node) => node.versions.get(lab)?.has(version)), {
    seconds: 30,
  });
}

describe('fifty nodes over real connections to one server', { timeout: 60_000 }, () => {
  it('join, and each knows all of them', async () => {
    const { nodes } = crowd;
    const joined = () => nodes.every((node) => node.isConnected && node.membersOf(lab) === COUNT);
    await until('all to know each other', joined, { seconds: 30 });
    expect(new Set(nodes.map(({ enrolment }) => enrolment?.name)).size).toBe(COUNT);
  });

  it('are given every version, all the same keys', async () => {
    const first = await roll();
    await allHave(crowd.nodes, first);
    const second = await roll();
    await allHave(crowd.nodes, second);
    // who joined earlier has more versions; what two of them have of one version is the same
    const tags = new Map(crowd.nodes.flatMap(held));
    for (const node of crowd.nodes) for (const [version, tag] of held(node)) expect(tag).toBe(tags.get(version));
    expect(tags.get(first)).not.toBe(tags.get(second));
    expect(crowd.nodes.flatMap(({ refused }) => refused)).toEqual([]);
  });

  it('but for the one that is removed, which is told, and given no later version', async () => {
    const [gone, ...rest] = crowd.nodes;
    const before = held(gone);
    await server.local('DELETE', '/api/1/nodes/n0');
    const third = await roll();
    await allHave(rest, third);
    expect(gone?.ended).toBe('removed');
    expect(held(gone)).toEqual(before);
    expect(before.map(([version]) => version)).not.toContain(third);
    for (const node of rest) expect(node.membersOf(lab)).toBe(COUNT - 1);
    const [newest, removal] = held(rest[0])
      .map(([version]) => version)
      .reverse();
    expect([newest, removal !== undefined && before.every(([version]) => version < removal)]).toEqual([third, true]);
  });

  it('come back after the server was killed, and have the next version too', async () => {
    const { port } = server.facts;
    await server.end('SIGKILL');
    await until('all to miss the server', () => crowd.connected === 0);
    server = await ServerProcess.start({ state: join(top, 'state'), listen: `127.0.0.1:${port}` });
    const [gone, ...rest] = crowd.nodes;
    await until('all to be back', () => rest.every((node) => node.isConnected), { seconds: 40 });
    const fourth = await roll();
    await allHave(rest, fourth);
    expect(held(gone).map(([version]) => version)).not.toContain(fourth);
    expect(rest.flatMap(({ refused }) => refused)).toEqual([]);
  });
});
