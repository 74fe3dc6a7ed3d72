import { benchMain } from './tools/bench-main.ts';
import { iperfTcp, iperfUdp, type TcpResult } from './tools/iperf.ts';
import { median, shortSpread } from './tools/statistics.ts';
import { markdownTable } from './tools/table.ts';
import { type TwoNodes, withTwoNodes } from './tools/two-nodes.ts';

/** How the packet path of both nodes is divided; measured in turn. */
const SHAPES = [
  { name: 'one loop', words: ['--workers', '1'] },
  { name: 'a thread for each direction', words: ['--workers', 'split'] },
  { name: 'two threads', words: ['--workers', '2'] },
] as const;

/** Datagrams per second that are offered: more than any of them carries. */
const UDP_RATE = 400_000;

interface Options {
  readonly rounds: number;
  readonly seconds: number;
}

interface Figures {
  readonly tcp: number;
  readonly fourTcp: number;
  readonly reverse: number;
  readonly udp: number;
  readonly workers: number;
}

/** The packet path in one thread and in two, in one run: whether two are worth it on this machine. */
await benchMain(
  {
    name: 'workers',
    about: 'what more threads in the packet path bring on this machine',
    help: { rounds: 'turns of all shapes', seconds: 'of each measurement' },
    values: { rounds: 3, seconds: 5 },
    quick: { rounds: 1, seconds: 1 },
  },
  async (options) => {
    const results = SHAPES.map(({ name }) => ({ name, rounds: [] as Figures[] }));
    for (let round = 0; round < options.rounds; round++)
      for (const [at, { words }] of SHAPES.entries())
        results[at]?.rounds.push(await withTwoNodes({ extra: words }, (nodes) => measure(nodes, options)));
    return { results, text: table(results) };
  },
);

async function measure(nodes: TwoNodes, { seconds }: Options): Promise<Figures> {
  const route = { client: nodes.bed.a, server: nodes.bed.b, address: nodes.bInside };
  const gigabits = async (...extra: readonly string[]) => {
    const result: TcpResult = await iperfTcp(route, seconds, extra);
    return result.gigabits;
  };
  return {
    tcp: await gigabits(),
    fourTcp: await gigabits('-P', '4'),
    reverse: await gigabits('-R'),
    udp: (await iperfUdp(route, seconds, 64, UDP_RATE)).received,
    workers: (await nodes.a.status()).dataPath.workers,
  };
}

function table(results: readonly { readonly name: string; readonly rounds: readonly Figures[] }[]): string {
  const base = results[0]?.rounds ?? [];
  const cell = (rounds: readonly Figures[], pick: (each: Figures) => number) =>
    `${shortSpread(rounds.map(pick))}, × ${(median(rounds.map(pick)) / median(base.map(pick))).toFixed(2)}`;
  const rows = results.map(({ name, rounds }) => [
    `${name} (${rounds[0]?.workers ?? 0})`,
    cell(rounds, ({ tcp }) => tcp),
    cell(rounds, ({ fourTcp }) => fourTcp),
    cell(rounds, ({ reverse }) => reverse),
    cell(rounds, ({ udp }) => udp),
  ]);
  return markdownTable(['packet path', 'TCP Gbit/s', '4 TCP', 'TCP back', 'UDP 64 B /s'], rows);
}
