import { setTimeout as pause } from 'node:timers/promises';
import { benchMain } from './tools/bench-main.ts';
import { cpuSeconds, residentMiB } from './tools/process-cost.ts';
import { markdownTable } from './tools/table.ts';
import { withTwoNodes } from './tools/two-nodes.ts';

/** What a node costs that has a peer and nothing to carry. */
await benchMain(
  {
    name: 'idle',
    about: 'CPU share and memory of idle nodes',
    help: {
      seconds: 'of silence',
      settle: 'ms after the nodes came up, in which they rehearse handshakes',
    },
    values: { seconds: 30, settle: 12_000 },
    quick: { seconds: 3, settle: 2_000 },
  },
  ({ seconds, settle }) =>
    withTwoNodes({}, async ({ a, b }) => {
      const pids = [a, b].flatMap((node) => node.process?.pid ?? []);
      await pause(settle);
      const before = pids.map(cpuSeconds);
      await pause(seconds * 1000);
      const nodes = pids.map((pid, at) => ({
        cpuPercent: ((cpuSeconds(pid) - (before[at] ?? 0)) / seconds) * 100,
        residentMiB: residentMiB(pid, 'VmRSS'),
        peakMiB: residentMiB(pid, 'VmHWM'),
      }));
      const rows = nodes.map((node, at) => [
        at === 0 ? 'a' : 'b',
        node.cpuPercent.toFixed(2),
        node.residentMiB.toFixed(0),
        node.peakMiB.toFixed(0),
      ]);
      const table = markdownTable(['idle node', '% of a core', 'RSS MiB', 'peak RSS MiB'], rows);
      return { results: nodes, text: `${table}\n\nBars: under 1 % of a core, at most 100 MiB.` };
    }),
);
