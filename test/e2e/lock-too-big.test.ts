import { expect, it } from 'vitest';
import { withLab } from '../../src/cli/lab/lab.ts';
import { ensureBuilt, Overlay } from '../../src/cli/lab/overlay.ts';
import { until } from '../../src/cli/lab/until.ts';
import { routed } from '../netns/kit.ts';
import { counted, inside, PORT } from './two-nodes.ts';

const NARROW = 1_400;

it.each([
  ['IPv4', 4, ['10.99.0.1', '10.99.0.2']],
  ['IPv6', 6, ['[fd99::1]', '[fd99::2]']],
] as const)(
  'N6: a router reaches a closed node through its lock with what it says of too large datagrams of the node: %s',
  (_name, underlay, [atA, atB]) =>
    withLab(async (lab) => {
      ensureBuilt();
      const { a: left, b: right, router } = routed(lab);
      const overlay = new Overlay(lab, ['office'], { nice: 0 });
      const a = overlay.add('a', left, { groups: ['office'], mode: 'cl' });
      const b = overlay.add('b', right, { groups: ['office'] });
      overlay.rewriteBundles();
      a.start({ listen: `${PORT}`, peers: [{ name: 'b', at: `${atB}:${PORT}` }] });
      b.start({ listen: `${PORT}`, peers: [{ name: 'a', at: `${atA}:${PORT}` }] });
      await Promise.all([a.ready(), b.ready()]);
      expect((await a.status()).lock.state).toBe('closed');
      const to = await inside(b, 4);
      const ping = (...words: readonly string[]) => left.attempt(['ping', '-c', '1', '-W', '1', ...words, to]);
      await until('the first answer', async () => (await ping()).code === 0, { seconds: 60 });
      // narrower than any path that was measured so far; the other direction stays as it is
      router.ip('link', 'set', 'right', 'mtu', `${NARROW}`);
      await until(
        'word of the router',
        async () => {
          await ping('-M', 'do', '-s', '1340');
          return (await counted(a, 'too-big-heard')) > 0;
        },
        { seconds: 60 },
      );
      expect((await ping('-M', 'do', '-s', '1200')).code).toBe(0);
      // other ICMP is still nobody's
      const other = await router.attempt([
        'ping',
        underlay === 4 ? '-4' : '-6',
        '-c',
        '1',
        '-W',
        '1',
        atA.replace(/[[\]]/g, ''),
      ]);
      expect(other.code).not.toBe(0);
    }),
  120_000,
);
