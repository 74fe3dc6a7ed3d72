import { expect, it } from 'vitest';
import type { PitListAnswer } from '../../src/api/pit.ts';
import { withLab } from '../../src/cli/lab/lab.ts';
import { ensureBuilt } from '../../src/cli/lab/overlay.ts';
import { ServedOverlay } from '../../src/cli/lab/served-overlay.ts';
import { until } from '../../src/cli/lab/until.ts';

const GROUP = 'office';

it(
  'a router that joins by a token of type GEN serves the networks of the token, and those that it is given later',
  () =>
    withLab(async (lab) => {
      ensureBuilt();
      const [server, router, machine, terminal] = ['s', 'g', 'm', 't'].map((name) => lab.namespace(name));
      if (!server || !router || !machine || !terminal) throw new Error('four namespaces');
      lab.bridge('wire', [
        { namespace: server, device: 'eth0', addresses: ['10.99.0.9/24'] },
        { namespace: router, device: 'wan', addresses: ['10.99.0.1/24'] },
        { namespace: machine, device: 'eth0', addresses: ['10.99.0.3/24'] },
      ]);
      lab.link(
        { namespace: router, device: 'lan', addresses: ['10.1.0.1/24', 'fd01::1/64'] },
        {
          namespace: terminal,
          device: 'eth0',
          addresses: ['10.1.0.10/24', '10.3.0.10/24', '10.4.0.10/24', 'fd01::10/64'],
        },
      );
      for (const network of ['10.3.0.0/24', '10.4.0.0/24']) router.ip('route', 'add', network, 'dev', 'lan');
      terminal.route('default', '10.1.0.1');
      terminal.route('default', 'fd01::1');
      const served = await ServedOverlay.start(lab, server, '10.99.0.9:47247', [GROUP]);
      const gate = await served.add('gate', router, [GROUP], { type: 'gen', routes: ['10.1.0.0/24', 'fd01::/64'] });
      const member = await served.add('member', machine, [GROUP]);
      for (const node of [gate, member]) node.start({ listen: '47247' });
      await Promise.all([gate.ready(), member.ready()]);
      const pings = async (to: string) =>
        (await machine.attempt(['ping', '-c', '1', '-W', '2', to], { seconds: 10 })).code === 0;
      await until('the routes at the member', async () => (await member.namespace.ip('route')).includes('10.1.0.0/24'));
      // in the first seconds after both joined, the keys that their joining made come into use
      for (const to of ['10.1.0.10', 'fd01::10']) await until(`an answer of ${to}`, () => pings(to), { seconds: 20 });
      expect((await gate.status()).node).toMatchObject({ type: 'gen' });
      expect(await pings('10.3.0.10')).toBe(false);
      // more than the certificate has room for: the rest stands in the lists of members alone
      const routes = ['10.1.0.0/24', 'fd01::/64', '10.3.0.0/24', '10.4.0.0/24'];
      await served.admin.patch('/nodes/gate', { routes });
      await until('the routes at the member', () => member.namespace.ip('route').includes('10.4.0.0/24'), {
        seconds: 20,
      });
      const subnets = async () => (await gate.status()).gateway?.subnets.map(({ prefix }) => prefix) ?? [];
      await until('the routes at the gateway', async () => (await subnets()).length === routes.length, { seconds: 20 });
      for (const address of ['10.1.0.10', '10.3.0.10', '10.4.0.10']) expect(await pings(address), address).toBe(true);
      // flows in both directions, and one that goes on while the network is taken away
      await terminal.run(['ping', '-c', '1', '-W', '2', '-I', '10.4.0.10', await member.address()]);
      const live = machine.start(['ping', '-i', '0.2', '10.4.0.10'], { seconds: 60 });
      const flowsTo = async (network: string) => {
        const lists = [gate, member].map((node) => node.ask<PitListAnswer>({ verb: 'pit-list', limit: 1_000 }));
        const entries = (await Promise.all(lists)).flatMap(({ entries: each }) => each);
        return entries.filter(
          ({ source, destination, action }) =>
            action === 'encrypt' && [source, destination].some((end) => end.startsWith(network)),
        );
      };
      const rules = () => router.run(['nft', 'list', 'table', 'inet', 'gscip_gateway_gscip0']);
      expect((await flowsTo('10.4.0.')).length).toBeGreaterThan(3);
      expect(await rules()).toContain('10.4.0.0/24');
      const pids = [gate, member].map(({ process }) => process?.pid);
      await served.admin.patch('/nodes/gate', { routes: ['10.1.0.0/24'] });
      await until('the end of the routes', () => !member.namespace.ip('route').includes('10.4.0.0/24'), {
        seconds: 20,
      });
      expect(await pings('10.4.0.10')).toBe(false);
      await until('the end of the networks', async () => (await subnets()).join() === '10.1.0.0/24');
      for (const network of ['10.3.0.', '10.4.0.', 'fd01::']) {
        expect(await flowsTo(network), network).toEqual([]);
        expect(await rules(), network).not.toContain(network);
      }
      expect((await flowsTo('10.1.0.')).length).toBeGreaterThan(0);
      expect(live.running).toBe(true);
      expect([gate, member].map(({ process }) => process?.pid)).toEqual(pids);
    }),
  120_000,
);
