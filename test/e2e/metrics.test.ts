import { describe, expect, it } from 'vitest';
import type { OverlayNode } from '../../src/cli/lab/overlay.ts';
import { until } from '../../src/cli/lab/until.ts';
import { type Fetched, fetched } from '../netns/fetched.ts';
import { GSCIP, gscip, inside, withTwoNodes } from './two-nodes.ts';

const PORT = 9_470;
const METRICS = {
  status: 200,
  text: expect.stringMatching(/^gscip_peer_bytes_total\{peer="a",direction="received"\} \d+$/m),
};
const NOTHING = { status: 0 };

const overlay = (from: OverlayNode, to: string): Promise<Fetched> =>
  fetched(from.namespace, `http://${to}:${PORT}/metrics`, 5_000);

const set = (node: OverlayNode, value: string): Promise<object> =>
  node.ask({ verb: 'set', changes: [{ name: 'metrics', how: '=', value }] });

describe('the metrics of a node', () => {
  it(
    'are read at loopback, then over the overlay alone, also after a restart; a port that cannot be had changes nothing',
    () =>
      withTwoNodes(async (nodes) => {
        const { a, b } = nodes;
        await nodes.up({}, { extra: ['--metrics', `127.0.0.1:${PORT}`] });
        const [four, six] = [await inside(b, 4), `[${await inside(b, 6)}]`];
        expect(await overlay(b, '127.0.0.1')).toMatchObject(METRICS);
        expect(await overlay(a, four)).toMatchObject(NOTHING);

        await set(b, `${four}:${PORT}`);
        expect(await overlay(a, four)).toMatchObject(METRICS);
        expect(await overlay(b, '127.0.0.1')).toMatchObject(NOTHING);
        // in clear, at the machine's own address
        expect(await overlay(a, '10.99.0.2')).toMatchObject(NOTHING);

        await expect(set(b, `192.0.2.9:${PORT}`)).rejects.toMatchObject({ code: 'bad-listen' });
        expect(await overlay(a, four)).toMatchObject(METRICS);

        await set(b, `${six}:${PORT}`);
        await b.process?.stop();
        const files = ['--state', b.state, '--socket', b.socket];
        const again = b.namespace.start([...GSCIP, 'up', ...files], { seconds: 60 });
        await b.ready();
        await until('metrics at the address that the interface has again', async () => {
          return (await overlay(a, six)).status === METRICS.status;
        });
        expect((await b.status()).health.filter(({ code }) => code.startsWith('metrics'))).toEqual([]);
        expect(again.stderr()).not.toMatch(/metrics-(exposed|not-served)/);

        // another node on this machine: told before anything is made
        const other = `${b.state}-other`;
        const up = ['up', '--bundle', b.bundle, '--state', other, '--socket', `${other}.sock`, '--tun', 'gscip1'];
        const taken = await gscip(b.namespace, ...up, '--listen', '10.99.0.2:5000', '--metrics', `${six}:${PORT}`);
        expect(taken).toMatchObject({ code: 1, stderr: expect.stringContaining('another program has TCP port 9470') });
        expect(b.namespace.hasDevice('gscip1')).toBe(false);
        await again.stop();
      }),
    120_000,
  );
});
