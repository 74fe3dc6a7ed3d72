import type { PitListAnswer } from '../src/api/pit.ts';
import { withLab } from '../src/cli/lab/lab.ts';
import { until } from '../src/cli/lab/until.ts';
import { Network } from '../test/e2e/networks/network.ts';
import { Plan } from '../test/e2e/networks/plan.ts';
import { benchMain } from './tools/bench-main.ts';
import { type IperfRoute, iperfTcp, iperfUdp } from './tools/iperf.ts';
import { cpuSeconds } from './tools/process-cost.ts';
import { sockperf } from './tools/sockperf.ts';
import { median, short, shortSpread } from './tools/statistics.ts';
import { markdownTable } from './tools/table.ts';

/** As many as the protocol lets stand between two ends. */
const MOST = 4;

/** What members between two others cost: throughput, round trips, and the CPU of each that passes ciphertext on. */
await benchMain(
  {
    name: 'elements',
    about: 'TCP, UDP and round trips between two members with 0 to 4 GENs of another group in between',
    help: {
      most: 'elements in between; from none to so many, 4 at most',
      rounds: 'of all of them in turn, each with new machines',
      seconds: 'of each run',
      rate: 'UDP datagrams per second, of 1,200 bytes',
    },
    values: { most: MOST, rounds: 3, seconds: 4, rate: 50_000 },
    quick: { rounds: 1, seconds: 1, rate: 10_000 },
  },
  measure,
);

interface Options {
  readonly most: number;
  readonly rounds: number;
  readonly seconds: number;
  readonly rate: number;
}

interface Row {
  readonly gigabits: number;
  readonly retransmits: number;
  /** CPU seconds of one element for each GB that it passed on; NaN without one */
  readonly elementPerGB: number;
  readonly udpLoss: number;
  readonly p50: number;
  readonly p99: number;
}

async function measure(options: Options) {
  const rows = new Map<number, Row[]>();
  for (let round = 0; round < options.rounds; round++)
    for (let elements = 0; elements <= Math.min(options.most, MOST); elements++)
      rows.set(elements, [...(rows.get(elements) ?? []), await oneRow(elements, options)]);
  return { results: Object.fromEntries(rows), text: page(rows) };
}

/**
 * GENs stand on both sides of the wire, the first of each side on it, the others behind: GES – GEN – … wire … – GEN – GES. None shares
 * a group with its neighbours, so that only the ends can protect the traffic.
 */
function plan(elements: number): Plan {
  const made = new Plan();
  const [near, far] = [Math.ceil(elements / 2), Math.floor(elements / 2)];
  for (const [letter, count] of [
    ['A', near],
    ['B', far],
  ] as const) {
    const chain = Array.from({ length: count }, (_, at) => `${letter}G${at + 1}`);
    chain.forEach((name, at) => {
      made.addMachine(`${at === 0 ? '' : `${chain[at - 1]} > `}${name} GEN OP{${at + 2}}`);
    });
    made.addMachine(`${count === 0 ? '' : `${chain.at(-1)} > `}${letter} GES OP{1}`);
  }
  return made;
}

function oneRow(elements: number, { seconds, rate }: Options): Promise<Row> {
  return withLab(async (lab) => {
    const places = plan(elements);
    const network = new Network(lab, places, 'links');
    await network.upAlone(true);
    const [a, b] = ['A', 'B'].map((name) => places.way(name)[0]);
    if (!a || !b) throw new Error('a path has two ends');
    const address = await network.node(b).address();
    const route: IperfRoute = { client: network.machine(a), server: network.machine(b), address };
    await until('the first answer', () => answers(route), { seconds: 30 });
    await iperfTcp(route, 1);
    const pids = places.places.flatMap((place) =>
      place.element?.type === 'gen' ? [network.node(place).process?.pid ?? 0] : [],
    );
    const spent = () => pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
    const before = spent();
    const tcp = await iperfTcp(route, seconds);
    const elementPerGB = (spent() - before) / pids.length / (tcp.bytes / 1e9);
    const udp = await iperfUdp(route, seconds, 1_200, rate);
    const { p50, p99 } = await sockperf(route, seconds);
    await expectPassed(network, places, elements);
    const { gigabits, retransmits } = tcp;
    return { gigabits, retransmits, elementPerGB, udpLoss: udp.lossPercent, p50, p99 };
  });
}

async function answers({ client, address }: IperfRoute): Promise<boolean> {
  try {
    await client.run(['ping', '-c', '1', '-W', '1', address]);
    return true;
  } catch {
    return false;
  }
}

/** Without this a path that goes past the elements would be measured as one through them. */
async function expectPassed(network: Network, { places }: Plan, elements: number): Promise<void> {
  let passing = 0;
  for (const place of places)
    if (place.element?.type === 'gen') {
      const { relayed } = await network.node(place).ask<PitListAnswer>({ verb: 'pit-list', limit: 10 });
      if (relayed.length > 0) passing += 1;
    }
  if (passing !== elements) throw new Error(`${passing} of ${elements} elements passed the traffic on`);
}

function page(rows: ReadonlyMap<number, readonly Row[]>): string {
  const bare = median((rows.get(0) ?? []).map(({ gigabits }) => gigabits));
  const table = [...rows].map(([elements, all]) => {
    const column = (key: keyof Row) => all.map((row) => row[key]);
    return [
      `${elements} elements`,
      shortSpread(column('gigabits')),
      `${short((100 * median(column('gigabits'))) / bare)} %`,
      shortSpread(column('retransmits')),
      elements === 0 ? '' : shortSpread(column('elementPerGB')),
      shortSpread(column('udpLoss')),
      shortSpread(column('p50')),
      shortSpread(column('p99')),
    ];
  });
  const head = ['in between', 'TCP Gbit/s', 'of none', 'retransmits', 'CPU s/GB of each', 'UDP lost %'];
  return [
    markdownTable([...head, 'round trip p50 µs', 'p99 µs'], table),
    'Each element is a process of its own on the same cores: with every one more the ends have less of them.',
  ].join('\n\n');
}
