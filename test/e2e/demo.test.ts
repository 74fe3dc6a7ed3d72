import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { withLab } from '../../src/cli/lab/lab.ts';
import { labTraces } from '../../src/cli/lab/leftovers.ts';
import { ensureBuilt } from '../../src/cli/lab/overlay.ts';
import { until } from '../../src/cli/lab/until.ts';
import { GSCIP } from './two-nodes.ts';

const COUNT = expect.any(Number);

/** What demonstrations of one process have left: namespaces and scratch folders carry its PID in their names. */
function leftovers(pid: number): readonly string[] {
  const folders = readdirSync(tmpdir()).filter((name) => name.startsWith(`gscip.${pid}.`));
  return [...labTraces().flatMap(({ owner, namespace }) => (owner === pid ? [namespace] : [])), ...folders];
}

/** Processes in its namespaces. */
function children(pid: number): readonly string[] {
  return labTraces().flatMap((trace) => (trace.owner === pid ? trace.pids.map(String) : []));
}

describe('gscip demo', () => {
  it(
    'shows messages, transfers, a rollover without loss, who may talk and why, and a way from relay to direct, as one object, and leaves nothing',
    () =>
      withLab(async (lab) => {
        ensureBuilt();
        const demo = lab.start(null, [...GSCIP, 'demo', '--seconds', '4', '--json'], { seconds: 140 });
        const { code, stdout, stderr } = await demo.finished();
        expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
        expect(stdout.trim().split('\n')).toHaveLength(1);
        const shown = JSON.parse(stdout);
        expect(shown).toMatchObject({ schema: 1, bare: { bitsPerSecond: COUNT }, overlay: { lostByKeys: 0 } });
        expect(shown.messages.map(({ message }: { message: string }) => message)).toEqual([
          'DDE',
          'RGI',
          'MPIT',
          'CDN',
        ]);
        expect(shown.overlay.bitsPerSecond).toBeGreaterThan(0);
        const pairs = shown.pairs.map(
          ({ from, to, answered, result }: Record<string, string>) => `${from} ${to} ${answered} ${result}`,
        );
        expect(pairs).toEqual([
          'left printer true encrypt',
          'printer left true encrypt',
          'guest right true encrypt',
          'guest left false discard',
          'left guest false discard',
          'guest printer true relay-plain',
        ]);
        expect(shown.nats).toMatchObject({ moved: { bitsPerSecond: COUNT }, kindAfter: 'direct' });
        const [first] = shown.nats.paths;
        expect(first.path).toMatch(/^relay:/);
        expect(shown.nats.paths.at(-1).path).not.toMatch(/^relay:/);
        expect(leftovers(demo.pid)).toEqual([]);
      }),
    180_000,
  );

  it(
    'is cleaned up when Ctrl-C comes in the middle',
    () =>
      withLab(async (lab) => {
        ensureBuilt();
        const demo = lab.start(null, [...GSCIP, 'demo', '--seconds', '20'], { seconds: 110 });
        await until('the transfer', () => demo.stdout().includes('bare link'), { seconds: 60, everyMs: 10 });
        expect(children(demo.pid).length).toBeGreaterThan(0);
        demo.signal('SIGINT');
        await demo.exited;
        expect(leftovers(demo.pid)).toEqual([]);
      }),
    180_000,
  );
});
