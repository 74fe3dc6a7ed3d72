import { fileURLToPath } from 'node:url';
import type { LabProcess } from '../../src/cli/lab/lab-process.ts';
import type { Namespace } from '../../src/cli/lab/namespace.ts';
import type { OverlayNode } from '../../src/cli/lab/overlay.ts';
import { pinnedNode } from '../../src/cli/lab/pinned-node.ts';
import { until } from '../../src/cli/lab/until.ts';
import { inside } from './two-nodes.ts';

const TOOL: readonly string[] = [pinnedNode(), fileURLToPath(new URL('./traffic-tool.ts', import.meta.url))];
const TCP = '7200';
const UDP = '7201';

/** What a tool printed last. */
type Report = Readonly<Record<string, unknown>>;

async function startTool(where: Namespace, ...words: readonly string[]): Promise<LabProcess> {
  const tool = where.start([...TOOL, ...words], { seconds: 120 });
  await until(
    () => `${words[0]}: ${tool.stderr()}`,
    () => tool.stdout().includes('ready'),
  );
  return tool;
}

function lastReport(text: string): Report {
  return JSON.parse(text.trim().split('\n').at(-1) ?? '');
}

async function runTool(where: Namespace, ...words: readonly string[]): Promise<Report> {
  return lastReport(await where.run([...TOOL, ...words], { seconds: 30 }));
}

/** Sends so many bytes through the overlay by one TCP stream; true when the very same bytes arrived. */
export async function transfers(
  from: OverlayNode,
  to: OverlayNode,
  bytes: number,
  family: 4 | 6 = 4,
): Promise<boolean> {
  return carries(from.namespace, to.namespace, await inside(to, family), bytes);
}

/** The same from machine to machine, towards an address of the second. */
export async function carries(from: Namespace, to: Namespace, address: string, bytes: number): Promise<boolean> {
  const sink = await startTool(to, 'sink', address, TCP);
  const poured = await runTool(from, 'pour', address, TCP, `${bytes}`);
  const arrived = await until(
    'the end of the stream',
    () => /\{.*\}\n/.test(sink.stdout()) && lastReport(sink.stdout()),
  );
  await sink.stop();
  return arrived['bytes'] === bytes && arrived['hash'] === poured['hash'];
}

/** A session of many small writes either way; `{heard, inOrder}`. */
export async function types(from: OverlayNode, to: OverlayNode, lines: number, family: 4 | 6 = 4): Promise<Report> {
  const address = await inside(to, family);
  const shell = await startTool(to.namespace, 'shell', address, TCP);
  const heard = await runTool(from.namespace, 'type', address, TCP, `${lines}`);
  await shell.stop();
  return heard;
}

/** A stream of numbered datagrams that are sent back. */
export interface Questions {
  readonly count: number;
  readonly gapMs: number;
  /** payload bytes, in turn */
  readonly sizes: readonly number[];
}

/** Asks by UDP and waits for the answers; `{sent, whole, doubled, damaged}`. */
export async function asks(from: OverlayNode, to: OverlayNode, what: Questions, family: 4 | 6 = 4): Promise<Report> {
  return questions(from.namespace, to.namespace, await inside(to, family), what);
}

/** The same from machine to machine, towards an address of the second. */
export async function questions(from: Namespace, to: Namespace, address: string, what: Questions): Promise<Report> {
  const echo = await startTool(to, 'echo', address, UDP);
  const words = [`${what.count}`, `${what.gapMs}`, ...what.sizes.map(String)];
  const answered = await runTool(from, 'ask', address, UDP, ...words);
  await echo.stop();
  return answered;
}
