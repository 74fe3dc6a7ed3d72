import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startReceiver, startSending } from '../../bench/tools/seq-udp.ts';
import type { NewTokenAnswer } from '../../src/api/admin/nodes.ts';
import type { NetcheckFacts } from '../../src/api/netcheck.ts';
import { Lab } from '../../src/cli/lab/lab.ts';
import { LabServer } from '../../src/cli/lab/lab-server.ts';
import { ensureBuilt, OverlayNode } from '../../src/cli/lab/overlay.ts';
import { until } from '../../src/cli/lab/until.ts';
import { agree, peerOf } from '../netns/nat/reach-world.ts';
import { NatWorld, SERVER } from '../netns/nat/sites.ts';
import { TestPostgres } from '../server/store/postgres.ts';
import { GROUP, PORT, pings } from './two-nodes.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 });

const NAMES = ['a', 'b', 'c', 'd'] as const;
type Name = (typeof NAMES)[number];

/** Endpoints of the coordinators that a node is registered with over UDP. */
async function registeredAt(node: OverlayNode): Promise<string[]> {
  const { coordinators } = await node.ask<NetcheckFacts>({ verb: 'netcheck' });
  return coordinators.flatMap(({ address, by }) => (by === 'udp' ? [address] : [])).sort();
}

describe('two coordinators of one network, and nodes behind NATs', () => {
  const postgres = new TestPostgres();
  const lab = new Lab();
  const nodes = new Map<Name, OverlayNode>();
  const places: string[] = [];
  let servers: readonly [LabServer, LabServer];

  beforeAll(async () => {
    ensureBuilt();
    const net = await NatWorld.lay(lab);
    const second = await net.site('open', 20);
    places.push(`${SERVER.first}:${PORT}`, `${second.address}:${PORT}`);
    const database = ['--database', postgres.newDatabase(), '--key-file', join(lab.folder, 'shared.key')];
    const start = (name: string, space = net.server, place = places[0] ?? '') =>
      LabServer.start(lab, name, space, `:${PORT}`, [...database, '--advertise', place]);
    const one = await start('one');
    servers = [one, await start('two', second.host, places[1])];
    await one.admin.post('/users', { name: 'alice' });
    await one.admin.post('/groups', { name: GROUP, roll: '' });
    for (const [at, name] of NAMES.entries()) {
      const site = await net.site('port-restricted', at + 1);
      const order = at % 2 === 0 ? places : places.toReversed();
      const request = { user: 'alice', groups: [GROUP], servers: order };
      const { token } = await one.admin.post<NewTokenAnswer>('/tokens', request);
      const words = ['--join', token, '--name', name];
      const node = new OverlayNode(name, site.host, '', join(lab.folder, name), words);
      node.start({ listen: `${PORT}` });
      nodes.set(name, node);
    }
    await Promise.all([...nodes.values()].map((node) => node.ready()));
    await until('one key version', () => agree([...nodes.values()]), { seconds: 60, everyMs: 250 });
    await registeredWithBoth();
  });
  afterAll(async () => {
    await lab.close();
    postgres.remove();
  });

  const at = (name: Name) => {
    const node = nodes.get(name);
    if (!node) throw new Error(`no node ${name}`);
    return node;
  };

  /** Until every node is registered with both; returns how long that took, in ms. */
  async function registeredWithBoth(): Promise<number> {
    const began = performance.now();
    for (const node of nodes.values())
      await until(`${node.name} at both`, async () => (await registeredAt(node)).join() === places.toSorted().join(), {
        seconds: 40,
        everyMs: 50,
      });
    return Math.round(performance.now() - began);
  }

  /** One of the two is killed and comes back, while two nodes talk; two others that never did meet meanwhile. */
  async function without(dead: 0 | 1, [from, to]: readonly [Name, Name], fresh: readonly [Name, Name]): Promise<void> {
    await until('a direct path', async () => {
      await pings(at(from), at(to), 4, 2);
      const paths = [await peerOf(at(from), at(to)), await peerOf(at(to), at(from))];
      return paths.every((peer) => peer?.path.kind === 'direct');
    });
    const address = await at(to).address();
    const receiver = await startReceiver(at(to).namespace, address);
    const sending = startSending(at(from).namespace, address, 500, 200);
    await pause(500);
    await servers[dead].kill();
    const began = performance.now();
    expect(await pings(at(fresh[0]), at(fresh[1]), 4, 9)).toBe(true);
    const met = Math.round(performance.now() - began);
    await pause(3_000);
    await servers[dead].restart();
    const refilled = await registeredWithBoth();
    const { sent } = await sending.stop();
    await pause(300); // what is on its way
    expect(await receiver.stop()).toMatchObject({ received: sent, distinct: sent, duplicates: 0, firstMissing: [] });
    console.log(
      `coordinator ${dead + 1} killed: 0 of ${sent} lost, a new pair after ${met} ms, ${refilled} ms to be full again`,
    );
  }

  it('one is killed: who talks goes on, who never talked meets by the other, and all are back when it is', () =>
    without(0, ['a', 'b'], ['c', 'd']));

  it('the other one is killed as soon as the first is back: another new pair meets by the first, from its first packet on', () =>
    without(1, ['a', 'b'], ['a', 'd']));
});
