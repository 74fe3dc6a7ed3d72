import { fileURLToPath } from 'node:url';
import type { LabProcess } from '../../src/cli/lab/lab-process.ts';
import type { Namespace } from '../../src/cli/lab/namespace.ts';
import { pinnedNode } from '../../src/cli/lab/pinned-node.ts';
import { until } from '../../src/cli/lab/until.ts';

const TOOL: readonly string[] = [pinnedNode(), fileURLToPath(new URL('./probe-tool.ts', import.meta.url))];
const PORT = 7300;

/** Answers on all addresses of a machine, outside and inside the overlay. */
export async function serve(where: Namespace, port = PORT): Promise<LabProcess> {
  const tool = where.start([...TOOL, 'serve', `${port}`], { seconds: 300 });
  await until(
    () => `the probe's server: ${tool.stderr()}`,
    () => tool.stdout().includes('ready'),
  );
  return tool;
}

/** Which of TCP, UDP and ping are answered. */
export interface Reached {
  readonly tcp: boolean;
  readonly udp: boolean;
  readonly ping: boolean;
}

export const ALL: Reached = { tcp: true, udp: true, ping: true };
const PATIENCE = 1_500;

export const NOTHING: Reached = { tcp: false, udp: false, ping: false };

/** How a machine asks, where it is not left to the machine. */
export interface Asking {
  /** its own address */
  readonly from?: string;
  /** bytes of a ping's data */
  readonly size?: number;
  /** milliseconds: machines that are busy answer late, and what never comes is waited for as long */
  readonly patience?: number;
}

/** Asks a machine where `serve` runs. */
export async function reach(from: Namespace, address: string, how: Asking = {}): Promise<Reached> {
  const family = address.includes(':') ? '-6' : '-4';
  const as = how.from === undefined ? [] : ['-I', how.from];
  const { patience = PATIENCE } = how;
  const words = ['ping', family, '-c', '1', '-W', `${patience / 1_000}`, '-s', `${how.size ?? 56}`, ...as, address];
  const [answers, ping] = await Promise.all([
    reachFrom(from, address, PORT, 0, how.from, patience),
    from.attempt(words, { seconds: 10 }),
  ]);
  return { ...answers, ping: ping.code === 0 };
}

/** The same by TCP and UDP from a port and an address of its own; 0 and '': any. */
export async function reachFrom(
  from: Namespace,
  address: string,
  port: number,
  ownPort: number,
  ownAddress = '',
  patience = PATIENCE,
): Promise<Omit<Reached, 'ping'>> {
  const said = await from.run([...TOOL, 'reach', address, `${port}`, `${ownPort}`, ownAddress, `${patience}`], {
    seconds: 20,
  });
  const { tcp, udp } = JSON.parse(said);
  return { tcp, udp };
}

/** A connection that says something all the time; each line is an answer. */
export function hold(from: Namespace, address: string): LabProcess {
  return from.start([...TOOL, 'hold', address, `${PORT}`], { seconds: 120 });
}
