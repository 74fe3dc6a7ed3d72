import { setTimeout as pause } from 'node:timers/promises';
import { withLab } from '../src/cli/lab/lab.ts';
import { until } from '../src/cli/lab/until.ts';
import { ColdPath } from '../test/e2e/networks/cold-path.ts';
import { benchMain } from './tools/bench-main.ts';
import { Asker, startEcho } from './tools/seq-udp.ts';
import { median, percentile, short } from './tools/statistics.ts';
import { markdownTable } from './tools/table.ts';

/** Warm round trips that follow each first one, 500 µs apart. */
const WARM = 5;
/** Added to the first round trip at the median, at most, in µs. */
const BAR = 2_000;

/** What the first packet between two members waits for, with a GEN of another group in between (figure 3 of the papers). */
await benchMain(
  {
    name: 'cold-path',
    about: 'added delay of first packets GES – GEN – GES',
    help: { repeats: 'first packets', pause: 'ms of silence before each', settle: 'ms after the nodes came up' },
    values: { repeats: 100, pause: 200, settle: 8_000 },
    quick: { repeats: 5, pause: 100, settle: 0 },
  },
  (options) => withLab(async (lab) => measure(new ColdPath(lab), options)),
);

interface Options {
  readonly repeats: number;
  readonly pause: number;
  readonly settle: number;
}

async function measure(path: ColdPath, { repeats, pause: silence, settle }: Options) {
  const { network, start, end } = path;
  await network.upAlone(true);
  const to = await end.address();
  await startEcho(end.namespace, to);
  const asker = new Asker(start.namespace, to);
  await until('the first answer', async () => (await asker.ask(1, 500, 'new')).microseconds.some((each) => each >= 0), {
    seconds: 30,
  });
  await pause(settle);
  const added: number[] = [];
  const warm: number[] = [];
  let lost = 0;
  for (let repeat = 0; repeat < repeats; repeat++) {
    await path.forget();
    await pause(silence);
    const [first = -1, ...rest] = (await asker.ask(1 + WARM, 500, 'new')).microseconds;
    const usual = median(rest.filter((each) => each >= 0));
    if (first < 0) lost += 1;
    else added.push(first - usual);
    warm.push(usual);
  }
  return { results: { added, warm, lost }, text: page(added, warm, lost) };
}

function page(added: readonly number[], warm: readonly number[], lost: number): string {
  const rows = [
    [
      'GES – GEN – GES, nothing known',
      short(median(added)),
      short(percentile(added, 0.99)),
      short(median(warm)),
      `${lost}`,
    ],
    ['DPRP in the papers: negotiation; start of communication', '1,012; 1,040', '', '', ''],
    ['IKE in the papers: negotiation; start of communication', '1,105,954; 2,994,033', '', '', ''],
  ];
  return [
    markdownTable(['first packet, µs', 'added p50', 'added p99', 'warm round trip p50', 'lost'], rows),
    `Bar: at most ${BAR} µs added at the median. The papers measured on machines of their time (Pentium 4, 100BASE-TX), DPRP without any public key operation.`,
  ].join('\n\n');
}
