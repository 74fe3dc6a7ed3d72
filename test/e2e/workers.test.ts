import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { startReceiver, startSending } from '../../bench/tools/seq-udp.ts';
import type { OverlayNode } from '../../src/cli/lab/overlay.ts';
import { until } from '../../src/cli/lab/until.ts';
import { maySteer } from '../netns/may-steer.ts';
import { asks, transfers } from './traffic.ts';
import { counted, GROUP, inside, pings, type TwoNodes, withTwoNodes } from './two-nodes.ts';

const MEGABYTES = 20_000_000;
const FLOWS = 6;
const PER_SECOND = 2_000;
const QUESTIONS = { count: 60, gapMs: 5, sizes: [64, 1_350, 2_000] };
const ALL_BACK = { sent: 60, whole: 60, doubled: 0, damaged: 0 };
/** What a key change may never cause, and what a worker may not lose. */
const LOSSES = ['unknown-index', 'no-key', 'auth-failed', 'replayed', 'too-old', 'send-failed'];

const workers = (count: string) => ({ extra: ['--workers', count] });

/** Of all its workers together. */
async function workerCount(node: OverlayNode, event: string): Promise<number> {
  const all = [...(await node.metrics())].filter(([name]) => name.startsWith('gscip_worker_packets_total'));
  return all.filter(([name]) => name.includes(`"${event}"`)).reduce((sum, [, value]) => sum + value, 0);
}

async function losses({ a, b }: TwoNodes): Promise<number> {
  const all = await Promise.all([a, b].flatMap((node) => LOSSES.map((event) => counted(node, event))));
  return all.reduce((sum, count) => sum + count, 0);
}

async function rollBoth(nodes: TwoNodes): Promise<void> {
  const { a, b, overlay } = nodes;
  overlay.roll(GROUP, '0s');
  for (const node of [a, b]) {
    overlay.rewriteBundle(node);
    await node.ask({ verb: 'key-reload' });
  }
  await until('both to send under the new version', async () => {
    const states = [(await a.status()).peers[0]?.sas, (await b.status()).peers[0]?.sas];
    return states.every((sas) => sas?.some(({ version, sending }) => sending && version > 1));
  });
}

/**
 * Flows of numbered datagrams either way, over a roll: none lost or doubled, and none late. Only the first ones of a flow may be:
 * those that open it inside an SA do not wait for those that wait (protocol.md 5.3).
 */
async function numberedOverARoll(nodes: TwoNodes): Promise<void> {
  const { a, b } = nodes;
  const [toA, toB] = [await inside(a, 4), await inside(b, 4)];
  const flows = Array.from({ length: FLOWS }, (_, number) => {
    const isBack = number % 2 === 1;
    const [from, to, address] = isBack ? [b, a, toA] : [a, b, toB];
    return { from: from.namespace, to: to.namespace, address, port: 7300 + number };
  });
  expect(await pings(a, b)).toBe(true);
  const receivers = await Promise.all(
    flows.map(({ to, address, port }) => startReceiver(to, address, 1, 'count', port)),
  );
  const senders = flows.map(({ from, address, port }) => startSending(from, address, PER_SECOND, 200, port));
  await until('flows under way', async () => (await counted(b, 'opened')) > FLOWS * PER_SECOND);
  const before = await Promise.all(receivers.map((receiver) => receiver.markLate()));
  await rollBoth(nodes);
  const sent = await Promise.all(senders.map((sender) => sender.stop()));
  expect(await pings(a, b)).toBe(true);
  const received = await Promise.all(receivers.map((receiver) => receiver.stop()));
  for (const [at, { distinct, duplicates, late }] of received.entries())
    expect({ flow: at, distinct, duplicates, late }).toEqual({
      flow: at,
      distinct: sent[at]?.sent,
      duplicates: 0,
      late: before[at],
    });
}

describe('nodes with several threads in the packet path', () => {
  it.each([
    ['2', '2'],
    ['2', '1'],
    ['split', '3'],
  ])('%s and %s carry streams, fragments and numbered datagrams in order, also over a roll', (ofA, ofB) =>
    withTwoNodes(async (nodes) => {
      const { a, b } = nodes;
      await nodes.up(workers(ofA), workers(ofB));
      await numberedOverARoll(nodes);
      expect(await Promise.all([transfers(a, b, MEGABYTES), transfers(b, a, MEGABYTES)])).toEqual([true, true]);
      for (const family of [4, 6] as const) expect(await asks(a, b, QUESTIONS, family)).toEqual(ALL_BACK);
      expect(await losses(nodes)).toBe(0);
      const { dataPath } = await a.status();
      if (ofA !== 'split' && !maySteer()) {
        // nobody may divide flows inside a user namespace: there is one thread, and it says so
        expect(dataPath).toMatchObject({ workers: 1, fallbacks: ['no-steering (EPERM)'] });
        return;
      }
      expect(dataPath).toMatchObject({ workers: 2, fallbacks: [] });
      expect(await workerCount(a, 'dropped')).toBe(0);
      const decided = (await workerCount(a, 'sent')) + (await workerCount(a, 'received'));
      expect(decided).toBeGreaterThan(await workerCount(a, 'handed'));
    }));

  it.each(
    maySteer() ? ['2', 'split'] : ['split'],
  )('%s of one node: when a worker dies, the others go on without it', (count) =>
    withTwoNodes(async (nodes) => {
      const { a, b } = nodes;
      const order = `${a.state}.kill`;
      const env = {
        TEST_KILL_WORKERS: order,
        NODE_OPTIONS: `--import=${fileURLToPath(new URL('./worker-killer.mjs', import.meta.url))}`,
      };
      await nodes.up({ ...workers(count), env }, workers('2'));
      expect(await transfers(a, b, MEGABYTES)).toBe(true);
      writeFileSync(order, '');
      await until('the worker to be missed', async () => (await a.status()).dataPath.fallbacks.length > 0);
      expect((await a.status()).dataPath.fallbacks).toEqual(['worker-ended (killed by a test)']);
      expect(await Promise.all([transfers(a, b, MEGABYTES), transfers(b, a, MEGABYTES)])).toEqual([true, true]);
      for (const family of [4, 6] as const) expect(await asks(a, b, QUESTIONS, family)).toEqual(ALL_BACK);
    }));
});
