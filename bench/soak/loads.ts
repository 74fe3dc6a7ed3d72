import { setTimeout as pause } from 'node:timers/promises';
import { iperfTcp } from '../tools/iperf.ts';
import { sendFlows, sendNumbered, startReceiver } from '../tools/seq-udp.ts';
import type { TwoNodes } from '../tools/two-nodes.ts';

/** Numbered datagrams of a load: none where it has none. */
export interface Carried {
  readonly sent: number;
  readonly received: number;
  readonly doubled: number;
}

export interface Load {
  readonly name: string;
  readonly run: (nodes: TwoNodes, seconds: number) => Promise<Carried>;
}

const NOTHING: Carried = { sent: 0, received: 0, doubled: 0 };

/** One after the other, again and again: what ends one is there when the next begins. */
export const LOADS: readonly Load[] = [
  { name: 'TCP', run: (nodes, seconds) => tcp(nodes, seconds, []) },
  { name: 'UDP 1,200 B, 20,000 /s', run: (nodes, seconds) => numbered(nodes, seconds, 20_000, 1_200) },
  { name: 'TCP back, four streams', run: (nodes, seconds) => tcp(nodes, seconds, ['-R', '-P', '4']) },
  { name: 'UDP 64 B, more than it carries', run: (nodes, seconds) => numbered(nodes, seconds, 400_000, 64) },
  { name: 'new flows', run: newFlows },
  { name: 'nothing, then all keys and flows forgotten', run: forgotten },
  { name: 'UDP 300 B, 2,000 /s', run: (nodes, seconds) => numbered(nodes, seconds, 2_000, 300) },
];

async function tcp({ bed, bInside }: TwoNodes, seconds: number, extra: readonly string[]): Promise<Carried> {
  await iperfTcp({ client: bed.a, server: bed.b, address: bInside }, seconds, extra);
  return NOTHING;
}

async function numbered({ bed, bInside }: TwoNodes, seconds: number, rate: number, size: number): Promise<Carried> {
  const receiver = await startReceiver(bed.b, bInside);
  const { sent } = await sendNumbered(bed.a, bInside, rate, seconds, size);
  await pause(500);
  const { distinct, duplicates } = await receiver.stop();
  return { sent, received: distinct, doubled: duplicates };
}

async function newFlows({ bed, aInside, bInside }: TwoNodes, seconds: number): Promise<Carried> {
  // a node lets one peer open 1,000 a second
  const [rate, flows] = [800, Math.ceil(800 * seconds)];
  const receiver = await startReceiver(bed.b, bInside, flows, 'answer');
  const what = { source: aInside, flows, order: 'once', rate, count: flows, size: 64 } as const;
  const { sent } = await sendFlows(bed.a, bInside, what);
  await pause(500);
  const { distinct, duplicates } = await receiver.stop();
  return { sent, received: distinct, doubled: duplicates };
}

async function forgotten({ a, b }: TwoNodes, seconds: number): Promise<Carried> {
  await pause(seconds * 1_000);
  await Promise.all([a.flush(true), b.flush(true)]);
  return NOTHING;
}
