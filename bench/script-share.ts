import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { withLab } from '../src/cli/lab/lab.ts';
import type { OverlayNode } from '../src/cli/lab/overlay.ts';
import { pair } from '../test/netns/kit.ts';
import { gscip, overlayOf, startNodes } from './peers/gscip.ts';
import { stopTunnel } from './peers/peer.ts';
import { startToReply } from './peers/start-to-reply.ts';
import { benchMain } from './tools/bench-main.ts';
import { iperfTcp, iperfUdp } from './tools/iperf.ts';
import { listAt, numberAt, stringAt } from './tools/json-path.ts';
import { markdownTable } from './tools/table.ts';

/** How much of a node's time is spent in TypeScript, and how much in the addon and the kernel behind it, by V8's sampling profiler and by the node's own clock. */
await benchMain(
  {
    name: 'script-share',
    about: 'the share of TypeScript in the time of the data path',
    help: { seconds: 'of each kind of traffic', rate: 'UDP datagrams of 64 bytes per second' },
    values: { seconds: 5, rate: 40_000 },
    quick: { seconds: 2 },
  },
  async ({ seconds, rate }) => {
    const shares = {
      'TCP, one stream': await profiled((route) => iperfTcp(route, seconds)),
      'UDP, 64 B': await profiled((route) => iperfUdp(route, seconds, 64, rate)),
    };
    const rows = Object.entries(shares).flatMap(([traffic, nodes]) =>
      nodes.map((share, at) => [
        `${traffic}, ${at === 0 ? 'sender' : 'receiver'}`,
        percent(share.script / share.busy),
        percent(share.collector / share.busy),
        percent(share.native / share.busy),
        percent(share.ownClock),
        `${share.busy.toFixed(1)} s`,
      ]),
    );
    const table = markdownTable(
      ['busy time', 'TypeScript', 'garbage collector', 'addon and kernel', 'policy by own clock', 'busy'],
      rows,
    );
    return { results: shares, text: table };
  },
);

interface Share {
  /** seconds in which the process did anything */
  readonly busy: number;
  readonly script: number;
  readonly collector: number;
  readonly native: number;
  /** policy's share of the time in the packet path, as the node itself counts it */
  readonly ownClock: number;
}

/** Runs traffic between two fresh nodes that are being profiled; returns the shares of the sender and of the receiver. */
function profiled(traffic: (route: Parameters<typeof iperfTcp>[0]) => Promise<unknown>): Promise<Share[]> {
  return withLab(async (lab) => {
    const bed = { lab, ...pair(lab), mtu: 1420 };
    const folders = { a: join(lab.folder, 'profile-a'), b: join(lab.folder, 'profile-b') };
    for (const folder of Object.values(folders)) mkdirSync(folder);
    const peer = { ...gscip, start: () => startNodes(bed, [], folders) };
    const { tunnel } = await startToReply(peer, bed);
    await traffic({ client: bed.a, server: bed.b, address: tunnel.address });
    const clocks = await Promise.all(overlayOf(bed).nodes.map(policyShare));
    await stopTunnel(tunnel);
    return Object.values(folders).map((folder, at) => ({ ...shareOf(folder), ownClock: clocks[at] ?? Number.NaN }));
  });
}

async function policyShare(node: OverlayNode): Promise<number> {
  const metrics = await node.metrics();
  const seconds = (part: string) => metrics.get(`gscip_data_path_seconds_total{part="${part}"}`) ?? Number.NaN;
  return seconds('policy') / (seconds('policy') + seconds('primitives'));
}

/** Sums the samples of a profile by where they fell. */
function shareOf(folder: string): Omit<Share, 'ownClock'> {
  const file = readdirSync(folder)[0];
  if (file === undefined) throw new Error(`no profile in ${folder}: the node did not end by itself`);
  const profile: unknown = JSON.parse(readFileSync(join(folder, file), 'utf8'));
  const kinds = new Map(listAt(profile, 'nodes').map((node) => [numberAt(node, 'id'), kindOf(node)]));
  const seconds = { script: 0, collector: 0, native: 0, idle: 0 };
  const deltas = listAt(profile, 'timeDeltas').map(Number);
  listAt(profile, 'samples').forEach((sample, at) => {
    seconds[kinds.get(Number(sample)) ?? 'native'] += (deltas[at] ?? 0) / 1e6;
  });
  const { script, collector, native } = seconds;
  return { busy: script + collector + native, script, collector, native };
}

/** Frames with a file are ours or Node's own scripts; without one they are the addon's functions or the runtime's. */
function kindOf(node: unknown): 'script' | 'collector' | 'native' | 'idle' {
  const name = stringAt(node, 'callFrame', 'functionName');
  if (name === '(idle)') return 'idle';
  if (name === '(garbage collector)') return 'collector';
  return stringAt(node, 'callFrame', 'url') === '' ? 'native' : 'script';
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
