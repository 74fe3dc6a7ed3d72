import { highestRate } from '../tools/highest-rate.ts';
import { type IperfRoute, iperfTcp, iperfUdp } from '../tools/iperf.ts';
import { ambientCores } from '../tools/machine.ts';
import { cpuSeconds, residentMiB } from '../tools/process-cost.ts';
import { sockperf } from '../tools/sockperf.ts';
import { type Bed, type Peer, stopTunnel, type Tunnel } from './peer.ts';
import { startToReply } from './start-to-reply.ts';

/** Seconds of each kind of run. */
export interface Durations {
  readonly tcp: number;
  readonly udp: number;
  readonly latency: number;
  readonly step: number;
}

/** What is measured, in this order; the keys name the fields of the JSON, the titles the columns of the table. */
export const METRICS = {
  tcp1Gbit: 'TCP 1 stream Gbit/s',
  tcp4Gbit: 'TCP 4 streams Gbit/s',
  tcpReverseGbit: 'TCP reverse Gbit/s',
  cpuSecondsPerGB: 'VPN CPU s/GB',
  udp64Rate: 'UDP 64 B ≤ 1 % loss /s',
  udp64Saturated: 'UDP 64 B saturated, received /s',
  rttP50: 'RTT p50 µs',
  rttP99: 'RTT p99 µs',
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
    const { p50, p99 } = await sockperf(route, seconds.latency);
    const before = vpnCpu(tunnel);
    const tcp1 = await iperfTcp(route, seconds.tcp);
    const cpu = vpnCpu(tunnel) - before;
    const tcp4 = await iperfTcp(route, seconds.tcp, ['-P', '4']);
    const reverse = await iperfTcp(route, seconds.tcp, ['-R']);
    const udp64Rate = await highestRate((rate) => carries(route, rate, seconds.step));
    const saturated = await iperfUdp(route, seconds.udp, 64, 0);
    const row = {
      tcp1Gbit: tcp1.gigabits,
      tcp4Gbit: tcp4.gigabits,
      tcpReverseGbit: reverse.gigabits,
      udp64Rate,
      udp64Saturated: saturated.received,
      rttP50: p50,
      rttP99: p99,
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
async function carries(route: IperfRoute, rate: number, seconds: number): Promise<boolean> {
  const { offered, lossPercent } = await iperfUdp(route, seconds, 64, rate);
  return lossPercent <= 1 && offered >= 0.95 * rate;
}

function vpnCpu(tunnel: Tunnel): number {
  return [tunnel.aProcess, tunnel.bProcess].reduce(
    (sum, each) => sum + (each === undefined ? 0 : cpuSeconds(each.pid)),
    0,
  );
}
