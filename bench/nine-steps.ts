import { benchMain } from './tools/bench-main.ts';
import { type Replay, replay, STEPS, type Step } from './tools/nine-steps-bed.ts';
import { shortSpread } from './tools/statistics.ts';
import { markdownTable } from './tools/table.ts';

/** The papers' nine steps of a rollover under traffic: what each does to the gaps between arrivals, beside a time when nothing happens. */
await benchMain(
  {
    name: 'nine-steps',
    about: 'the longest pause in running traffic during each step of a rollover, beside that of a quiet time',
    help: {
      rounds: 'times that the steps are replayed, each with new machines',
      delay: 'milliseconds from node to node in one direction, and to the server',
      rate: 'datagrams per second of each flow of the session; one that begins with an old key sends 50',
      window: 'milliseconds that each step is watched for, and the quiet time',
      discard: '1: waits until the server discards the old key, 40 s',
    },
    values: { rounds: 3, delay: 20, rate: 500, window: 4_000, discard: 1 },
    quick: { rounds: 1, window: 2_000, discard: 0 },
  },
  async ({ rounds, discard, ...options }) => {
    const replays: Replay[] = [];
    for (let round = 0; round < rounds; round++) replays.push(await replay({ ...options, discard: discard !== 0 }));
    return { results: replays, text: page(replays, options.delay) };
  },
);

function page(replays: readonly Replay[], delay: number): string {
  const longest = (step: Step) => replays.flatMap(({ pauses }) => pausesIn(pauses, step));
  const steps = Object.entries(STEPS).flatMap(([key, text]) => {
    const found = replays.flatMap(({ pauses }) => pauses).find(({ step }) => step === key);
    return found ? [[text, shortSpread(longest(found.step))]] : [];
  });
  const sum = (of: 'sent' | 'lost' | 'doubled') => String(replays.reduce((total, each) => total + each[of], 0));
  return [
    `A round trip between two nodes takes ${2 * delay} ms.`,
    markdownTable(['longest gap of any flow, ms', 'median (extremes)'], steps),
    markdownTable(
      ['datagrams', ''],
      [
        ['sent', sum('sent')],
        ['lost', sum('lost')],
        ['doubled', sum('doubled')],
      ],
    ),
  ].join('\n');
}

/** The longest gap of all flows that ran during this step. */
function pausesIn(pauses: Replay['pauses'], step: Step): number[] {
  return pauses.flatMap((each) => (each.step === step ? [Math.max(...each.gaps)] : []));
}
