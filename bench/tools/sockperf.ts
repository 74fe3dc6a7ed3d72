import { until } from '../../src/cli/lab/until.ts';
import type { IperfRoute } from './iperf.ts';

/** Full round trips of 64-byte UDP datagrams, one at a time, in µs. */
export interface RoundTrips {
  readonly p50: number;
  readonly p99: number;
}

/** sockperf ping-pong for some seconds. */
export async function sockperf(route: IperfRoute, seconds: number): Promise<RoundTrips> {
  const where = ['-i', route.address, '-p', '11111'];
  const server = route.server.start(['sockperf', 'sr', ...where], { seconds: seconds + 30 });
  try {
    await until('sockperf to listen', () => route.server.now('ss', ['-lunH', 'sport = :11111']) !== '');
    const client = ['sockperf', 'pp', ...where, '-t', String(seconds), '-m', '64', '--full-rtt'];
    const said = await route.client.run(client, { seconds: seconds + 20 });
    const at = (share: string) => Number(new RegExp(`percentile ${share}\\.000\\s*=\\s*([\\d.]+)`).exec(said)?.[1]);
    return { p50: at('50'), p99: at('99') };
  } finally {
    await server.stop();
  }
}
