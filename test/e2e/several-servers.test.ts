import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startReceiver, startSending } from '../../bench/tools/seq-udp.ts';
import type { RollAnswer } from '../../src/api/admin/groups.ts';
import type { NewTokenAnswer } from '../../src/api/admin/nodes.ts';
import { withLab } from '../../src/cli/lab/lab.ts';
import { LabServer } from '../../src/cli/lab/lab-server.ts';
import { OverlayNode } from '../../src/cli/lab/overlay.ts';
import { until } from '../../src/cli/lab/until.ts';
import { TestPostgres } from '../server/store/postgres.ts';
import { Machines, newestVersion, reachEachOther } from './served-nodes.ts';
import { GROUP, inside, PORT } from './two-nodes.ts';

let postgres: TestPostgres;
beforeAll(() => {
  postgres = new TestPostgres();
});
afterAll(() => postgres.remove());

/** Two processes of one network, and a machine for the node of each. */
class TwoServers {
  readonly machines: Machines;
  readonly one: LabServer;
  readonly two: LabServer;

  private constructor(machines: Machines, one: LabServer, two: LabServer) {
    this.machines = machines;
    this.one = one;
    this.two = two;
  }

  static async start(machines: Machines): Promise<TwoServers> {
    const { lab } = machines;
    const database = ['--database', postgres.newDatabase(), '--key-file', join(lab.folder, 'shared.key')];
    const more = [...database, '--advertise', ['one', 'two'].map((name) => machines.at(name)).join()];
    const start = (name: string) => LabServer.start(lab, name, machines.space(name), `:${PORT}`, more);
    const made = new TwoServers(machines, await start('one'), await start('two'));
    await made.one.admin.post('/users', { name: 'alice' });
    await made.two.admin.post('/groups', { name: GROUP });
    return made;
  }

  /** A node that tries this server first, then the other one. */
  async join(name: string, server: 'one' | 'two'): Promise<OverlayNode> {
    const servers = [server, server === 'one' ? 'two' : 'one'].map((each) => this.machines.at(each));
    const request = { user: 'alice', groups: [GROUP], servers };
    const { token } = await this.one.admin.post<NewTokenAnswer>('/tokens', request);
    const state = join(this.machines.lab.folder, name);
    const enter = ['--join', token, '--name', name];
    const node = new OverlayNode(name, this.machines.space(name), '', state, enter);
    node.start({ listen: this.machines.at(name) });
    await node.ready();
    await this.talks(node, server);
    return node;
  }

  /** Until the node has a session at this server. */
  async talks(node: OverlayNode, server: 'one' | 'two'): Promise<void> {
    await until(
      `${node.name} at ${server}`,
      async () => {
        const { connected, url } = (await node.status()).server;
        return connected && url?.includes(this.machines.at(server));
      },
      { seconds: 30, everyMs: 5 },
    );
  }
}

/** Milliseconds from the answer of a server to the moment when the node knows the version that it made. */
async function rollReaches(server: LabServer, node: OverlayNode): Promise<number> {
  const { version } = await server.admin.post<RollAnswer>(`/groups/${GROUP}/roll`);
  const begin = performance.now();
  await until(`${node.name} to know it`, async () => (await newestVersion(node)) >= version, { everyMs: 5 });
  return Math.round(performance.now() - begin);
}

describe('two servers of one network', () => {
  it('tell each other what happens, and a node whose server dies goes on with the other', () =>
    withLab(async (lab) => {
      const servers = await TwoServers.start(new Machines(lab, ['one', 'two', 'a', 'b']));
      const [a, b] = [await servers.join('a', 'one'), await servers.join('b', 'two')];
      await reachEachOther([a, b]); // neither was told where the other is
      const across = [await rollReaches(servers.one, b), await rollReaches(servers.two, a)];
      console.log(`a roll at one server is known to a node of the other after ${across.join(' and ')} ms`);

      const address = await inside(a, 4);
      const receiver = await startReceiver(a.namespace, address);
      const sending = startSending(b.namespace, address, 500, 200);
      await servers.two.kill();
      const begin = performance.now();
      await servers.talks(b, 'one');
      console.log(`its server was killed: at the other one after ${Math.round(performance.now() - begin)} ms`);
      await rollReaches(servers.one, b);
      await until('traffic under the new key', async () => {
        const newest = await newestVersion(b);
        const { peers } = await b.status();
        return peers[0]?.sas.some(({ version, sending: used }) => used && version === newest);
      });
      const { sent } = await sending.stop();
      await pause(300); // what is on its way
      expect(await receiver.stop()).toMatchObject({ received: sent, distinct: sent, duplicates: 0, firstMissing: [] });
      await until('a health without a line', async () => (await b.status()).health.length === 0);

      await servers.two.restart();
      expect(await rollReaches(servers.two, b)).toBeGreaterThanOrEqual(0);
    }));
});
