import { describe, expect, it } from 'vitest';
import { PLACES } from '../../nat/sim-world.ts';
import { numbersOf } from '../packets.ts';
import { type ReachWorld, reachWorld } from './reach-world.ts';

function kindOf(path: string | undefined): string {
  return path === undefined ? 'none' : path.startsWith('relay:') ? 'relay' : 'direct';
}

/** Both ends send a packet each 50 ms for so long. */
function talk({ network, a, b }: ReachWorld, duration: number): number {
  const begin = network.now;
  let number = 0;
  for (let at = 0; at < duration; at += 50) {
    network.at(begin + at, () => {
      number++;
      a.send(b, number);
      b.send(a, number);
    });
  }
  network.run(begin + duration + 500);
  return number;
}

describe('two whole nodes with a coordinator', () => {
  it.each([
    ['port-restricted', 'port-restricted', 'direct'],
    ['symmetric', 'symmetric', 'relay'],
    ['open', 'symmetric', 'direct'],
  ])('%s and %s get through: %s', (first, second, kind) => {
    const world = reachWorld(PLACES[first], PLACES[second]);
    const sent = talk(world, 5_000);
    const { a, b } = world;
    expect(numbersOf(b.sim).length).toBe(sent);
    expect(numbersOf(a.sim).length).toBe(sent);
    expect([kindOf(a.pathTo(b)), kindOf(b.pathTo(a))]).toEqual([kind, kind]);
  });
});
