import { describe, expect, it, vi } from 'vitest';
import { DATAGRAM } from '../../src/base/datagram-kinds.ts';
import { withLab } from '../../src/cli/lab/lab.ts';
import { NAT_BEHAVIOURS } from '../../src/cli/lab/nat-box.ts';
import { until } from '../../src/cli/lab/until.ts';
import { type Placed, peerOf, ReachWorld } from '../netns/nat/reach-world.ts';
import type { Site } from '../netns/nat/sites.ts';
import { Stranger } from '../netns/nat/stranger.ts';
import { GROUP, inside, PORT, pings } from './two-nodes.ts';

vi.setConfig({ testTimeout: 90_000 });

/** The number of both LANs: 192.168.1.0/24. */
const SAME = 1;
const [FIRST, SECOND] = ['192.168.1.10', '192.168.1.11'] as const;
/** An attempt to find a direct path is over after 4 s. */
const ATTEMPT_MS = 5_000;

interface Home {
  readonly node: Site;
  readonly stranger: Site;
}

/** On each LAN a node, and a stranger who has exactly the address that the other node has on its own LAN. */
function twoHomes({ net }: ReachWorld, kind: 'port-restricted' | 'symmetric'): readonly [Home, Home] {
  const [a, asB] = net.neighbours(NAT_BEHAVIOURS[kind], 1, 2, SAME);
  const [asA, b] = net.neighbours(NAT_BEHAVIOURS[kind], 2, 2, SAME);
  if (!a || !asB || !asA || !b) throw new Error('two hosts on each LAN');
  expect([a.address, asB.address]).toEqual([FIRST, SECOND]);
  expect([asA.address, b.address]).toEqual([FIRST, SECOND]);
  return [
    { node: a, stranger: asB },
    { node: b, stranger: asA },
  ];
}

/** What names group and members, as it would stand in a datagram that anyone can read. */
async function names(placed: readonly Placed[]): Promise<Buffer[]> {
  const of = async ({ node }: Placed) => {
    const status = await node.status();
    const addresses = [await inside(node, 4)].map((text) => Buffer.from(text.split('.').map(Number)));
    return [Buffer.from(status.node.id, 'hex'), Buffer.from(status.node.name), ...addresses];
  };
  const { groups } = (await placed[0]?.node.status()) ?? {};
  const ids = (groups ?? []).map(({ id }) => Buffer.from(id, 'hex'));
  return [...(await Promise.all(placed.map(of))).flat(), ...ids, Buffer.from(GROUP)];
}

describe('nodes on two LANs of the same prefix', () => {
  it.concurrent.each([
    ['port-restricted', /^direct 203\.0\.[12]\.1:/],
    ['symmetric', /^relay /],
  ] as const)('behind NATs that are %s never take a stranger for each other', (kind, wanted) =>
    withLab(async (lab) => {
      const world = await ReachWorld.start(lab);
      const homes = twoHomes(world, kind);
      const strangers = await Promise.all(
        homes.map(({ stranger }) => Stranger.start(stranger.host, stranger.address, PORT)),
      );
      const placed = await world.join(
        homes.map(({ node }) => node),
        ['laurel', 'hardy'],
      );
      const [a, b] = placed;
      if (!a || !b) throw new Error('two sites make two nodes');
      const said = async () => {
        const peers = [await peerOf(a.node, b.node), await peerOf(b.node, a.node)];
        return peers.map((peer) => `${peer?.path.kind} ${peer?.path.endpoint}`);
      };

      const seen = new Set<string>();
      let lost = 0;
      const look = async () => {
        for (const [from, to] of [
          [a, b],
          [b, a],
        ] as const)
          if (!(await pings(from.node, to.node, 4, 9))) lost++;
        const paths = await said();
        for (const path of paths) seen.add(path);
        return paths.every((path) => wanted.test(path));
      };
      const began = performance.now();
      const isOver = async () => (await look()) && performance.now() - began > ATTEMPT_MS;
      await until(() => `the path: ${[...seen].join(', ')}`, isOver, { seconds: 25, everyMs: 200 });
      expect(lost).toBe(0);
      for (const path of seen) expect(path).not.toContain('192.168');
      for (const path of await said()) expect(path).toMatch(wanted);

      const secrets = await names(placed);
      expect(secrets.length).toBeGreaterThan(7);
      for (const stranger of strangers) {
        const heard = stranger.heard();
        console.log(`a stranger heard ${heard.map((each) => each.subarray(0, 1).toString('hex')).join(' ')}`);
        // it was tried, or this test says nothing
        expect(heard.length).toBeGreaterThan(0);
        for (const datagram of heard) {
          expect([DATAGRAM.data, DATAGRAM.frame]).not.toContain(datagram[0]);
          for (const secret of secrets) expect(datagram.includes(secret)).toBe(false);
        }
        // five datagrams in 30 s go to an address that proves nothing
        expect(heard.length).toBeLessThanOrEqual(10);
      }
    }));
});
