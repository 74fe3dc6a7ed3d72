import type { OverlayNode } from '../src/cli/lab/overlay.ts';
import { benchMain } from './tools/bench-main.ts';
import { iperfTcp, iperfUdp } from './tools/iperf.ts';
import { cpuSeconds } from './tools/process-cost.ts';
import { markdownTable } from './tools/table.ts';
import { withTwoNodes } from './tools/two-nodes.ts';

/** How much of a node's time is spent in TypeScript: the node itself keeps the time of its primitives and of the policy between them. */
await benchMain(
  {
    name: 'script-share',
    about: 'the share of TypeScript in the time of the data path',
    help: { seconds: 'of each kind of traffic', rate: 'UDP datagrams of 64 bytes per second' },
    values: { seconds: 5, rate: 40_000 },
    quick: { seconds: 2 },
  },
  ({ seconds, rate }) =>
    withTwoNodes({}, async ({ bed, a, b, bInside }) => {
      const route = { client: bed.a, server: bed.b, address: bInside };
      const shares = {
        'TCP, one stream': await during([a, b], () => iperfTcp(route, seconds)),
        'UDP, 64 B': await during([a, b], () => iperfUdp(route, seconds, 64, rate)),
      };
      const rows = Object.entries(shares).flatMap(([traffic, nodes]) =>
        nodes.map(({ policy, primitives, cpu, batches }, at) => [
          `${traffic}, ${at === 0 ? 'sender' : 'receiver'}`,
          percent(policy / (policy + primitives)),
          policy.toFixed(2),
          primitives.toFixed(2),
          cpu.toFixed(2),
          Math.round(batches / seconds).toLocaleString('en-US'),
        ]),
      );
      const head = ['node', 'TypeScript / data path', 'policy s', 'primitives s', 'CPU s', 'batches per s'];
      const note =
        'Policy is what TypeScript does between the primitives, which are the addon and the kernel behind it. Both are taken by ' +
        'the wall clock and so count time in which the kernel ran somebody else: on a busy machine they exceed the CPU time.';
      return { results: shares, text: `${markdownTable(head, rows)}\n\n${note}` };
    }),
);

/** Seconds that a node spent. */
interface Spent {
  readonly policy: number;
  readonly primitives: number;
  readonly cpu: number;
  readonly batches: number;
}

async function during(nodes: readonly OverlayNode[], traffic: () => Promise<unknown>): Promise<Spent[]> {
  const before = await Promise.all(nodes.map(spent));
  await traffic();
  const after = await Promise.all(nodes.map(spent));
  return after.map((end, at) => {
    const begin = before[at] ?? end;
    return {
      policy: end.policy - begin.policy,
      primitives: end.primitives - begin.primitives,
      cpu: end.cpu - begin.cpu,
      batches: end.batches - begin.batches,
    };
  });
}

async function spent(node: OverlayNode): Promise<Spent> {
  const metrics = await node.metrics();
  const value = (name: string) => metrics.get(name) ?? Number.NaN;
  return {
    policy: value('gscip_data_path_seconds_total{part="policy"}'),
    primitives: value('gscip_data_path_seconds_total{part="primitives"}'),
    cpu: cpuSeconds(node.process?.pid ?? 0),
    batches: value('gscip_data_path_batches_total'),
  };
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
