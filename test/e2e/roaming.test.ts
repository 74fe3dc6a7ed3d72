import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Lab } from '../../src/cli/lab/lab.ts';
import type { OverlayNode } from '../../src/cli/lab/overlay.ts';
import { until } from '../../src/cli/lab/until.ts';
import { type Placed, peerOf, ReachWorld } from '../netns/nat/reach-world.ts';
import { Roamer } from '../netns/nat/roamer.ts';
import { SERVER } from '../netns/nat/sites.ts';
import { pings } from './two-nodes.ts';
import { Typing } from './typing.ts';

vi.setConfig({ testTimeout: 90_000, hookTimeout: 180_000 });

/** The networks that the laptop is in, and the other one's, by number. */
const [HOME, HOTEL, CARRIER] = [0, 1, 2];
const [OFFICE, TRAIN] = [0, 1];

/** Keys and overlay address of a pair, as one of them sees them; when the keys were made is told to the second. */
async function session(from: OverlayNode, to: OverlayNode) {
  const { node } = await from.status();
  const peer = await peerOf(from, to);
  const made = (peer?.sas ?? []).map(({ version, ageSeconds }) => [
    version,
    Math.round(Date.now() / 1_000 - ageSeconds),
  ]);
  return { addresses: node.addresses, peer: peer?.addresses, made };
}

async function expectSameSession(from: OverlayNode, to: OverlayNode, before: Awaited<ReturnType<typeof session>>) {
  const after = await session(from, to);
  expect({ ...after, made: [] }).toEqual({ ...before, made: [] });
  // the very same ones are still there, with their ages
  for (const [version, made] of before.made)
    expect(after.made.some(([v, at]) => v === version && Math.abs((at ?? 0) - (made ?? 0)) <= 1)).toBe(true);
}

describe('nodes that move in the middle of sessions', () => {
  const lab = new Lab();
  let world: ReachWorld;
  let nodes: Readonly<Record<'laptop' | 'desk' | 'tower' | 'newcomer', OverlayNode>>;
  let laptop: Roamer;
  let desk: Roamer;

  beforeAll(async () => {
    world = await ReachWorld.start(lab, undefined, ['--advertise', `${SERVER.first}:47247,${SERVER.second}:47247`]);
    const { net } = world;
    const places = [
      'port-restricted',
      'full cone',
      'symmetric carrier',
      'port-restricted',
      'address-restricted',
      'port-restricted',
      'port-restricted',
    ] as const;
    const sites = await Promise.all(places.map((place, at) => net.site(place, at + 1)));
    const [home, hotel, carrier, office, train, tower, elsewhere] = sites;
    if (!home || !hotel || !carrier || !office || !train || !tower || !elsewhere) throw new Error('seven sites');
    laptop = Roamer.of(home, hotel, carrier);
    desk = Roamer.of(office, train);
    const names = ['laptop', 'desk', 'tower', 'newcomer'] as const;
    const placed: readonly Placed[] = await world.join([home, office, tower, elsewhere], names);
    const [a, b, c, d] = placed.map(({ node }) => node);
    if (!a || !b || !c || !d) throw new Error('four nodes');
    nodes = { laptop: a, desk: b, tower: c, newcomer: d };
  });
  afterAll(() => lab.close());

  const kindIs = (kind: string) =>
    until(`a path that is ${kind}`, async () => (await peerOf(nodes.laptop, nodes.desk))?.path.kind === kind);

  it('keep them: straight where both NATs allow it, by the relay where not', async () => {
    const typing = await Typing.start(nodes.laptop, nodes.desk);
    await kindIs('direct');
    const before = await session(nodes.laptop, nodes.desk);
    for (const [to, kind] of [
      [HOTEL, 'direct'],
      [CARRIER, 'relay'],
      [HOME, 'direct'],
    ] as const) {
      const moved = Date.now();
      laptop.move(to);
      await typing.goesOn(moved + 300);
      await kindIs(kind);
    }
    await expectSameSession(nodes.laptop, nodes.desk, before);
    expect(typing.isWhole).toBe(true);
    await typing.stop();
  });

  it('keep them also when both move at the same moment', async () => {
    const typing = await Typing.start(nodes.laptop, nodes.desk, 7301);
    const before = await session(nodes.laptop, nodes.desk);
    for (const [to, other] of [
      [HOTEL, TRAIN],
      [HOME, OFFICE],
    ] as const) {
      const moved = Date.now();
      laptop.move(to);
      desk.move(other);
      await typing.goesOn(moved + 300, 30);
      await kindIs('direct');
    }
    await expectSameSession(nodes.laptop, nodes.desk, before);
    expect(typing.isWhole).toBe(true);
    await typing.stop();
  });

  it('do not notice the death of server, coordinator and relay; pairs that never talked do when it is back', async () => {
    const typing = await Typing.start(nodes.laptop, nodes.desk, 7302);
    const before = await session(nodes.laptop, nodes.desk);
    await world.served.server.kill();
    await pause(4_000);
    await typing.goesOn(Date.now());
    expect(await pings(nodes.newcomer, nodes.tower, 4, 1)).toBe(false);
    await world.served.server.restart();
    await until('a new pair', () => pings(nodes.newcomer, nodes.tower, 4, 1), { seconds: 30 });
    await expectSameSession(nodes.laptop, nodes.desk, before);
    expect(typing.isWhole).toBe(true);
    await typing.stop();
  });

  it('find coordinator and relay again when those have another address', async () => {
    const typing = await Typing.start(nodes.laptop, nodes.desk, 7303);
    laptop.move(CARRIER);
    await kindIs('relay');
    world.net.server.ip('addr', 'del', `${SERVER.first}/24`, 'dev', 'eth0');
    world.net.server.ip('addr', 'replace', `${SERVER.second}/24`, 'dev', 'eth0');
    world.net.server.ip('route', 'replace', 'default', 'via', '198.51.100.254');
    await typing.goesOn(Date.now() + 300, 60);
    expect((await peerOf(nodes.laptop, nodes.desk))?.path).toMatchObject({ kind: 'relay' });
    expect(typing.isWhole).toBe(true);
    await typing.stop();
  });
});
