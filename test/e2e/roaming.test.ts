import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Lab } from '../../src/cli/lab/lab.ts';
import { until } from '../../src/cli/lab/until.ts';
import { type Placed, peerOf, ReachWorld } from '../netns/nat/reach-world.ts';
import { Roamer } from '../netns/nat/roamer.ts';
import { pings } from './two-nodes.ts';
import { Typing } from './typing.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** The networks that the laptop is in, by number. */
const [HOME, HOTEL, CARRIER] = [0, 1, 2];

describe('a laptop that moves in the middle of sessions', () => {
  const lab = new Lab();
  let world: ReachWorld;
  let laptop: Placed;
  let office: Placed;
  let roamer: Roamer;

  beforeAll(async () => {
    world = await ReachWorld.start(lab);
    const { net } = world;
    const [home, hotel, carrier, other] = [
      await net.site('port-restricted', 1),
      await net.site('full cone', 2),
      await net.site('symmetric carrier', 3),
      await net.site('port-restricted', 4),
    ];
    roamer = Roamer.of(home, hotel, carrier);
    [laptop, office] = await world.join([home, other], ['laptop', 'office']);
    await until('the first ping', () => pings(laptop.node, office.node, 4, 9));
  });
  afterAll(() => lab.close());

  it('keeps them: directly where both NATs allow it, by the relay where not', async () => {
    const typing = await Typing.start(laptop.node, office.node);
    for (const [to, kind] of [
      [HOTEL, 'direct'],
      [CARRIER, 'relay'],
      [HOME, 'direct'],
    ] as const) {
      const moved = Date.now();
      roamer.move(to);
      await typing.goesOn(moved + 300);
      await until(`a path that is ${kind}`, async () => (await peerOf(laptop.node, office.node))?.path.kind === kind);
      await pause(1_000);
      console.log(
        to,
        kind,
        typing.longestGap(moved, Date.now()),
        JSON.stringify((await peerOf(laptop.node, office.node))?.path),
      );
    }
    expect(typing.isWhole).toBe(true);
    await typing.stop();
  });
});
