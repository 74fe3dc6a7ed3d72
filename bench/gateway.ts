import { type Gateways, withGateways } from '../test/e2e/gateways.ts';
import { benchMain } from './tools/bench-main.ts';
import { type IperfRoute, iperfTcp } from './tools/iperf.ts';
import { median, short, shortSpread } from './tools/statistics.ts';
import { markdownTable } from './tools/table.ts';

/** What two GENs forward between plain terminals, beside what the same two nodes carry between themselves. */
await benchMain(
  {
    name: 'gateway',
    about: 'TCP from a plain terminal to another through two GENs, beside TCP between the two nodes',
    help: { rounds: 'in each of them every row once, in turn', seconds: 'of each TCP run' },
    values: { rounds: 5, seconds: 4 },
    quick: { rounds: 1, seconds: 1 },
  },
  ({ rounds, seconds }) =>
    withGateways(async (network) => {
      await network.up({ mtu: 1_420, warmUp: true });
      return measure(network, rounds, seconds);
    }),
);

interface Row {
  readonly name: string;
  readonly route: IperfRoute;
  readonly extra: readonly string[];
}

async function measure({ a, b }: Gateways, rounds: number, seconds: number) {
  const nodes = { client: a.router, server: b.router, address: await b.node.address() };
  const terminals = { client: a.terminal, server: b.terminal, address: b.v4 };
  const rows: readonly Row[] = [
    { name: 'node to node', route: nodes, extra: [] },
    { name: 'terminal to terminal', route: terminals, extra: [] },
    { name: 'node to node, back', route: nodes, extra: ['-R'] },
    { name: 'terminal to terminal, back', route: terminals, extra: ['-R'] },
  ];
  for (const { route } of rows.slice(0, 2)) await iperfTcp(route, 1);
  const gigabits = new Map<string, number[]>(rows.map(({ name }) => [name, []]));
  const retransmits = new Map<string, number[]>(rows.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++)
    for (const { name, route, extra } of rows) {
      const result = await iperfTcp(route, seconds, extra);
      gigabits.get(name)?.push(result.gigabits);
      retransmits.get(name)?.push(result.retransmits);
    }
  const { gateway } = await a.node.status();
  const shares = [0, 2].map((at) => share(gigabits, rows[at]?.name ?? '', rows[at + 1]?.name ?? ''));
  const results = {
    gigabits: Object.fromEntries(gigabits),
    retransmits: Object.fromEntries(retransmits),
    shares,
    gateway,
  };
  return { results, text: page(gigabits, retransmits, shares) };
}

/** The ratio in each round: what disturbs one run of it mostly disturbs the next, too. */
function share(gigabits: ReadonlyMap<string, readonly number[]>, nodes: string, terminals: string): number[] {
  const bare = gigabits.get(nodes) ?? [];
  return (gigabits.get(terminals) ?? []).map((rate, round) => rate / (bare[round] ?? Number.NaN));
}

function page(
  gigabits: ReadonlyMap<string, readonly number[]>,
  retransmits: ReadonlyMap<string, readonly number[]>,
  shares: readonly (readonly number[])[],
): string {
  const rows = [...gigabits].map(([name, rates]) => [
    name,
    shortSpread(rates),
    shortSpread(retransmits.get(name) ?? []),
  ]);
  const percent = (values: readonly number[]) => `${short(100 * median(values))} %`;
  return [
    markdownTable(['median (min–max)', 'TCP 1 stream Gbit/s', 'retransmits'], rows),
    `terminals / nodes, median of the rounds: ${shares.map(percent).join(' there, ')} back (at least 70 %)`,
  ].join('\n\n');
}
