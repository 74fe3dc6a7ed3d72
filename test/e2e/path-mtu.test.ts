import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { withLab } from '../../src/cli/lab/lab.ts';
import type { Namespace } from '../../src/cli/lab/namespace.ts';
import type { OverlayNode } from '../../src/cli/lab/overlay.ts';
import { until } from '../../src/cli/lab/until.ts';
import { routed } from '../netns/kit.ts';
import { transfers } from './traffic.ts';
import { counted, inside, pings, TwoNodes } from './two-nodes.ts';

const NARROW = 1_400;
const SECONDS = 14;

/** What iperf3 says at its end, of one stream in each direction. */
interface Iperf {
  readonly error?: string;
  readonly intervals: readonly {
    readonly streams: readonly { readonly bytes: number; readonly sender: boolean }[];
  }[];
}

/** No ICMP error of this router reaches anybody. */
function silence(router: Namespace): void {
  const rules = 'icmp type destination-unreachable drop; icmpv6 type packet-too-big drop';
  const chain = `chain out { type filter hook output priority 0; ${rules}; }`;
  router.now('nft', ['-f', '-'], `table inet silent { ${chain}; }\n`);
}

/** Both ways at once for some seconds, slowly; `meanwhile` happens in the middle. */
async function bothWays(from: OverlayNode, to: OverlayNode, meanwhile: () => void): Promise<Iperf> {
  const address = await inside(to, 4);
  const server = to.namespace.start(['iperf3', '-s', '-1', '-B', address, '--forceflush'], { seconds: 60 });
  await until('iperf3', () => server.stdout().includes('listening'));
  const words = ['iperf3', '-c', address, '--bidir', '-t', `${SECONDS}`, '-i', '1', '-b', '8M', '-l', '8K', '-J'];
  const client = from.namespace.attempt(words, { seconds: 60 });
  await sleep(3_000);
  meanwhile();
  return JSON.parse((await client).stdout);
}

const mtuFrom = async (node: OverlayNode) => (await node.status()).peers[0]?.mtu;

it.concurrent.each([
  ['IPv4, and the router says so', 4, false, 60],
  ['IPv4, and nobody says so', 4, true, 60],
  ['IPv6, and nobody says so', 6, true, 80],
] as const)('goes on where the path shrinks under a transfer: %s', (_name, underlay, silent, overhead) =>
  withLab(async (lab) => {
    const machines = routed(lab);
    if (silent) silence(machines.router);
    const nodes = new TwoNodes(lab, underlay, machines);
    const { a, b } = nodes;
    await nodes.up();
    expect(await pings(a, b)).toBe(true);
    // whoever sends by the narrow link is refused by the router; what comes the other way is lost on the wire
    const report = await bothWays(a, b, () => machines.router.ip('link', 'set', 'right', 'mtu', `${NARROW}`));
    expect(report.error).toBeUndefined();
    for (const sender of [true, false]) {
      const bytes = report.intervals.map(({ streams }) => streams.find((each) => each.sender === sender)?.bytes ?? 0);
      expect(bytes[1]).toBeGreaterThan(0);
      expect(Math.min(...bytes.slice(-3)), bytes.join()).toBeGreaterThan(0);
    }
    for (const node of [a, b]) {
      const mtu = await until('the end of the search', async () => {
        const found = await mtuFrom(node);
        return found !== undefined && found.inner > NARROW - overhead - 9 && found;
      });
      expect(mtu).toMatchObject({ measured: true });
      expect(mtu.inner).toBeLessThanOrEqual(NARROW - overhead);
    }
    // the hint of the router reached the node that it was for, and no other
    expect((await counted(a, 'too-big-heard')) > 0).toBe(!silent);
    expect(await counted(b, 'too-big-heard')).toBe(0);
    // new connections in both directions, and programs that ask how large they may be
    expect(await transfers(a, b, 2_000_000)).toBe(true);
    expect(await transfers(b, a, 2_000_000, 6)).toBe(true);
    const words = ['ping', '-M', 'do', '-c', '2', '-i', '0.2', '-W', '1', '-s', '1372', await inside(b, 4)];
    const asked = await a.namespace.attempt(words);
    expect(asked.stdout + asked.stderr).toMatch(/mtu ?= ?1[23]\d\d/);
  }));
