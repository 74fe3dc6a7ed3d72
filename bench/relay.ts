import { withLab } from '../src/cli/lab/lab.ts';
import { type Load, RelayBed } from './relay/bed.ts';
import { CONTESTANTS, type Contestant } from './relay/contestants.ts';
import { benchMain } from './tools/bench-main.ts';
import { highestRate } from './tools/highest-rate.ts';
import { cpuSeconds } from './tools/process-cost.ts';
import { median, short, shortSpread } from './tools/statistics.ts';
import { markdownTable } from './tools/table.ts';

const SIZES = [1_400, 64];
const LOSS = 0.01;
/** Tried before the search, the last one as fast as it goes. */
const WARMING = [20_000, 0];

/** A relay beside the kernel that forwards the same datagrams: the highest rate at which at most 1 % is lost. */
await benchMain(
  {
    name: 'relay',
    about: 'datagrams per second through a relay, beside plain forwarding and coturn',
    help: {
      rounds: 'over all contestants in turn',
      seconds: 'of each try of a rate',
      flows: 'that send in turn, each on its own channel',
      burst: 'datagrams of a flow behind each other',
      crowd: 'flows of the second load, whose datagrams come one by one; 0 leaves it out',
    },
    values: { rounds: 3, seconds: 1, flows: 4, burst: 32, crowd: 64 },
    quick: { rounds: 1, seconds: 0.3, crowd: 0 },
  },
  (options) => measure(options),
);

interface Options {
  readonly rounds: number;
  readonly seconds: number;
  readonly flows: number;
  readonly burst: number;
  readonly crowd: number;
}

interface Found {
  /** highest with at most LOSS */
  readonly rate: number;
  /** most that came out, whatever was lost */
  readonly most: number;
  /** of the relay's process, at that rate; NaN for the kernel */
  readonly microseconds: number;
}

async function measure({ rounds, seconds, flows, burst, crowd }: Options) {
  const there = CONTESTANTS.filter((each) => each.missing() === undefined);
  const loads = SIZES.flatMap((size): Load[] => [
    { size, flows, burst },
    ...(crowd > 0 ? [{ size, flows: crowd, burst: 1 }] : []),
  ]);
  const cells = loads.map((load) => ({ load, found: new Map(there.map(({ name }): [string, Found[]] => [name, []])) }));
  await withLab(async (lab) => {
    const bed = new RelayBed(lab);
    for (let round = 0; round < rounds; round++)
      for (const { load, found } of cells)
        for (const each of there) found.get(each.name)?.push(await best(bed, each, load, seconds));
  });
  const missing = CONTESTANTS.flatMap((each) => each.missing() ?? []);
  return {
    results: cells.map(({ load, found }) => ({ load, found: Object.fromEntries(found) })),
    text: text(cells, missing),
  };
}

async function best(bed: RelayBed, contestant: Contestant, load: Load, seconds: number): Promise<Found> {
  const { target, process } = await contestant.start(bed, load);
  bed.closeSink();
  let microseconds = Number.NaN;
  let most = 0;
  try {
    const passes = async (rate: number) => {
      const before = process ? cpuSeconds(process.pid) : Number.NaN;
      const carried = await bed.carry(load, target, rate, seconds);
      most = Math.max(most, carried.through);
      const isCarried = carried.rate > 0.97 * rate && carried.received >= (1 - LOSS) * carried.sent;
      if (isCarried) microseconds = (((process ? cpuSeconds(process.pid) : 0) - before) / carried.received) * 1e6;
      return isCarried;
    };
    for (const rate of WARMING) await passes(rate);
    return { rate: await highestRate(passes, 20_000, 1_600_000), most, microseconds };
  } finally {
    bed.openSink();
    await process?.stop();
  }
}

type Cells = readonly { readonly load: Load; readonly found: ReadonlyMap<string, readonly Found[]> }[];

function text(cells: Cells, missing: readonly string[]): string {
  const tables = cells.map(({ load, found }) => {
    const [plain = []] = found.values();
    const rows = [...found].map(([name, list]) => {
      const cells = (['rate', 'most'] as const).flatMap((which) => {
        const ratios = list.map((found, round) => (100 * found[which]) / (plain[round]?.[which] ?? Number.NaN));
        return [shortSpread(list.map((found) => found[which])), shortSpread(ratios)];
      });
      return [name, ...cells, short(median(list.map(({ microseconds }) => microseconds)))];
    });
    const title = `${load.size} bytes, ${load.flows} flows, ${load.burst === 1 ? 'one by one' : `${load.burst} at a time`}`;
    return markdownTable(
      [title, '≤ 1 % lost', '% of the kernel', 'most through', '% of the kernel', 'process µs'],
      rows,
    );
  });
  return [...tables, ...missing].join('\n\n');
}
