import { describe, expect, it, vi } from 'vitest';
import { type Lab, withLab } from '../../src/cli/lab/lab.ts';
import { NAT_BEHAVIOURS, type NatBehaviour } from '../../src/cli/lab/nat-box.ts';
import { until } from '../../src/cli/lab/until.ts';
import { startMappings } from '../netns/nat/mapping-router.ts';
import { type Placed, peerOf, ReachWorld } from '../netns/nat/reach-world.ts';
import type { Site } from '../netns/nat/sites.ts';
import { pings } from './two-nodes.ts';

vi.setConfig({ testTimeout: 90_000 });

/** Lets nodes on these sites join, and the first reach the second. */
async function meet(world: ReachWorld, sites: readonly Site[]): Promise<readonly [Placed, Placed]> {
  const [a, b] = await world.join(sites, ['a', 'b']);
  if (!a || !b) throw new Error('two sites make two nodes');
  expect(await pings(a.node, b.node, 4, 9)).toBe(true);
  return [a, b];
}

/** An attempt to find a direct path is over after 4 s. */
const ATTEMPT_MS = 5_000;

/** Goes on with traffic until both say that their path is of this kind and leads there, a relayed one for good; returns what they said last. */
async function settled([a, b]: readonly [Placed, Placed], wanted: RegExp): Promise<string[]> {
  const began = performance.now();
  let said: string[] = [];
  const look = async () => {
    await pings(a.node, b.node, 4, 2);
    const peers = [await peerOf(a.node, b.node), await peerOf(b.node, a.node)];
    said = peers.map((peer) => `${peer?.path.kind} ${peer?.path.endpoint} ${peer?.path.reason}`);
    const isOver = !said.some((each) => each.startsWith('relay')) || performance.now() - began > ATTEMPT_MS;
    return isOver && said.every((each) => wanted.test(each));
  };
  await until('the path', look, { seconds: 30, everyMs: 200 }).catch(() => undefined);
  return said;
}

function withReach(body: (world: ReachWorld, lab: Lab) => Promise<void>): Promise<void> {
  return withLab(async (lab) => body(await ReachWorld.start(lab), lab));
}

describe('two nodes', () => {
  it.each<[string, NatBehaviour]>([
    ['symmetric', NAT_BEHAVIOURS.symmetric],
    ['full cone that hairpins', { ...NAT_BEHAVIOURS['full cone'], hairpin: true }],
  ])('of one LAN, behind a NAT that is %s, use the addresses of the LAN', (_, behaviour) =>
    withReach(async (world) => {
      const both = await meet(world, world.net.neighbours(behaviour, 7, 2));
      for (const said of await settled(both, /^direct 192/)) expect(said).toMatch(/^direct 192\.168\.7\.1[01]:47247 /);
    }));

  it.each([
    ['hairpins', true, /^direct 203\.0\.7\.1:/],
    ['does not hairpin', false, /^relay /],
  ])('of two homes behind one carrier whose NAT %s: %s', (_, hairpin, wanted) =>
    withReach(async (world) => {
      const home = NAT_BEHAVIOURS['port-restricted'];
      const both = await meet(world, world.net.homes({ ...home, hairpin }, home, 7, 2));
      for (const said of await settled(both, wanted)) expect(said).toMatch(wanted);
    }));

  it('behind two symmetric NATs, one of which opens ports on demand, are direct', () =>
    withReach(async (world, lab) => {
      const sites = [await world.net.site('symmetric', 1), await world.net.site('symmetric', 2)];
      const router = sites[1]?.router;
      if (!router) throw new Error('no router');
      await startMappings(lab, router);
      const both = await meet(world, sites);
      for (const said of await settled(both, /^direct/)) expect(said).toMatch(/^direct 203\.0\.[12]\.1:/);
    }));
});
