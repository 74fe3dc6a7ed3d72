import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { startReceiver, startSending } from '../../bench/tools/seq-udp.ts';
import type { GroupList, KeyList, RollAnswer } from '../../src/api/admin/groups.ts';
import type { NodeList } from '../../src/api/admin/nodes.ts';
import type { AuditCheck, BackupAnswer } from '../../src/api/admin/operations.ts';
import type { OverlayNode } from '../../src/cli/lab/overlay.ts';
import { pinnedNode } from '../../src/cli/lab/pinned-node.ts';
import { runNow } from '../../src/cli/lab/run-now.ts';
import { until } from '../../src/cli/lab/until.ts';
import { seededRandom } from '../node/seeded-random.ts';
import { newestVersion, reachEachOther, type ServedNodes, withServer } from './served-nodes.ts';
import { GROUP, gscip, inside, PORT, pings } from './two-nodes.ts';

const ENROLLING = fileURLToPath(new URL('./enrolling-tool.ts', import.meta.url));
/** a group without real nodes, in which things happen all the time */
const BUSY = 'lab';
const ROUNDS = 2;

/** Milliseconds from the first command to the end of the server. */
function moments(): () => number {
  const random = seededRandom('server-killed');
  return () => 5 + (random(1)[0] ?? 0) / 2;
}

/** Asks for one thing after another until the server is gone; appends what was answered. */
async function asks<T>(ask: (count: number) => Promise<T>, told: T[]): Promise<void> {
  for (let count = 0; ; count++)
    try {
      told.push(await ask(count));
    } catch {
      return;
    }
}

/** What clients of the server were told before it was killed. */
class Killed {
  readonly #nodes: ServedNodes;
  readonly #moment = moments();
  readonly #newest = new Map<string, number>();
  #round = 0;

  constructor(nodes: ServedNodes) {
    this.#nodes = nodes;
  }

  /** One of the group of the real nodes, then many of the other: the next comes while the last is written. */
  async duringRolls(): Promise<number> {
    const roll = (count: number) => this.#admin.post<RollAnswer>(`/groups/${count === 0 ? GROUP : BUSY}/roll`);
    const told: RollAnswer[] = [];
    await this.#during(asks(roll, told), () => told.length > 0);
    const { groups } = await this.#admin.get<KeyList>('/keys');
    for (const { group, version } of told) {
      const versions = groups.find((each) => each.group === group)?.versions ?? [];
      expect(versions[0]?.version).toBeGreaterThanOrEqual(version);
    }
    return told.length;
  }

