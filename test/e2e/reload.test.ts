import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Overlay } from '../../src/cli/lab/overlay.ts';
import { until } from '../../src/cli/lab/until.ts';
import { GROUP, GSCIP, pings, type TwoNodes, withTwoNodes } from './two-nodes.ts';

/** A bundle for a node of the same name that another authority wrote. */
function foreignBundle({ lab }: TwoNodes): Buffer {
  const file = join(lab.folder, 'foreign.bundle');
  new Overlay(lab, [GROUP], { network: 'foreign' }).authority('node add', 'a', '--groups', GROUP, '--out', file);
  return readFileSync(file);
}

describe('a running node that is to read a bundle which it refuses', () => {
  it('goes on with what it has, and tells who asked: the command, and the log for SIGHUP', () =>
    withTwoNodes(async (nodes) => {
      const { a, b, overlay } = nodes;
      await nodes.up();
      expect(await pings(a, b)).toBe(true);
      const good = readFileSync(a.bundle);
      overlay.roll(GROUP, '0s');
      overlay.rewriteBundles();
      for (const each of [a, b]) expect(await nodes.cli(each, 'key', 'reload')).toMatchObject({ code: 0 });
      const { groups, node } = await a.status();
      const rows: readonly (readonly [string, Uint8Array, RegExp])[] = [
        ['bundle-truncated', good.subarray(0, 500), /cut off/],
        ['bundle-rolled-back', good, /older than the one in use/],
        ['bundle-other-authority', foreignBundle(nodes), /another authority/],
        ['bundle-other-node', readFileSync(b.bundle), /another node/],
        ['bundle-not-ours', Buffer.from('[Interface]\nAddress = 10.0.0.1\n'), /not a GSCIP bundle/],
      ];
      for (const [code, bytes, text] of rows) {
        writeFileSync(a.bundle, bytes);
        const { stdout, stderr, ...done } = await nodes.cli(a, 'key', 'reload', '--json');
        expect(done.code).toBe(1);
        expect(JSON.parse(stdout)).toMatchObject({ error: { code, message: expect.stringMatching(text) } });
        expect(stderr).not.toMatch(/^\s+at /m);
        a.process?.signal('SIGHUP');
        await until(`the line about ${code}`, () => a.process?.stderr().includes(`"reload-failed","code":"${code}"`));
        expect(await a.status()).toMatchObject({ groups, node: { id: node.id, addresses: node.addresses } });
      }
      expect(await pings(a, b)).toBe(true);
    }));
});

describe('a configuration file', () => {
  it('starts a node as options would, gives way to them, and is kept for the next start', () =>
    withTwoNodes(async (nodes) => {
      const { a, b } = nodes;
      copyFileSync(a.bundle, join(nodes.lab.folder, 'here.bundle'));
      const file = join(nodes.lab.folder, 'gscip.toml');
      const lines = [
        'bundle = "here.bundle"', // from the folder where it is started
        'listen = "10.99.0.1:4000"',
        `peer = ["b=${nodes.at(b)}", "gone=192.0.2.1:1"]`,
        `state = "${a.state}"`,
        `socket = "${a.socket}"`,
        'mtu = 1300',
      ];
      writeFileSync(file, lines.join('\n'));
      const words = [...GSCIP, 'up', '--config', file, '--listen', nodes.at(a)];
      const first = a.namespace.start(['sh', '-c', `cd ${nodes.lab.folder} && exec "$@"`, 'sh', ...words]);
      b.start(nodes.how(b));
      await Promise.all([a.ready(), b.ready()]);
      expect(await pings(a, b)).toBe(true);
      const { node, health } = await a.status();
      expect(node).toMatchObject({ listen: nodes.at(a), mtu: 1300 });
      expect(health).toEqual([{ code: 'unknown-peer', text: expect.stringContaining('"gone"') }]);
      await first.stop();
      a.namespace.start([...GSCIP, 'up', '--state', a.state]);
      expect((await a.ready()).node).toMatchObject({ listen: nodes.at(a), mtu: 1300 });
      expect(await pings(a, b)).toBe(true);
    }));
});
