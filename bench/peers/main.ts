import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { withLab } from '../../src/cli/lab/lab.ts';
import { pair } from '../../test/netns/kit.ts';
import { reportingFaults } from '../tools/bench-main.ts';
import { describeMachine, raisePriority } from '../tools/machine.ts';
import { requireQuiet } from '../tools/quiet.ts';
import { publish } from '../tools/report.ts';
import { short, shortSpread } from '../tools/statistics.ts';
import { markdownTable } from '../tools/table.ts';
import { fastd } from './fastd.ts';
import { gscip } from './gscip.ts';
import { limit } from './limit.ts';
import { type Durations, METRICS, type Metric, measure, type Row } from './measure.ts';
import { n2n } from './n2n.ts';
import { nebula } from './nebula.ts';
import { openvpn } from './openvpn.ts';
import type { Peer } from './peer.ts';
import { plot } from './plot.ts';
import { strongswan } from './strongswan.ts';
import { tinc } from './tinc.ts';
import { veth } from './veth.ts';
import { wireguardGo, wireguardGoAt } from './wireguard-go.ts';

/** Measures GSCIP beside the bare wire, the limit and other VPNs, in interleaved rounds. `--help` tells the options. */
const PEERS: readonly Peer[] = [
  ...[veth, limit, gscip, wireguardGo],
  ...[nebula, tinc, openvpn, fastd, n2n, strongswan],
];
const ALL = PEERS.map(({ name }) => name);

const USAGE = `node bench/peers/main.ts [--peers a,b] [--rounds N] [--seconds N] [--mtu N] [--wire whole|frames] [--json FILE] [--svg FILE]
       [--wireguard-go PATH] [--quick]
  --peers    of: ${ALL.join(', ')} (default all)
  --rounds   interleaved rounds over all peers (3)
  --seconds  of each TCP run (8); UDP and latency runs take five eighths of it
  --mtu      inside the tunnel (1420)
  --wire     frames: one 1500-byte frame at a time crosses the wire, as on a network card (whole)
  --svg      also draws the medians
  --wireguard-go  a newer one, measured as wireguard-go-new beside the others
  --quick    one round of 2 seconds: to see that everything works, not for figures`;

const { values } = parseArgs({
  options: {
    peers: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    mtu: { type: 'string', default: '1420' },
    wire: { type: 'string', default: 'whole' },
    json: { type: 'string' },
    svg: { type: 'string' },
    'wireguard-go': { type: 'string' },
    quick: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  console.log(USAGE);
} else {
  await reportingFaults(main);
}

async function main(): Promise<void> {
  const chosen = choosePeers(values.peers?.split(',') ?? ALL);
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
  const tcp = Number(values.seconds ?? (values.quick ? 2 : 8));
  const size = values.quick ? 50_000_000 : 500_000_000;
  const seconds: Durations = {
    tcp,
    udp: tcp * 0.625,
    latency: tcp * 0.625,
    step: values.quick ? 1 : 2,
    download: size,
  };
  const options = {
    peers: chosen.map((peer) => peer.name),
    rounds,
    seconds,
    mtu: Number(values.mtu),
    wire: values.wire,
    congestion: 'cubic',
  };
  await requireQuiet();
  const machine = describeMachine(raisePriority());
  const rows = new Map<string, Row[]>(chosen.map((peer) => [peer.name, []]));
  const failed: string[] = [];
  for (let round = 1; round <= rounds; round++) {
    for (const peer of chosen) {
      console.error(`round ${round} of ${rounds}: ${peer.name}`);
      try {
        rows.get(peer.name)?.push(await oneRound(peer, seconds));
      } catch (error) {
        failed.push(`${peer.name}, round ${round}: ${error instanceof Error ? error.message : error}`);
        console.error(failed.at(-1));
      }
    }
  }
  const versions = Object.fromEntries(chosen.map((peer) => [peer.name, peer.version()]));
  publish(
    {
      bench: 'peers',
      machine,
      options,
      results: { versions, rows: Object.fromEntries(rows), failed },
      text: page(rows, versions, failed),
    },
    values.json,
  );
  if (values.svg !== undefined) {
    const { mtu, wire } = options;
    const caption = `Medians of ${rounds} rounds in one run, MTU ${mtu}, ${wire === 'frames' ? 'card-like wire' : 'veth'}`;
    writeFileSync(values.svg, plot(rows, caption));
  }
  if (failed.length > 0) process.exitCode = 1;
}

/** Refuses a run in which a peer would silently be left out. */
function choosePeers(names: readonly string[]): Peer[] {
  const newer = values['wireguard-go'];
  const chosen = names.map((name) => {
    const found = PEERS.find((peer) => peer.name === name);
    if (found === undefined) fail(`no peer '${name}'; there are ${ALL.join(', ')}`);
    return found;
  });
  if (newer !== undefined) chosen.push(wireguardGoAt(newer));
  const missing = chosen.flatMap((peer) => {
    const what = peer.missing();
    return what === undefined ? [] : [`${peer.name} needs ${what}`];
  });
  if (missing.length > 0)
    fail(`${missing.join('; ')}\nInstall it, or name the peers to measure: --peers veth,limit,gscip`);
  return chosen;
}

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}

async function oneRound(peer: Peer, seconds: Durations): Promise<Row> {
  try {
    return await withLab(async (lab) => {
      const bed = { lab, ...pair(lab, values.wire === 'frames' ? 'frames' : 'whole'), mtu: Number(values.mtu) };
      return measure(peer, bed, seconds);
    });
  } finally {
    peer.cleanUp?.();
  }
}

function page(
  rows: ReadonlyMap<string, readonly Row[]>,
  versions: Readonly<Record<string, string>>,
  failed: readonly string[],
): string {
  const metrics = Object.keys(METRICS).filter((key): key is Metric => key in METRICS);
  const of = (peer: string, metric: Metric) =>
    (rows.get(peer) ?? []).flatMap((row) => row[metric] ?? []).filter(Number.isFinite);
  const peers = [...rows.keys()];
  const body = metrics.map((metric) => [METRICS[metric], ...peers.map((peer) => shortSpread(of(peer, metric)))]);
  const names = peers.map((peer) => `- ${peer}: ${versions[peer]}`);
  const parts = [markdownTable(['median (min–max)', ...peers], body), names.join('\n'), ratios(of)];
  if (failed.length > 0) parts.push(`Failed:\n${failed.map((line) => `- ${line}`).join('\n')}`);
  return parts.filter((part) => part !== '').join('\n\n');
}

/** What the project promises, as ratios inside this run. */
function ratios(of: (peer: string, metric: Metric) => readonly number[]): string {
  const middle = (peer: string, metric: Metric) =>
    of(peer, metric).toSorted((x, y) => x - y)[Math.floor((of(peer, metric).length - 1) / 2)] ?? Number.NaN;
  if (of('gscip', 'tcp1Gbit').length === 0 || of('limit', 'tcp1Gbit').length === 0) return '';
  return [
    `gscip / limit, TCP 1 stream: ${short(middle('gscip', 'tcp1Gbit') / middle('limit', 'tcp1Gbit'))} (at least 0.55)`,
    `gscip / limit, UDP 64 B: ${short(middle('gscip', 'udp64Rate') / middle('limit', 'udp64Rate'))} (at least 0.75)`,
    `gscip - limit, RTT p50: ${short(middle('gscip', 'rttP50') - middle('limit', 'rttP50'))} µs (at most 30)`,
  ].join('\n');
}