  async duringEnrolments(): Promise<number> {
    const { lab, space } = { lab: this.#nodes.machines.lab, space: this.#nodes.machines.space('server') };
    const file = join(lab.folder, `many-${this.#round}.token`);
    writeFileSync(file, (await this.#nodes.served.token([BUSY], { uses: 1_000 })).token, { mode: 0o600 });
    const tool = space.start([pinnedNode(), ENROLLING, file, `${PORT}`, `n${this.#round}`], { seconds: 60 });
    await this.#during(Promise.resolve(), () => tool.stdout().includes('told'));
    await tool.stop();
    const told = [...tool.stdout().matchAll(/^told (\S+)$/gm)].map(([, name]) => name);
    const { nodes } = await this.#admin.get<NodeList>('/nodes');
    for (const name of told) expect(nodes.filter((each) => each.name === name)).toMatchObject([{ standing: 'active' }]);
    // each of them has a place of its own
    expect(new Set(nodes.flatMap(({ addresses }) => addresses)).size).toBe(2 * nodes.length);
    return told.length;
  }

  async duringBackups(): Promise<number> {
    const { folder } = this.#nodes.machines.lab;
    const prefix = `round-${this.#round}-`;
    const told: BackupAnswer[] = [];
    const backup = (count: number) =>
      this.#admin.post<BackupAnswer>('/backup', { file: join(folder, `${prefix}${count}`) });
    await this.#during(asks(backup, told), () => told.length > 0);
    const whole = readdirSync(folder).filter((name) => name.startsWith(prefix) && !name.endsWith('.partial'));
    expect(whole).toEqual(expect.arrayContaining(told.map(({ file }) => file.slice(folder.length + 1))));
    const [last = ''] = whole.toSorted((a, b) => Number(b.slice(prefix.length)) - Number(a.slice(prefix.length)));
    await this.#restores(join(folder, last), `${prefix}restored`);
    return told.length;
  }

  async #restores(file: string, name: string): Promise<void> {
    const { lab } = this.#nodes.machines;
    const state = join(lab.folder, name);
    runNow('install', ['-d', '-m', '700', state]);
    runNow('cp', [join(this.#nodes.served.state, 'server.key'), state]);
    const words = ['admin', 'backup', 'restore', file, '--state', state];
    expect(await gscip(this.#nodes.machines.space('server'), ...words)).toMatchObject({ code: 0, stderr: '' });
  }

  /** While something is under way, kills the server in the middle of it, starts it again, and looks whether all is well there. */
  async #during(work: Promise<void>, isUnderWay: () => boolean): Promise<void> {
    const { server } = this.#nodes.served;
    this.#round += 1;
    await until('the first answer', isUnderWay, { everyMs: 2 });
    await pause(this.#moment());
    await server.kill();
    await work;
    await server.restart();
    expect(await this.#admin.get<AuditCheck>('/audit/verify')).toMatchObject({ intact: true });
    const { groups } = await this.#admin.get<GroupList>('/groups');
    for (const { name, newest } of groups) {
      expect(newest).toBeGreaterThanOrEqual(this.#newest.get(name) ?? 0);
      this.#newest.set(name, newest ?? 0);
    }
  }

  get #admin() {
    return this.#nodes.served.admin;
  }
}

/** The SAs that a node has with its first peer: version, and when it was made in seconds of the wall clock. */
async function sessions(node: OverlayNode): Promise<{ readonly version: number; readonly made: number }[]> {
  const { peers } = await node.status();
  const now = Date.now() / 1000;
  return (peers[0]?.sas ?? []).map(({ version, ageSeconds }) => ({ version, made: now - ageSeconds }));
}

/** The very same ones are still there, and no others. */
async function expectNoneRenewed(node: OverlayNode, before: Awaited<ReturnType<typeof sessions>>): Promise<void> {
  const after = await sessions(node);
  expect(after.map(({ version }) => version)).toEqual(before.map(({ version }) => version));
  for (const [at, { made }] of after.entries()) expect(Math.abs(made - (before[at]?.made ?? 0))).toBeLessThan(1.5);
}

/** Until both have the newest key, and the first sends under it. */
async function settled(nodes: ServedNodes, a: OverlayNode, b: OverlayNode): Promise<void> {
  const { groups } = await nodes.served.admin.get<GroupList>('/groups');
  const newest = groups.find(({ name }) => name === GROUP)?.newest;
  for (const node of [a, b])
    await until(`${node.name} to have the newest key`, async () => (await newestVersion(node)) === newest, {
      seconds: 30,
    });
  await until('traffic under it', async () => {
    const { peers } = await a.status();
    return peers[0]?.sas.some(({ version, sending }) => sending && version === newest);
  });
}

describe('a server that is killed', () => {
  it('in the middle of rolls, enrolments and backups goes on with all that it told; nodes lose nothing by it', () =>
    withServer(['a', 'b'], async (nodes) => {
      await nodes.served.admin.post('/groups', { name: BUSY });
      const [a, b] = await Promise.all([nodes.join('a'), nodes.join('b')]);
      await reachEachOther([a, b]);
      const address = await inside(b, 4);
      const receiver = await startReceiver(b.namespace, address);
      const sending = startSending(a.namespace, address, 500, 200);
      const killed = new Killed(nodes);
      const told = { rolls: 0, enrolments: 0, backups: 0 };
      for (let round = 0; round < ROUNDS; round++) {
        told.rolls += await killed.duringRolls();
        told.enrolments += await killed.duringEnrolments();
        told.backups += await killed.duringBackups();
      }
      await settled(nodes, a, b);
      console.log(`server killed ${3 * ROUNDS} times; told before, and there afterwards: ${JSON.stringify(told)}`);
      expect(Math.min(...Object.values(told))).toBeGreaterThan(0);

      const { sent } = await sending.stop();
      await pause(300); // what is on its way
      expect(await receiver.stop()).toMatchObject({ received: sent, distinct: sent, duplicates: 0, firstMissing: [] });
    }));

  it('costs a node nothing but its news: no session is renewed, and one that restarts meanwhile comes up and talks', () =>
    withServer(['a', 'b'], async (nodes) => {
      const [a, b] = await Promise.all([nodes.join('a'), nodes.join('b')]);
      await reachEachOther([a, b]);
      const address = await inside(b, 4);
      const receiver = await startReceiver(b.namespace, address);
      const sending = startSending(a.namespace, address, 500, 200);
      await settled(nodes, a, b);
      const before = await sessions(a);
      await nodes.served.server.kill();
      await until('a to miss it', async () => !(await a.status()).server.connected);
      await pause(1_500);
      const { sent } = await sending.stop();
      await pause(300); // what is on its way
      expect(await receiver.stop()).toMatchObject({ received: sent, distinct: sent, duplicates: 0, firstMissing: [] });
      await expectNoneRenewed(a, before);

      const keys = (await b.status()).groups;
      await b.process?.stop();
      await nodes.again(b);
      expect((await b.status()).groups).toEqual(keys);
      for (const [from, to] of [[b, a] as const, [a, b] as const])
        await until(`${from.name} reaching ${to.name}`, () => pings(from, to, 4, 1));
      const { server, health } = await b.status();
      expect([server.connected, health.map(({ code }) => code)]).toEqual([false, ['server-not-reached']]);

      await nodes.served.server.restart();
      for (const node of [a, b])
        await until(`${node.name} to be back`, async () => (await node.status()).server.connected, { seconds: 40 });
      expect((await b.status()).health).toEqual([]);
    }));
});
