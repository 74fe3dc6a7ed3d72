import { benchMain } from './tools/bench-main.ts';
import { type Moves, RoamingBed } from './tools/roaming-bed.ts';
import { measureReturns, type Return } from './tools/server-returns.ts';
import { median, percentile, short } from './tools/statistics.ts';
import { markdownTable } from './tools/table.ts';

/** Nodes that change their network under running connections, and a server that is killed and comes back. */
await benchMain(
  {
    name: 'roaming',
    about: 'how long a change of network, and the death of the server, keep traffic from flowing',
    help: {
      moves: 'of one node under an interactive flow, and again under iperf3',
      both: 'moves of both nodes at the same moment, under an interactive flow',
      every: 'milliseconds from one move to the next',
      delay: 'milliseconds in one direction, from node to node and to the server',
      megabits: 'per second of iperf3',
      returns: 'times that the server is killed and comes back, 9 at most',
    },
    values: { moves: 50, both: 20, every: 5_000, delay: 10, megabits: 20, returns: 9 },
    quick: { moves: 3, both: 1, returns: 1 },
  },
  async ({ moves, both, every, delay, megabits, returns }) => {
    const rows = await RoamingBed.with(delay, async (bed) => {
      const interactive = await bed.typing(moves, every, 'one');
      const bulk = await bed.iperf(moves, every, megabits);
      return { interactive, bulk, both: await bed.typing(both, every, 'both') };
    });
    const back = await measureReturns(returns, delay);
    return { results: { ...rows, returns: back }, text: page(rows, back) };
  },
);

type Rows = Readonly<Record<'interactive' | 'bulk' | 'both', Moves>>;

function page(rows: Rows, returns: readonly Return[]): string {
  const names = [
    ['one node moves, both ends type', rows.interactive],
    ['one node moves, iperf3', rows.bulk],
    ['both move at once, both ends type', rows.both],
  ] as const;
  const moved = names.map(([name, { gaps, resets }]) => [
    name,
    String(gaps.length),
    short(median(gaps)),
    short(percentile(gaps, 0.9)),
    short(Math.max(...gaps)),
    String(resets),
  ]);
  const fresh = returns.map(({ newPairMs }) => newPairMs);
  const old = returns.map(({ longestGapMs }) => longestGapMs);
  const killed = [
    [
      'first answer of a new pair, after the server is back',
      String(fresh.length),
      short(median(fresh)),
      short(Math.max(...fresh)),
    ],
    ['longest silence of a pair that talked before', String(old.length), short(median(old)), short(Math.max(...old))],
  ];
  return [
    markdownTable(['traffic back after a move, ms', 'moves', 'median', '90 %', 'worst', 'resets'], moved),
    markdownTable(['server killed, ms', 'times', 'median', 'worst'], killed),
  ].join('\n');
}
