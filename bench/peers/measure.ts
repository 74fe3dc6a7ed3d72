import { setTimeout as pause } from 'node:timers/promises';
import { download } from '../tools/download.ts';
import { highestRate } from '../tools/highest-rate.ts';
import { type IperfRoute, iperfTcp, iperfUdp } from '../tools/iperf.ts';
import { ambientCores } from '../tools/machine.ts';
import { cpuSeconds, residentMiB } from '../tools/process-cost.ts';
import { type RoundTrips, sockperf } from '../tools/sockperf.ts';
import { type Bed, type Peer, stopTunnel, type Tunnel } from './peer.ts';
import { startToReply } from './start-to-reply.ts';

/** Seconds of each kind of run, and one size. */
export interface Durations {
  readonly tcp: number;
  readonly udp: number;
  readonly latency: number;
  readonly step: number;
  /** bytes of the download */
  readonly download: number;
}

/** What is measured, in this order; the keys name the fields of the JSON, the titles the columns of the table. */
export const METRICS = {
  tcp1Gbit: 'TCP 1 stream Gbit/s',
  tcp4Gbit: 'TCP 4 streams Gbit/s',
  tcpReverseGbit: 'TCP reverse Gbit/s',
  cpuSecondsPerGB: 'VPN CPU s/GB',
  udp64Rate: 'UDP 64 B ≤ 1 % loss /s',
  udp64Saturated: 'UDP 64 B saturated, received /s',
  udp1200Rate: 'UDP 1200 B ≤ 1 % loss /s',
  udp1200Saturated: 'UDP 1200 B saturated, received /s',
  downloadSeconds: 'download s',
  earlyP99: 'RTT p99 right after the start µs',
  rttP50: 'RTT p50 µs',
  rttP99: 'RTT p99 µs',
  loadedP50: 'RTT p50 beside half of TCP µs',
  loadedP99: 'RTT p99 beside half of TCP µs',
  peakMiB: 'peak RSS MiB',
  startMs: 'start to first reply ms',
  firstRttMs: 'first minus steady ping ms',
  ambient: 'ambient cores',
} as const;

export type Metric = keyof typeof METRICS;
export type Row = Readonly<Partial<Record<Metric, number>>>;

/** One round of one peer: builds the tunnel, measures everything, takes it down. */
export async function measure(peer: Peer, bed: Bed, seconds: Durations): Promise<Row> {
  const ambient = await ambientCores();
  const { tunnel, startMs, firstRttMs } = await startToReply(peer, bed);
  try {
    const route: IperfRoute = { client: bed.a, server: bed.b, address: tunnel.address };
    const early = await sockperf(route, seconds.latency);
    const before = vpnCpu(tunnel);
    const tcp1 = await iperfTcp(route, seconds.tcp);
    const cpu = vpnCpu(tunnel) - before;
    const tcp4 = await iperfTcp(route, seconds.tcp, ['-P', '4']);
    const reverse = await iperfTcp(route, seconds.tcp, ['-R']);
    // again, of a tunnel that has carried packets: what compiles while it runs has compiled its path by then
    const idle = await sockperf(route, seconds.latency);
    const loaded = await besideTcp(route, tcp1.gigabits / 2, seconds.latency);
    const row = {
      tcp1Gbit: tcp1.gigabits,
      tcp4Gbit: tcp4.gigabits,
      tcpReverseGbit: reverse.gigabits,
      udp64Rate: await highestRate((rate) => carries(route, 64, rate, seconds.step)),
      udp64Saturated: (await iperfUdp(route, seconds.udp, 64, 0)).received,
      udp1200Rate: await highestRate((rate) => carries(route, 1_200, rate, seconds.step)),
      udp1200Saturated: (await iperfUdp(route, seconds.udp, 1_200, 0)).received,
      downloadSeconds: await download(route, seconds.download),
      earlyP99: early.p99,
      rttP50: idle.p50,
      rttP99: idle.p99,
      loadedP50: loaded.p50,
      loadedP99: loaded.p99,
      startMs,
      ambient,
    };
    if (tunnel.aProcess === undefined) return row;
    const peakMiB = residentMiB(tunnel.aProcess.pid, 'VmHWM');
    return { ...row, firstRttMs, peakMiB, cpuSecondsPerGB: cpu / (tcp1.bytes / 1e9) };
  } finally {
    await stopTunnel(tunnel);
  }
}

/** At most 1 % lost, and the sender kept its rate: a starved sender loses nothing. */
async function carries(route: IperfRoute, size: number, rate: number, seconds: number): Promise<boolean> {
  const { offered, lossPercent } = await iperfUdp(route, seconds, size, rate);
  return lossPercent <= 1 && offered >= 0.95 * rate;
}

/** Round trips while one TCP stream is held to a rate. */
async function besideTcp(route: IperfRoute, gigabits: number, seconds: number): Promise<RoundTrips> {
  const stream = iperfTcp(route, seconds + 2, ['-b', `${Math.round(gigabits * 1e9)}`]);
  // the stream has reached its rate by then
  await pause(1_000);
  const [trips] = await Promise.all([sockperf(route, seconds), stream]);
  return trips;
}

function vpnCpu(tunnel: Tunnel): number {
  return [tunnel.aProcess, tunnel.bProcess].reduce(
    (sum, each) => sum + (each === undefined ? 0 : cpuSeconds(each.pid)),
    0,
  );
}
