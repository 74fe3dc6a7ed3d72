import { type Kill, KilledMachines } from '../test/e2e/killed-machines.ts';
import { benchMain } from './tools/bench-main.ts';
import { median, short } from './tools/statistics.ts';
import { markdownTable } from './tools/table.ts';

/** Machines that die at moments which a seed chooses: each must come back with traffic, and none may keep anything of before. */
await benchMain(
  {
    name: 'kills',
    about: 'kill -9 and power loss at random moments: how soon traffic is back, and whether anything is left over',
    help: { kills: 'how many', seed: 'what the moments depend on' },
    values: { kills: 100, seed: 1 },
    quick: { kills: 6 },
  },
  async ({ kills, seed }) => {
    const done = await KilledMachines.with(`${seed}`, async (machines) => {
      const seen: Kill[] = [];
      while (seen.length < kills) {
        const kill = await machines.kill();
        seen.push(kill);
        console.error(`${seen.length}: ${kill.victim}, ${kill.way}, ${kill.moment}; traffic after ${kill.backMs} ms`);
      }
      return seen;
    });
    return { results: { seed, kills: done }, text: page(seed, done) };
  },
);

function page(seed: number, kills: readonly Kill[]): string {
  const rows = new Map<string, number[]>();
  for (const { victim, way, backMs } of kills) {
    const key = `${victim}, ${way}`;
    rows.set(key, [...(rows.get(key) ?? []), backMs]);
  }
  const lines = [...rows]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, times]) => [key, String(times.length), short(median(times)), short(Math.max(...times))]);
  return [
    markdownTable(['start to traffic both ways, ms', 'times', 'median', 'worst'], lines),
    `seed ${seed}: ${kills.length} kills, traffic each time, nothing left over`,
  ].join('\n');
}
