import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Lab } from '../../src/cli/lab/lab.ts';
import { until } from '../../src/cli/lab/until.ts';
import { expectedTable, LETTER } from '../nat/expected-table.ts';
import { type Placed, peerOf, ReachWorld } from '../netns/nat/reach-world.ts';
import { PLACES } from '../netns/nat/sites.ts';
import { WireCount } from '../netns/nat/wire-count.ts';
import { pings } from './two-nodes.ts';

/** Three rows of the table at a time: what a row takes is waiting. */
vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000, maxConcurrency: 3 });

/** An attempt to find a direct path is over after 4 s. */
const ATTEMPT_MS = 5_000;
const PINGS = 50;
const MORE = 10;

const EXPECTED = expectedTable(PLACES);

/** One cell of the table as it was met. */
interface Cell {
  readonly letter: string;
  /** the first packet arrived and was answered */
  readonly first: boolean;
  /** datagrams between the two places while `PINGS` pings each way were answered, without the relay */
  readonly direct: number;
  /** what both ends say, and how many pings of each came back */
  readonly said: string;
}

describe('the table of NATs, with real nodes', () => {
  const lab = new Lab();
  const askers = new Map<string, Placed>();
  const peers = new Map<string, Placed>();
  let wire: WireCount | undefined;

  beforeAll(async () => {
    const world = await ReachWorld.start(lab);
    wire = new WireCount(world.net.internet);
    const all = [...PLACES, ...PLACES];
    const sites = await Promise.all(all.map((place, at) => world.net.site(place, at + 1)));
    const placed = await world.join(
      sites,
      sites.map((_, at) => `n${at + 1}`),
    );
    placed.forEach((each, at) => {
      (at < PLACES.length ? askers : peers).set(each.site.place, each);
    });
  });
  afterAll(() => lab.close());

  const found = (side: ReadonlyMap<string, Placed>, place: string) => {
    const placed = side.get(place);
    if (!placed) throw new Error(`nobody stands behind ${place}`);
    return placed;
  };

  async function meet(row: string, column: string, expected: string): Promise<Cell> {
    const [a, b] = [found(askers, row), found(peers, column)];
    const first = await pings(a.node, b.node, 4, 9);
    await settle(a, b, expected);
    const before = wire?.between(a.site.outer, b.site.outer) ?? 0;
    const there = await answered(a, b);
    const back = await answered(b, a);
    const direct = (wire?.between(a.site.outer, b.site.outer) ?? 0) - before;
    const paths = [await peerOf(a.node, b.node), await peerOf(b.node, a.node)].map((peer) => peer?.path);
    const said = paths.map((path) => `${path?.kind} (${path?.reason})`).join(', ');
    const same = paths[0]?.kind === paths[1]?.kind && there + back === 2 * PINGS;
    const letter = same ? (LETTER[paths[0]?.kind ?? ''] ?? '-') : '-';
    return { letter, first, direct, said: `${row} to ${column}: ${said}; ${there} and ${back} answers` };
  }

  it.concurrent.each(PLACES)('from %s there is traffic to all others, direct where the table says so', async (row) => {
    const wanted = EXPECTED[row] ?? '';
    const cells = await Promise.all(PLACES.map((column, at) => meet(row, column, wanted[at] ?? '')));
    const odd = cells.filter(({ letter, first }, at) => letter !== wanted[at] || !first);
    expect(odd.map(({ said, first }) => `${said}; first packet ${first ? 'answered' : 'lost'}`)).toEqual([]);
    // what the wire says: a ping and its answer are two datagrams, or less where the kernel counts several as one
    for (const { letter, direct } of cells)
      if (letter === 'D') expect(direct).toBeGreaterThan(3 * PINGS);
      else expect(direct).toBeLessThan(2 * PINGS);
  });
});

/** Goes on with traffic until the path is the expected one, or until it is sure that it stays on the relay. */
async function settle(a: Placed, b: Placed, expected: string): Promise<void> {
  const began = performance.now();
  const good = async () => {
    await answered(a, b, 1);
    if (expected === 'r') return performance.now() - began > ATTEMPT_MS;
    const both = [await peerOf(a.node, b.node), await peerOf(b.node, a.node)];
    return both.every((peer) => peer?.path.kind === 'direct');
  };
  await until('the path', good, { seconds: 15, everyMs: 250 }).catch(() => undefined);
}

/** How many of so many pings came back; of the last ones, which `ping` does not wait for on a busy machine, there are some more. */
async function answered(from: Placed, to: Placed, count = PINGS): Promise<number> {
  const words = ['ping', '-c', `${count + MORE}`, '-i', '0.02', '-W', '2', await to.node.address()];
  const { stdout } = await from.node.namespace.attempt(words, { seconds: 20 });
  const numbers = [...stdout.matchAll(/icmp_seq=(\d+) /g)].map(([, number]) => Number(number));
  return new Set(numbers.filter((number) => number <= count)).size;
}
