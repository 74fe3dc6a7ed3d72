import { setTimeout as pause } from 'node:timers/promises';
import { benchMain } from './tools/bench-main.ts';
import { Asker, type Received, sendFlows, startEcho, startReceiver } from './tools/seq-udp.ts';
import { median, percentile, short } from './tools/statistics.ts';
import { markdownTable } from './tools/table.ts';
import { type TwoNodes, withTwoNodes } from './tools/two-nodes.ts';

/** Warm round trips that follow each first one, 500 µs apart. */
const WARM = 5;

const KINDS = {
  wire: 'bare wire, new flow',
  silence: 'known flow after silence',
  flowCold: 'new flow, live SA (flow-cold)',
  saCold: 'no entry, no SA, no half-open (SA-cold)',
} as const;

/** What the first packet waits for when nothing is known yet, and whether every first packet arrives exactly once. */
await benchMain(
  {
    name: 'cold-start',
    about: 'added delay and delivery of first packets',
    help: {
      repeats: 'of each kind of start',
      flows: 'first packets in a row',
      rate: 'of those, per second',
      pause: 'ms of silence before each start',
      settle: 'ms after the nodes came up, in which they rehearse handshakes',
    },
    values: { repeats: 100, flows: 1000, rate: 900, pause: 200, settle: 8_000 },
    quick: { repeats: 5, flows: 200, pause: 100, settle: 0 },
  },
  (options) => withTwoNodes({}, (nodes) => measure(nodes, options)),
);

interface Options {
  readonly repeats: number;
  readonly flows: number;
  readonly rate: number;
  readonly pause: number;
  readonly settle: number;
}

type Kind = keyof typeof KINDS;

interface Start {
  readonly first: number;
  readonly warm: number;
}

async function measure(nodes: TwoNodes, options: Options) {
  const { a, b, bed, bInside } = nodes;
  const echoes = [await startEcho(bed.b, bInside), await startEcho(bed.b, bed.bAddress)];
  const inside = new Asker(bed.a, bInside);
  const wire = new Asker(bed.a, bed.bAddress);
  await inside.ask(50, 500, 'new');
  await pause(options.settle);
  const starts: Record<Kind, Start[]> = { wire: [], silence: [], flowCold: [], saCold: [] };
  let extra = 0;
  const once = async (kind: Kind, asker: Asker, port: 'new' | 'same', prepare = () => Promise.resolve()) => {
    await prepare();
    await pause(options.pause);
    const answer = await asker.ask(1 + WARM, 500, port);
    const [first = -1, ...warm] = answer.microseconds;
    starts[kind].push({ first, warm: median(warm.filter((each) => each >= 0)) });
    extra = Math.max(extra, answer.extra);
  };
  for (let repeat = 0; repeat < options.repeats; repeat++) {
    await once('wire', wire, 'new');
    await once('silence', inside, 'same');
    await once('flowCold', inside, 'new');
    await once('saCold', inside, 'new', () => flushBoth(nodes));
  }
  await Promise.all(echoes.map((echo) => echo.stop())); // the receiver takes their port
  const live = await firstPackets(nodes, options);
  await flushBoth(nodes);
  await pause(1000);
  const cold = await firstPackets(nodes, options);
  const counters = { a: countersOf(await a.metrics()), b: countersOf(await b.metrics()) };
  const results = { starts, extraAnswers: extra, firstPackets: { saLive: live, saCold: cold }, counters };
  return { results, text: page(starts, extra, { live, cold }) };
}

async function flushBoth({ a, b }: TwoNodes): Promise<void> {
  await Promise.all([a.flush(true), b.flush(true)]);
}

/** One datagram on each of many new flows, numbered, so that a lost or doubled one is known. */
async function firstPackets(nodes: TwoNodes, options: Options): Promise<Received & { sent: number }> {
  const { bed, aInside, bInside } = nodes;
  const receiver = await startReceiver(bed.b, bInside, options.flows);
  const what = {
    source: aInside,
    flows: options.flows,
    order: 'once',
    rate: options.rate,
    count: options.flows,
    size: 64,
  } as const;
  const { sent } = await sendFlows(bed.a, bInside, what);
  await pause(3500); // a held packet is given up after three seconds
  return { sent, ...(await receiver.stop()) };
}

function countersOf(metrics: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...metrics].filter(([, value]) => value !== 0));
}

function page(
  starts: Record<Kind, readonly Start[]>,
  extra: number,
  rows: Record<'live' | 'cold', Received & { sent: number }>,
): string {
  const kinds = Object.keys(KINDS).filter((kind): kind is Kind => kind in KINDS);
  const body = kinds.map((kind) => {
    const delivered = starts[kind].filter((start) => start.first >= 0);
    const added = delivered.map((start) => start.first - start.warm);
    return [
      KINDS[kind],
      short(median(delivered.map((start) => start.first))),
      short(median(delivered.map((start) => start.warm))),
      short(median(added)),
      short(percentile(added, 0.99)),
      `${delivered.length} of ${starts[kind].length}`,
    ];
  });
  const first = (title: string, { sent, distinct, duplicates }: Received & { sent: number }) =>
    `- ${sent} first packets in a row, ${title}: ${sent - distinct} lost, ${duplicates} twice`;
  return [
    markdownTable(['round trip, µs', 'first p50', 'warm p50', 'added p50', 'added p99', 'delivered'], body),
    `Answers too many: ${extra}.`,
    `${first('SA live', rows.live)}\n${first('after a flush of both ends', rows.cold)}`,
    'Bars: SA-cold at most 1,500 µs added at the median, flow-cold at most 300 µs. Published for comparison, on machines of their time: ' +
      'DPRP start of communication 1,040 µs (IKE 2,994,033 µs); group authentication in the tunnel set-up 494.3 µs of added ' +
      'computation on 273,500 µs.',
  ].join('\n\n');
}
