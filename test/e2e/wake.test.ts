import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Lab } from '../../src/cli/lab/lab.ts';
import type { LabProcess } from '../../src/cli/lab/lab-process.ts';
import type { OverlayNode } from '../../src/cli/lab/overlay.ts';
import { until } from '../../src/cli/lab/until.ts';
import { BootClock } from '../netns/nat/boot-clock.ts';
import { peerOf, ReachWorld } from '../netns/nat/reach-world.ts';
import { Roamer } from '../netns/nat/roamer.ts';
import { counted } from './two-nodes.ts';
import { Typing } from './typing.ts';

vi.setConfig({ testTimeout: 150_000, hookTimeout: 180_000 });

const ASLEEP_MS = 8_000;
/** How long after its begin the network is another one. */
const MOVED_MS = 1_000;
const NETWORKS = { home: 'port-restricted', hotel: 'full cone', carrier: 'symmetric carrier' } as const;
type NetworkName = keyof typeof NETWORKS;

/** Where a laptop wakes, what slept of it, in which network it was and is, and what its path is then. */
const CASES: readonly (readonly [where: string, who: string, from: NetworkName, to: NetworkName, kind: string])[] = [
  ['the same network', 'agent', 'home', 'home', 'direct'],
  ['another network', 'agent', 'home', 'hotel', 'direct'],
  ['a network from where only the relay leads', 'agent', 'hotel', 'carrier', 'relay'],
  ['the network at home', 'machine', 'carrier', 'home', 'direct'],
  ['another network', 'machine', 'home', 'hotel', 'direct'],
];

interface Laptop {
  readonly node: OverlayNode;
  readonly roamer: Roamer;
  readonly clock: BootClock;
}

/** When each answer of a `ping` came that goes on, in milliseconds of the wall clock. */
function answers(ping: LabProcess): number[] {
  return [...ping.stdout().matchAll(/^\[(\d+\.\d+)\] \d+ bytes/gm)].map(([, at]) => Number(at) * 1_000);
}

/** When the last of the silences ended that began before this moment or soon after it, in milliseconds after it. */
function backAfter(times: readonly number[], woke: number): number {
  let back = 0;
  for (let at = 1; at < times.length; at++) {
    const [before, after] = [times[at - 1] ?? 0, times[at] ?? 0];
    if (after > woke && after - before > 250) back = after - woke;
  }
  return Math.max(0, back);
}

/** Each case has a laptop of its own with one desk, and all sleep at the same time. */
describe('a laptop that sleeps while its network changes', () => {
  const lab = new Lab();
  let laptops: readonly Laptop[];
  let desk: OverlayNode;

  beforeAll(async () => {
    const world = await ReachWorld.start(lab);
    const networks = CASES.map(([, , from, to]) => (from === to ? [from] : [from, to]));
    const sites = await Promise.all(
      networks.map((names, at) =>
        Promise.all(names.map((name, end) => world.net.site(NETWORKS[name], 10 * at + end + 1))),
      ),
    );
    const office = await world.net.site('port-restricted', 100);
    const machines = sites.map(([first, ...others], at) => {
      if (!first) throw new Error('a laptop is somewhere');
      return { first, roamer: Roamer.of(first, ...others), clock: new BootClock(join(lab.folder, `uptime${at}`)) };
    });
    const stops = machines.map(({ clock }) => clock.run());
    const [there, ...placed] = await world.join(
      [office, ...machines.map(({ first }) => first)],
      ['desk', ...machines.map((_, at) => `laptop${at}`)],
      (at) => (at === 0 ? {} : { by: machines[at - 1]?.clock.by ?? [] }),
    );
    for (const stop of stops) stop();
    if (!there) throw new Error('no desk');
    desk = there.node;
    laptops = placed.flatMap(({ node }, at) => {
      const machine = machines[at];
      return machine ? [{ node, ...machine }] : [];
    });
  });
  afterAll(() => lab.close());

  /** Ages in seconds of the keys with the other one. */
  const ages = async (from: OverlayNode, to: OverlayNode) =>
    ((await peerOf(from, to))?.sas ?? []).map(({ ageSeconds }) => ageSeconds);

  const cases = CASES.map((each, at) => [...each, at] as const);
  it.concurrent.each(cases)('goes on by itself in %s when its %s slept', async (where, who, from, to, kind, at) => {
    const laptop = laptops[at];
    if (!laptop) throw new Error('no laptop');
    const { node, roamer, clock } = laptop;
    const typing = await Typing.start(node, desk, 7_300 + at);
    const words = ['ping', '-n', '-D', '-i', '0.02', await desk.address()];
    const ping = node.namespace.start(words, { seconds: 150 });
    await until('answers', () => answers(ping).length > 20, { seconds: 60 });
    const jumps = await counted(node, 'clock-jumps');

    node.process?.signal('SIGSTOP');
    await pause(MOVED_MS);
    if (from !== to) roamer.moveOn();
    await pause(ASLEEP_MS - MOVED_MS);
    expect(answers(ping).filter((time) => time > Date.now() - ASLEEP_MS / 2)).toEqual([]);
    if (who === 'machine') clock.forward((2 * ASLEEP_MS) / 1_000);
    const woke = Date.now();
    node.process?.signal('SIGCONT');

    await until('answers', () => answers(ping).filter((time) => time > woke).length > 50, { seconds: 60 });
    await typing.goesOn(woke + 500);
    await until(`a path that is ${kind}`, async () => (await peerOf(node, desk))?.path.kind === kind, { seconds: 40 });
    const tcp = typing.heard().map((times) => backAfter(times, woke));
    console.log(
      `${who} slept, ${where}: answers after ${backAfter(answers(ping), woke).toFixed(0)} ms, TCP after ${tcp.join(' and ')} ms`,
    );
    expect(typing.isWhole).toBe(true);
    // keys are renewed where the machine slept, and only there (protocol.md 3.4)
    expect(await counted(node, 'clock-jumps')).toBe(jumps + (who === 'machine' ? 1 : 0));
    const oldest = Math.max(...(await ages(node, desk)));
    if (who === 'machine') expect(oldest).toBeLessThan((Date.now() - woke) / 1_000 + 1);
    else expect(oldest).toBeGreaterThan(ASLEEP_MS / 1_000);
    await Promise.all([ping.stop(), typing.stop()]);
  });
});
