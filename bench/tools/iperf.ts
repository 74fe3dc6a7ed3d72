import type { Namespace } from '../../src/cli/lab/namespace.ts';
import { until } from '../../src/cli/lab/until.ts';
import { jsonAt, listAt, numberAt } from './json-path.ts';

const PORT = 5201;

/** From where to where iperf3 runs. */
export interface IperfRoute {
  readonly client: Namespace;
  readonly server: Namespace;
  readonly address: string;
}

/** Result of one TCP run, as counted where the data arrived. */
export interface TcpResult {
  readonly gigabits: number;
  readonly bytes: number;
  readonly retransmits: number;
  /** Gbit/s of each interval, seen by the sender */
  readonly intervals: readonly number[];
}

/** TCP for some seconds. Cubic, whatever the machine's default is, so that machines compare. */
export async function iperfTcp(route: IperfRoute, seconds: number, extra: readonly string[] = []): Promise<TcpResult> {
  const result = await iperf(route, seconds, ['-C', 'cubic', ...extra]);
  return {
    gigabits: numberAt(result, 'end', 'sum_received', 'bits_per_second') / 1e9,
    bytes: numberAt(result, 'end', 'sum_received', 'bytes'),
    retransmits: numberAt(result, 'end', 'sum_sent', 'retransmits'),
    intervals: listAt(result, 'intervals').map((each) => numberAt(each, 'sum', 'bits_per_second') / 1e9),
  };
}

/** Result of one UDP run: packets per second that were offered and that arrived. */
export interface UdpResult {
  readonly offered: number;
  readonly received: number;
  readonly lossPercent: number;
}

/** UDP at a rate in packets per second; 0 is as fast as the sender can. */
export async function iperfUdp(route: IperfRoute, seconds: number, size: number, rate: number): Promise<UdpResult> {
  const sum = jsonAt(
    await iperf(route, seconds, ['-u', '-l', String(size), '-b', String(Math.round(rate * size * 8))]),
    'end',
    'sum',
  );
  const [packets, lost, took] = [numberAt(sum, 'packets'), numberAt(sum, 'lost_packets'), numberAt(sum, 'seconds')];
  return { offered: packets / took, received: (packets - lost) / took, lossPercent: (lost / packets) * 100 };
}

async function iperf(route: IperfRoute, seconds: number, extra: readonly string[]): Promise<unknown> {
  const port = ['-p', String(PORT)];
  const server = route.server.start(['iperf3', '-s', '-1', ...port], { seconds: seconds + 30 });
  try {
    await until('iperf3 to listen', () => route.server.now('ss', ['-ltnH', `sport = :${PORT}`]) !== '');
    const client = ['iperf3', '-c', route.address, ...port, '-t', String(seconds), '-J', ...extra];
    return JSON.parse(await route.client.run(client, { seconds: seconds + 20 }));
  } finally {
    await server.stop();
  }
}
