import { benchMain } from './tools/bench-main.ts';
import { iperfTcp } from './tools/iperf.ts';
import { median, short } from './tools/statistics.ts';
import { markdownTable } from './tools/table.ts';
import { type TwoNodes, withTwoNodes } from './tools/two-nodes.ts';

/** What a change of keys must not move. */
const WATCHED = ['unknown-index', 'auth-failed', 'replayed', 'too-old', 'no-key', 'counter-exhausted'] as const;

interface Options {
  readonly seconds: number;
  readonly after: number;
}

/** Keys changed by volume under TCP at full rate, far more often than the limit of 128 GiB would ask for. */
await benchMain(
  {
    name: 'volume-rekey',
    about: 'what a change of traffic keys by volume costs',
    help: { seconds: 'of TCP at full rate', after: 'GiB under one key' },
    values: { seconds: 20, after: 1 },
    quick: { seconds: 6, after: 1 },
  },
  (options) => withTwoNodes({ extra: ['--rekey-after', String(options.after)] }, (nodes) => measure(nodes, options)),
);

async function measure(nodes: TwoNodes, { seconds, after }: Options) {
  const before = await refused(nodes);
  const keysBefore = await keysMade(nodes);
  const route = { client: nodes.bed.a, server: nodes.bed.b, address: nodes.bInside };
  const { gigabits, intervals, bytes } = await iperfTcp(route, seconds, ['-i', '0.5']);
  const keys = (await keysMade(nodes)) - keysBefore;
  const lost = (await refused(nodes)) - before;
  const lowest = Math.min(...intervals) / median(intervals);
  const results = { gigabits, bytes, intervals, keys, refused: lost, lowestShare: lowest };
  const rows = [
    ['TCP Gbit/s', short(gigabits)],
    [`new SAs (one for about ${after} GiB of ${short(bytes / 2 ** 30)} GiB)`, String(keys)],
    [`datagrams refused: ${WATCHED.join(', ')}`, String(lost)],
    ['lowest interval of 0.5 s, share of the median', short(lowest)],
  ];
  return { results, text: markdownTable(['what', 'figure'], rows) };
}

async function refused({ a, b }: TwoNodes): Promise<number> {
  const all = await Promise.all([a.metrics(), b.metrics()]);
  return sum(all.flatMap((each) => WATCHED.map((name) => each.get(`gscip_packets_total{event="${name}"}`) ?? 0)));
}

async function keysMade({ a }: TwoNodes): Promise<number> {
  return (await a.metrics()).get('gscip_events_total{event="sas-made"}') ?? 0;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, each) => total + each, 0);
}
