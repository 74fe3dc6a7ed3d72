import { describe, expect, it } from 'vitest';
import { numbered, numbersOf } from './packets.ts';
import { restartFromCache, served } from './served.ts';

const DAY = 86_400;
const YEAR = 365 * DAY;

/** Two members whose server died an hour ago. */
function pair() {
  const { world, server, nodes } = served(['a', 'b']);
  server.up = false;
  world.run(3_600_000, 60_000);
  for (const node of nodes) node.keys.unixNow();
  return { world, a: nodes[0], b: nodes[1] };
}

describe('a node that starts without its server, and whose clock is behind', () => {
  it.each([
    ['by days', -10 * DAY],
    ['by years', -6 * YEAR],
  ])('%s, speaks with the others: its certificate goes by the latest time that it knows', (_what, clockError) => {
    const { world, a, b } = pair();
    const again = restartFromCache(world, a, { clockError });
    world.run(DAY * 1_000, 600_000);
    world.send(again, numbered(again, b, 1));
    world.send(b, numbered(b, again, 2));
    world.run(2_000);
    expect([numbersOf(b), numbersOf(again)]).toEqual([[1], [2]]);
  });

  it('R5: by years, opens no session after the end of the lease, though its clock never comes to that', () => {
    const { world, a, b } = pair();
    const again = restartFromCache(world, a, { clockError: -6 * YEAR });
    world.run(3 * DAY * 1_000, 600_000);
    world.send(again, numbered(again, b, 1));
    world.run(2_000);
    expect(numbersOf(b)).toEqual([]);
    expect(again.counter('discarded-lease-expired')).toBeGreaterThan(0);
  });
});
