import { describe, expect, it } from 'vitest';
import { until } from '../../src/cli/lab/until.ts';
import { GROUP, withTwoNodes } from './two-nodes.ts';

describe('a network behind a gateway', () => {
  it(
    'C1: is routed into the overlay while its roster entry stands, but for networks that the machine is connected to',
    () =>
      withTwoNodes(async (nodes) => {
        const { a, overlay } = nodes;
        const routed = () => a.namespace.ip('route', 'show', 'dev', a.device);
        const offers = ['10.77.0.0/16', '10.99.0.0/24', '192.168.5.0/24'];
        const words = ['--type', 'gen', '--groups', GROUP, '--out', `${a.state}.gate`];
        overlay.authority('node add', 'gate', ...words, '--route', ...offers);
        a.namespace.ip('route', 'add', '192.168.5.0/24', 'via', '10.99.0.2');
        overlay.rewriteBundle(a);
        a.start(nodes.how(a));
        const { health } = await a.ready();
        expect(routed()).toMatch(/^10\.77\.0\.0\/16 .*metric 4096/m);
        expect(routed()).not.toMatch(/10\.99|192\.168/);
        const refused = health.map(({ code, text }) => `${code} ${text.split(' ')[0]}`);
        expect(refused).toEqual(
          expect.arrayContaining(['lan-not-proved 10.99.0.0/24', 'route-not-taken 192.168.5.0/24']),
        );
        expect(a.namespace.ip('route', 'get', '10.77.1.2')).toMatch(/dev gscip0 src 100\./);
        overlay.authority('node remove', 'gate');
        overlay.rewriteBundle(a);
        expect(await nodes.cli(a, 'key', 'reload')).toMatchObject({ code: 0 });
        await until('the end of the route', () => !routed().includes('10.77'));
        await until(
          'the end of the line in the health',
          async () => !(await a.status()).health.some(({ code }) => code === 'route-not-taken'),
        );
        a.process?.signal('SIGTERM');
        expect(await a.process?.exited).toBe(0);
      }),
    60_000,
  );
});
