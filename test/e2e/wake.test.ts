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
const [HOME, HOTEL, CARRIER] = [0, 1, 2];

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

describe('a laptop that sleeps while its network changes', () => {
  const lab = new Lab();
  const clock = new BootClock(join(lab.folder, 'uptime'));
  let laptop: OverlayNode;
  let desk: OverlayNode;
  let roamer: Roamer;
  let port = 7300;

  beforeAll(async () => {
    const world = await ReachWorld.start(lab);
    const places = ['port-restricted', 'full cone', 'symmetric carrier', 'port-restricted'] as const;
    const [home, hotel, carrier, office] = await Promise.all(places.map((place, at) => world.net.site(place, at + 1)));
    if (!home || !hotel || !carrier || !office) throw new Error('four sites');
    roamer = Roamer.of(home, hotel, carrier);
    const [a, b] = await world.join([home, office], ['laptop', 'desk'], { by: clock.by });
    if (!a || !b) throw new Error('two sites make two nodes');
    [laptop, desk] = [a.node, b.node];
  });
  afterAll(() => lab.close());

  /** Ages in seconds of the keys with the other one. */
  const ages = async (from: OverlayNode, to: OverlayNode) =>
    ((await peerOf(from, to))?.sas ?? []).map(({ ageSeconds }) => ageSeconds);

  const kindIs = (kind: string) =>
    until(`a path that is ${kind}`, async () => (await peerOf(laptop, desk))?.path.kind === kind);

  it.each([
    ['the same network', 'agent', HOME, 'direct'],
    ['another network', 'agent', HOTEL, 'direct'],
    ['a network from where only the relay leads', 'agent', CARRIER, 'relay'],
    ['the network at home', 'machine', HOME, 'direct'],
    ['another network', 'machine', HOTEL, 'direct'],
  ] as const)('goes on by itself in %s when its %s slept', async (where, who, to, kind) => {
    const typing = await Typing.start(laptop, desk, port++);
    const words = ['ping', '-n', '-D', '-i', '0.02', await desk.address()];
    const ping = laptop.namespace.start(words, { seconds: 150 });
    await until('answers', () => answers(ping).length > 20, { seconds: 60 });
    const jumps = await counted(laptop, 'clock-jumps');

    laptop.process?.signal('SIGSTOP');
    await pause(MOVED_MS);
    if (roamer.at !== to) roamer.move(to);
    await pause(ASLEEP_MS - MOVED_MS);
    expect(answers(ping).filter((time) => time > Date.now() - ASLEEP_MS / 2)).toEqual([]);
    if (who === 'machine') clock.forward((2 * ASLEEP_MS) / 1_000);
    const woke = Date.now();
    laptop.process?.signal('SIGCONT');

    await until('answers', () => answers(ping).filter((time) => time > woke).length > 50, { seconds: 60 });
    await typing.goesOn(woke + 500);
    await kindIs(kind);
    const tcp = typing.heard().map((times) => backAfter(times, woke));
    console.log(
      `${who} slept, ${where}: answers after ${backAfter(answers(ping), woke).toFixed(0)} ms, TCP after ${tcp.join(' and ')} ms`,
    );
    expect(typing.isWhole).toBe(true);
    // keys are renewed where the machine slept, and only there (protocol.md 3.4)
    expect(await counted(laptop, 'clock-jumps')).toBe(jumps + (who === 'machine' ? 1 : 0));
    const oldest = Math.max(...(await ages(laptop, desk)));
    if (who === 'machine') expect(oldest).toBeLessThan((Date.now() - woke) / 1_000 + 1);
    else expect(oldest).toBeGreaterThan(ASLEEP_MS / 1_000);
    await Promise.all([ping.stop(), typing.stop()]);
  });
});
