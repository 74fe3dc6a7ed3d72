import { PROJECT, pinnedNode } from '../../src/cli/lab/pinned-node.ts';
import { until } from '../../src/cli/lab/until.ts';
import type { IperfRoute } from './iperf.ts';

const PORT = 8_080;

/** Seconds that curl takes for so many bytes by HTTP, from the far end to the near one. TCP is cubic. */
export async function download({ client, server, address }: IperfRoute, bytes: number): Promise<number> {
  const words = [pinnedNode(), `${PROJECT}bench/tools/serve-bytes.ts`, address, `${PORT}`, `${bytes}`];
  const serving = server.start(words, { seconds: 300 });
  try {
    await until('the file to be served', () => serving.stdout().includes('ready'));
    const report = '%{time_total} %{size_download}';
    const curl = ['curl', '-s', '-o', '/dev/null', '-m', '200', '-w', report, `http://${address}:${PORT}/`];
    const [took, got] = (await client.run(curl, { seconds: 220 })).split(' ').map(Number);
    if (got !== bytes || took === undefined) throw new Error(`curl got ${got} of ${bytes} bytes`);
    return took;
  } finally {
    await serving.stop();
  }
}
