import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { until } from '../../src/cli/lab/until.ts';
import { GSCIP, isCutOff, pings, withTwoNodes } from './two-nodes.ts';

describe('a machine that breaks under a running node', () => {
  it.each([
    ['with the addon', {}],
    ['without it', { env: { GSCIP_WITHOUT_ADDON: '1' } }],
  ])('and loses the interface: the agent ends with the reason, not a stack, %s', (_, how) =>
    withTwoNodes(async (nodes) => {
      const { a, b } = nodes;
      await nodes.up(how, {});
      expect(await pings(a, b)).toBe(true);
      a.namespace.ip('link', 'del', a.device);
      expect(await a.process?.exited).toBe(1);
      expect(a.process?.stderr()).toMatch(/gscip: the packet path was cut off.*\n +.*start the agent/);
      expect(a.process?.stderr()).not.toMatch(/^\s+at /m);
      expect(existsSync(a.socket)).toBe(false);
    }));

  it('and loses its link for a while: traffic comes back', () =>
    withTwoNodes(async (nodes) => {
      const { a, b } = nodes;
      await nodes.up();
      expect(await pings(a, b)).toBe(true);
      a.namespace.ip('link', 'set', 'eth0', 'down');
      expect(await isCutOff(a, b)).toBe(true);
      a.namespace.ip('link', 'set', 'eth0', 'up');
      await until('the return of traffic', () => pings(a, b, 4, 1));
    }));

  it('and fills its disk: the node goes on, says so, and keeps its state when there is room again', () =>
    withTwoNodes(async (nodes) => {
      const { a, b, overlay } = nodes;
      const disk = join(nodes.lab.folder, 'disk');
      mkdirSync(disk, { mode: 0o700 });
      const words = ['up', '--bundle', a.bundle, '--state', disk, '--socket', a.socket, '--listen', nodes.at(a)];
      const prepare = `mount -t tmpfs -o size=64k,mode=700 none ${disk} && exec "$@"`;
      const inMount = ['unshare', '-m', '--propagation', 'private', 'sh', '-c', prepare, 'sh'];
      const agent = a.namespace.start([...inMount, ...GSCIP, ...words]);
      b.start(nodes.how(b));
      await Promise.all([a.ready(), b.ready()]);
      const inside = (command: string) => a.namespace.now('nsenter', ['-t', `${agent.pid}`, '-m', 'sh', '-c', command]);
      inside(`dd if=/dev/zero of=${disk}/fill bs=1k 2>/dev/null; true`);
      overlay.roll('office', '0s');
      for (const node of [a, b]) {
        overlay.rewriteBundle(node);
        await node.ask({ verb: 'key-reload' });
      }
      const health = await until('a line in the health', async () => {
        const { health: lines } = await a.status();
        return lines.length > 0 && lines;
      });
      expect(health).toEqual([{ code: 'state-not-kept', text: expect.stringContaining('ENOSPC') }]);
      expect(await pings(b, a)).toBe(true);
      inside(`rm ${disk}/fill`);
      await until('the state to be kept', async () => (await a.status()).health.length === 0);
      // a later write may be under way just then
      await until('no file that is half written', () => !inside(`ls ${disk}`).split('\n').includes('kept.json.new'));
    }));
});
