import { fileURLToPath } from 'node:url';
import type { Namespace } from '../../../src/cli/lab/namespace.ts';
import { pinnedNode } from '../../../src/cli/lab/pinned-node.ts';
import { until } from '../../../src/cli/lab/until.ts';
import { SERVER } from './sites.ts';

/** What the prober found out; `mapping` and `filtering` by address, by port, or the same for every endpoint. */
export interface Probed {
  readonly reached: boolean;
  readonly translated: boolean;
  readonly mapping: string;
  readonly filtering: string;
  readonly hairpin: string;
  readonly outer: string;
  readonly outerPort: number;
}

const PROBER = [pinnedNode(), fileURLToPath(new URL('./prober.ts', import.meta.url))];

/** Starts the answering side on both addresses of the server. */
export async function startAnswering(server: Namespace): Promise<void> {
  const process = server.start([...PROBER, 'answer', SERVER.first, SERVER.second], { seconds: 600 });
  await until(
    () => `the prober: ${process.stderr()}`,
    () => process.stdout().includes('ready'),
  );
}

/** Asks from a host what stands between it and the server; the outer port is that of the inside `port`. */
export async function probe(host: Namespace, port = 0): Promise<Probed> {
  return JSON.parse(await host.run([...PROBER, 'ask', SERVER.first, SERVER.second, `${port}`], { seconds: 30 }));
}
