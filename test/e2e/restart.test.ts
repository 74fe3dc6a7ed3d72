import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Namespace } from '../../src/cli/lab/namespace.ts';
import type { OverlayNode } from '../../src/cli/lab/overlay.ts';
import { until } from '../../src/cli/lab/until.ts';
import { transfers } from './traffic.ts';
import { GSCIP, inside, pings, settled, type TwoNodes, withTwoNodes } from './two-nodes.ts';

/** All that a node changes in its machine, as `ip` shows it, without counters and lifetimes. */
function machine(where: Namespace): string {
  const shown = [['addr'], ['link'], ['route', 'show', 'table', 'all'], ['-6', 'route', 'show', 'table', 'all']];
  return shown.map((words) => where.ip(...words)).join('\n');
}

/** `gscip up` with nothing but its folder and socket: what it needs it kept. */
function resume(node: OverlayNode) {
  const words = ['up', '--state', node.state, '--socket', node.socket];
  return node.namespace.start([...GSCIP, ...words], { seconds: 120 });
}

/** Waits until traffic is back, by the kernel's own retries. */
function trafficReturns({ a, b }: TwoNodes): Promise<boolean> {
  return until('the return of traffic', () => pings(a, b, 4, 1), { seconds: 40 });
}

describe('an agent that ends in order', () => {
  it.each([
    ['by gscip down', (nodes: TwoNodes) => nodes.cli(nodes.a, 'down')],
    ['by SIGTERM', ({ a }: TwoNodes) => a.process?.signal('SIGTERM')],
    ['by SIGINT', ({ a }: TwoNodes) => a.process?.signal('SIGINT')],
  ])('%s takes back everything it set up, and ends with 0', (_, end) =>
    withTwoNodes(async (nodes) => {
      const { a, b } = nodes;
      await settled(a.namespace);
      const before = machine(a.namespace);
      await nodes.up();
      expect(await pings(a, b)).toBe(true);
      expect(machine(a.namespace)).not.toBe(before);
      await end(nodes);
      expect(await a.process?.exited).toBe(0);
      expect(machine(a.namespace)).toBe(before);
      expect(existsSync(a.socket)).toBe(false);
      expect(a.process?.stderr()).not.toMatch(/ at .*\.js/);
    }));

  it('tells its peer, which drops the keys at once', () =>
    withTwoNodes(async (nodes) => {
      await nodes.up();
      expect(await pings(nodes.a, nodes.b)).toBe(true);
      expect((await nodes.b.status()).peers[0]?.sas).toHaveLength(1);
      expect(await nodes.cli(nodes.a, 'down')).toMatchObject({ code: 0 });
      await until('the end of the keys', async () => (await nodes.b.status()).peers[0]?.sas.length === 0);
    }));

  it('greets, when it is back, whom it talked with: there are keys before anybody sends', () =>
    withTwoNodes(async (nodes) => {
      const { a, b } = nodes;
      await nodes.up();
      expect(await pings(a, b)).toBe(true);
      expect(await nodes.cli(a, 'down')).toMatchObject({ code: 0 });
      const keys = async () => (await b.status()).peers[0]?.sas.length;
      await until('the end of the keys', async () => (await keys()) === 0);
      resume(a);
      await a.ready();
      await until('new keys', async () => (await keys()) === 1);
    }));

  it('ends although clients hang on its socket', () =>
    withTwoNodes(async (nodes) => {
      const { a } = nodes;
      await nodes.up();
      const watching = a.namespace.start([...GSCIP, 'pit', 'watch', '--socket', a.socket]);
      await until('a line of the watch', async () => (await pings(a, nodes.b, 4, 1)) && watching.stdout() !== '');
      expect(await nodes.cli(a, 'down')).toMatchObject({ code: 0 });
      expect(await a.process?.exited).toBe(0);
      expect(await watching.exited).toBe(0);
    }));
});

describe('an agent that is killed', () => {
  it('leaves nothing in the way of a bare gscip up, and traffic comes back by itself', () =>
    withTwoNodes(async (nodes) => {
      const { a, b } = nodes;
      await settled(a.namespace);
      const before = machine(a.namespace);
      await nodes.up();
      expect(await pings(a, b)).toBe(true);
      const [address, up] = [await inside(a, 4), machine(a.namespace)];
      a.process?.signal('SIGKILL');
      await a.process?.exited;
      await until('the device to go', () => machine(a.namespace) === before);
      expect(existsSync(a.socket)).toBe(true); // the leftover
      resume(a);
      expect((await a.ready()).node.addresses).toContain(address);
      expect(machine(a.namespace).replace(/^\d+: gscip0/gm, '#: gscip0')).toBe(
        up.replace(/^\d+: gscip0/gm, '#: gscip0'),
      );
      await trafficReturns(nodes);
      expect(await transfers(b, a, 1_000_000)).toBe(true);
    }));

  it('is noticed by its peer, whose own packets then find the new one', () =>
    withTwoNodes(async (nodes) => {
      const { a, b } = nodes;
      await nodes.up();
      expect(await pings(a, b)).toBe(true);
      b.process?.signal('SIGKILL');
      await b.process?.exited;
      resume(b);
      await b.ready();
      await trafficReturns(nodes); // a still holds keys that the new b has never seen
    }));

  it('needs neither the bundle file nor --peer to come back', () =>
    withTwoNodes(async (nodes) => {
      const { a, b } = nodes;
      await nodes.up();
      expect(await pings(a, b)).toBe(true);
      for (const node of [a, b]) node.process?.signal('SIGKILL');
      await Promise.all([a.process?.exited, b.process?.exited]);
      rmSync(a.bundle);
      resume(a);
      resume(b);
      await Promise.all([a.ready(), b.ready()]);
      await trafficReturns(nodes);
    }));
});

describe('what a node keeps', () => {
  it('is for its owner alone', () =>
    withTwoNodes(async (nodes) => {
      await nodes.up();
      expect(statSync(nodes.a.state).mode & 0o777).toBe(0o700);
      for (const file of ['bundle.cbor', 'kept.json', 'config.toml'])
        expect(statSync(`${nodes.a.state}/${file}`).mode & 0o777).toBe(0o600);
      expect(statSync(nodes.a.socket).mode & 0o777).toBe(0o600);
    }));

  it('carries a node whose bundle file was damaged since, with a line in its health', () =>
    withTwoNodes(async (nodes) => {
      const { a, b } = nodes;
      await nodes.up();
      expect(await nodes.cli(a, 'down')).toMatchObject({ code: 0 });
      writeFileSync(a.bundle, readFileSync(a.bundle).subarray(0, 1_000));
      resume(a);
      const { health } = await a.ready();
      expect(health).toEqual([{ code: 'bundle-refused', text: expect.stringContaining(a.bundle) }]);
      await trafficReturns(nodes);
      nodes.overlay.authority('bundle', 'a', '--out', a.bundle, '--force');
      expect(await nodes.cli(a, 'key', 'reload')).toMatchObject({ code: 0 });
      expect((await a.status()).health).toEqual([]);
      expect(await pings(a, b)).toBe(true);
    }));

  it('does not keep a node down whose peer was removed meanwhile', () =>
    withTwoNodes(async (nodes) => {
      const { a } = nodes;
      await nodes.up();
      expect(await nodes.cli(a, 'down')).toMatchObject({ code: 0 });
      nodes.overlay.authority('node remove', 'b');
      nodes.overlay.rewriteBundle(a);
      resume(a);
      const { health, peers } = await a.ready();
      expect(peers).toEqual([]);
      expect(health).toEqual([{ code: 'unknown-peer', text: expect.stringContaining('"b"') }]);
    }));
});
