import { setTimeout as pause } from 'node:timers/promises';
import { withLab } from '../../src/cli/lab/lab.ts';
import type { OverlayNode } from '../../src/cli/lab/overlay.ts';
import { until } from '../../src/cli/lab/until.ts';
import { Typing } from '../../test/e2e/typing.ts';
import { ReachWorld } from '../../test/netns/nat/reach-world.ts';
import type { Place } from '../../test/netns/nat/sites.ts';

/** What one death of the server cost. */
export interface Return {
  /** until a pair that never talked before did, from the moment that the server answers again; 0: it talked all the time */
  readonly newPairMs: number;
  /** of a pair that talked before, over the whole time */
  readonly longestGapMs: number;
}

const PLACES: readonly Place[] = ['port-restricted', 'full cone', 'port-restricted', 'symmetric', 'address-restricted'];
/** How long the server is gone. */
const GONE_MS = 8_000;

/** Kills the server and brings it back so many times, each time with another pair of nodes that has not talked yet. */
export function measureReturns(times: number, delay: number): Promise<Return[]> {
  return withLab(async (lab) => {
    const world = await ReachWorld.start(lab, {});
    const sites = await Promise.all(PLACES.map((place, at) => world.net.site(place, at + 1, {})));
    for (const { wire } of sites) await wire?.set({ delayMs: delay });
    const placed = await world.join(
      sites,
      sites.map((_, at) => `n${at}`),
    );
    const [first, ...others] = pairs(placed.map(({ node }) => node));
    if (!first) throw new Error('there are pairs');
    const typing = await Typing.start(...first);
    const found: Return[] = [];
    for (const pair of others.slice(0, times)) {
      await allConnected(placed.map(({ node }) => node));
      const killed = Date.now();
      await world.served.server.kill();
      await pause(GONE_MS);
      found.push({ newPairMs: await untilNewPair(pair, () => world.served.server.restart()), longestGapMs: 0 });
      await pause(3_000);
      const last = found.length - 1;
      found[last] = { newPairMs: found[last]?.newPairMs ?? 0, longestGapMs: typing.longestGap(killed, Date.now()) };
    }
    if (!typing.isWhole) throw new Error(`the connection broke: ${typing.trouble()}`);
    return found;
  });
}

/** A server that dies again while nodes still wait to come back to it is another matter. */
async function allConnected(nodes: readonly OverlayNode[]): Promise<void> {
  for (const node of nodes)
    await until(`${node.name} at its server`, async () => (await node.status()).server.connected, { seconds: 60 });
}

/** Pings all the time, also while the server is still away. */
async function untilNewPair([from, to]: Pair, restart: () => Promise<void>): Promise<number> {
  const address = await to.address();
  const ping = from.namespace.start(['ping', '-D', '-i', '0.1', address], { seconds: 120 });
  await pause(1_000);
  await restart();
  const back = Date.now();
  const answered = () => /^\[(\d+\.\d+)\] \d+ bytes/m.exec(ping.stdout())?.[1];
  const at = await until('the first answer', answered, { seconds: 60 });
  await ping.stop();
  return Math.max(0, 1_000 * Number(at) - back);
}

type Pair = readonly [OverlayNode, OverlayNode];

function pairs(nodes: readonly OverlayNode[]): Pair[] {
  return nodes.flatMap((from, at) => nodes.slice(at + 1).map((to) => [from, to] as const));
}
