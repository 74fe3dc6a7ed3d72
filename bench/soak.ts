import { setTimeout as pause } from 'node:timers/promises';
import { between, type End, IN_ONE, type Page, readPage, unexplained } from './soak/ledger.ts';
import { type Carried, LOADS } from './soak/loads.ts';
import { benchMain } from './tools/bench-main.ts';
import { residentMiB } from './tools/process-cost.ts';
import { Asker, startEcho } from './tools/seq-udp.ts';
import { median, percentile, short } from './tools/statistics.ts';
import { markdownTable } from './tools/table.ts';
import { type TwoNodes, withTwoNodes } from './tools/two-nodes.ts';

const ASKED = 300;
/** Milliseconds until what is under way has arrived. */
const QUIET = 1_500;

/** Half an hour under changing load; ends with exit code 1 where memory grew, latency drifted, or counters do not add up. */
await benchMain(
  {
    name: 'soak',
    about: 'two nodes under changing load: no growth of memory, no drift of latency, counters that add up',
    help: {
      minutes: 'in all',
      seconds: 'of each load',
      growth: 'MiB by which the memory of a node may be more in the last third than in the first',
      drift: 'µs by which the median round trip may be more, and as many times the first third in per cent',
    },
    values: { minutes: 30, seconds: 4, growth: 16, drift: 50 },
    quick: { minutes: 0.5, seconds: 1, growth: 64, drift: 500 },
  },
  (options) => withTwoNodes({}, (nodes) => measure(nodes, options)),
);

interface Options {
  readonly minutes: number;
  readonly seconds: number;
  readonly growth: number;
  readonly drift: number;
}

/** What was seen in one turn through all loads. */
interface Turn {
  readonly minute: number;
  readonly residentA: number;
  readonly residentB: number;
  readonly p50: number;
  readonly p99: number;
  /** numbered datagrams, and how many were lost with no drop to show for it */
  readonly carried: Carried;
  readonly numberedUnexplained: number;
  /** data datagrams of each direction, and those of them for which no counter stands */
  readonly there: Page;
  readonly back: Page;
}

async function measure(nodes: TwoNodes, options: Options) {
  const [a, b]: End[] = [
    { namespace: nodes.bed.a, node: nodes.a },
    { namespace: nodes.bed.b, node: nodes.b },
  ];
  if (!a || !b) throw new Error('two ends');
  const begin = Date.now();
  const turns: Turn[] = [];
  while (turns.length < 4 || Date.now() - begin < options.minutes * 60_000)
    turns.push(await oneTurn(nodes, a, b, options.seconds, begin));
  const failures = judged(turns, options);
  if (failures.length > 0) process.exitCode = 1;
  return { results: { turns, failures }, text: page(turns, failures) };
}

async function oneTurn(nodes: TwoNodes, a: End, b: End, seconds: number, begin: number): Promise<Turn> {
  const pages = async () => [await readPage(a, b), await readPage(b, a)] as const;
  const first = await pages();
  const sum = { sent: 0, received: 0, doubled: 0 };
  let numberedUnexplained = 0;
  for (const { run } of LOADS) {
    const [before] = await pages();
    const { sent, received, doubled } = await run(nodes, seconds);
    await pause(QUIET);
    const [after] = await pages();
    const { unsent, kernel, tun } = between(before, after);
    numberedUnexplained += Math.max(0, sent - received - unsent - (kernel + tun) * IN_ONE);
    sum.sent += sent;
    sum.received += received;
    sum.doubled += doubled;
  }
  const trips = await roundTrips(nodes);
  await pause(QUIET);
  const last = await pages();
  return {
    minute: (Date.now() - begin) / 60_000,
    residentA: residentMiB(nodes.a.process?.pid ?? 0, 'VmRSS'),
    residentB: residentMiB(nodes.b.process?.pid ?? 0, 'VmRSS'),
    p50: median(trips),
    p99: percentile(trips, 0.99),
    carried: sum,
    numberedUnexplained,
    there: between(first[0], last[0]),
    back: between(first[1], last[1]),
  };
}

async function roundTrips({ bed, bInside }: TwoNodes): Promise<number[]> {
  const echo = await startEcho(bed.b, bInside);
  const asker = new Asker(bed.a, bInside);
  try {
    await asker.ask(20, 1_000, 'new');
    return (await asker.ask(ASKED, 1_000, 'same')).microseconds.filter((each) => each >= 0);
  } finally {
    await asker.stop();
    await echo.stop();
  }
}

/** What must hold at the end. The first turn is left out: memory and compiled code come with it. */
function judged(turns: readonly Turn[], { growth, drift }: Options): string[] {
  const settled = turns.slice(1);
  const third = Math.max(1, Math.floor(settled.length / 3));
  const middle = (key: 'residentA' | 'residentB' | 'p50', part: readonly Turn[]) =>
    median(part.map((turn) => turn[key]));
  const [early, late] = [settled.slice(0, third), settled.slice(-third)];
  const failures: string[] = [];
  for (const key of ['residentA', 'residentB'] as const) {
    const more = middle(key, late) - middle(key, early);
    if (!(more <= growth)) failures.push(`memory of ${key === 'residentA' ? 'a' : 'b'} grew by ${short(more)} MiB`);
  }
  const [before, after] = [middle('p50', early), middle('p50', late)];
  if (!(after - before <= drift + (before * drift) / 100))
    failures.push(`the median round trip went from ${short(before)} to ${short(after)} µs`);
  turns.forEach(({ there, back, numberedUnexplained, carried }, at) => {
    const open = [unexplained(there), unexplained(back)];
    if (open.some((count) => count !== 0))
      failures.push(`turn ${at + 1}: ${open.join(' and ')} datagrams unaccounted for`);
    if (numberedUnexplained > 0)
      failures.push(`turn ${at + 1}: ${numberedUnexplained} numbered datagrams lost without a drop`);
    if (carried.doubled > 0) failures.push(`turn ${at + 1}: ${carried.doubled} datagrams came twice`);
  });
  return failures;
}

function page(turns: readonly Turn[], failures: readonly string[]): string {
  const rows = turns.map(({ minute, residentA, residentB, p50, p99, carried, there, back }) => [
    minute.toFixed(1),
    ...[residentA, residentB, p50, p99].map(short),
    ...[carried.sent, carried.sent - carried.received].map(short),
    ...[there, back].flatMap((each) => [short(each.sealed), short(each.sealed - each.taken)]),
    short(there.kernel + there.tun + back.kernel + back.tun),
  ]);
  const head = ['minute', 'a MiB', 'b MiB', 'p50 µs', 'p99 µs', 'numbered', 'lost', 'sealed by a', 'not opened'];
  return [
    markdownTable([...head, 'sealed by b', 'not opened', 'drops of the kernel'], rows),
    `Loads in turn: ${LOADS.map(({ name }) => name).join('; ')}. The kernel counts what it drops by message, of up to ${IN_ONE} datagrams.`,
    failures.length === 0 ? 'Everything held.' : failures.map((failure) => `- FAILED: ${failure}`).join('\n'),
  ].join('\n\n');
}
