import { expect, it } from 'vitest';
import { type Kill, KilledMachines } from './killed-machines.ts';

/** A few; `npm run soak` does a hundred, of any seed. */
const KILLS = 6;
const SEED = 'some';

it(
  `machines that die at moments of seed "${SEED}" come back with traffic, and leave nothing behind`,
  () =>
    KilledMachines.with(SEED, async (machines) => {
      const kills: Kill[] = [];
      while (kills.length < KILLS) kills.push(await machines.kill());
      // the seed has both ways, and the machine with most to leave behind
      expect(new Set(kills.map(({ way }) => way))).toEqual(new Set(['kill -9', 'power loss']));
      expect(kills).toContainEqual(expect.objectContaining({ victim: 'router', way: 'kill -9' }));
    }),
  240_000,
);
