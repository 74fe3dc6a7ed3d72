import { describe, expect, it } from 'vitest';
import { until } from '../../src/cli/lab/until.ts';
import { asks, transfers, types } from './traffic.ts';
import { isCutOff, pings, settled, type TwoNodes, withTwoNodes } from './two-nodes.ts';

const FALLBACK = { env: { GSCIP_WITHOUT_ADDON: '1' } };
const NATIVE = {};
const QUESTIONS = { count: 60, gapMs: 10, sizes: [64, 1_000, 1_350, 2_000, 4_000] };

async function carries({ a, b }: TwoNodes): Promise<void> {
  for (const family of [4, 6] as const) {
    expect(await pings(a, b, family)).toBe(true);
    expect(await transfers(a, b, 1_000_000, family)).toBe(true);
    expect(await transfers(b, a, 1_000_000, family)).toBe(true);
    expect(await asks(a, b, QUESTIONS, family)).toEqual({ sent: 60, whole: 60, doubled: 0, damaged: 0 });
  }
  expect(await types(a, b, 100)).toEqual({ heard: 100, inOrder: true });
}

describe('a node without the addon', () => {
  it.each([
    ['and one with it', 4, FALLBACK, NATIVE],
    ['and another such, over IPv6', 6, FALLBACK, FALLBACK],
  ] as const)('%s carry pings, streams, sessions and datagrams', (_, underlay, a, b) =>
    withTwoNodes(async (nodes) => {
      await nodes.up(a, b);
      await carries(nodes);
    }, underlay));

  it('says so in its status, to people and to programs', () =>
    withTwoNodes(async (nodes) => {
      await nodes.up(FALLBACK, NATIVE);
      const { dataPath, health } = await nodes.a.status();
      expect(dataPath.primitives).toBe('typescript');
      expect(health).toEqual([{ code: 'slow-path', text: expect.stringContaining('GSCIP_WITHOUT_ADDON is set') }]);
      expect(await nodes.cli(nodes.a, 'status', '--check')).toMatchObject({
        code: 1,
        stdout: expect.stringMatching(/packets +by typescript[\s\S]*slow-path: no-addon/),
      });
      expect((await nodes.b.status()).health).toEqual([]);
    }));

  it.each(['SIGTERM', 'SIGKILL', 'down'] as const)('leaves nothing behind after %s', (how) =>
    withTwoNodes(async (nodes) => {
      const { a, b } = nodes;
      await settled(a.namespace);
      const before = a.namespace.ip('addr');
      await nodes.up(FALLBACK, NATIVE);
      expect(await pings(a, b)).toBe(true);
      if (how === 'down') expect(await nodes.cli(a, 'down')).toMatchObject({ code: 0 });
      else a.process?.signal(how);
      expect(await a.process?.exited).toBe(how === 'SIGKILL' ? null : 0);
      expect(a.namespace.ip('addr')).toBe(before);
      // it was told
      if (how !== 'SIGKILL') await until('no keys', async () => (await b.status()).peers[0]?.sas.length === 0);
    }));

  it('goes on when the link is down for a while and the kernel refuses to send', () =>
    withTwoNodes(async (nodes) => {
      const { a, b } = nodes;
      await nodes.up(FALLBACK, NATIVE);
      expect(await pings(a, b)).toBe(true);
      a.namespace.ip('link', 'set', 'eth0', 'down');
      expect(await isCutOff(a, b)).toBe(true);
      a.namespace.ip('link', 'set', 'eth0', 'up');
      await until('the return of traffic', () => pings(a, b, 4, 1));
    }));
});
