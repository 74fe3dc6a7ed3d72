import { setTimeout as pause } from 'node:timers/promises';
import type { OverlayNode } from '../src/cli/lab/overlay.ts';
import { until } from '../src/cli/lab/until.ts';
import { benchMain } from './tools/bench-main.ts';
import { highestRate } from './tools/highest-rate.ts';
import { iperfTcp } from './tools/iperf.ts';
import { type Received, sendNumbered, startReceiver } from './tools/seq-udp.ts';
import { median, short } from './tools/statistics.ts';
import { markdownTable } from './tools/table.ts';
import { type TwoNodes, withTwoNodes } from './tools/two-nodes.ts';

const GROUP = 'bench';
/** A roll by hand: activated after two seconds, both ends moved within another one. */
const ROLL_SECONDS = 5;
const TCP_INTERVAL = 0.5;

/** Counters that a roll must not move. */
const WATCHED = ['unknown-index', 'auth-failed', 'replayed', 'no-key'] as const;

/** Group keys rolled under load: numbered UDP in blocks with and without rolls, then TCP at full rate. */
await benchMain(
  {
    name: 'rollover',
    about: 'what a key roll costs traffic that flows',
    help: {
      rolls: 'in all UDP blocks together, and again under TCP',
      blocks: 'UDP blocks with rolls, as many without',
      rate: 'datagrams per second; 0: half of the highest rate with at most 1 % loss',
      rekey: 'seconds of UDP without rolls, in which the SA is rekeyed by age (every 120 s)',
    },
    values: { rolls: 20, blocks: 5, rate: 0, rekey: 140 },
    quick: { rolls: 2, blocks: 1, rate: 10_000, rekey: 0 },
  },
  (options) => withTwoNodes({}, (nodes) => measure(nodes, options)),
);

interface Block {
  readonly sent: number;
  readonly lost: number;
  readonly received: Received;
  readonly counters: Readonly<Record<string, number>>;
  readonly versions: readonly VersionSeen[];
}

/** A key version that both nodes were seen to send with, and bytes carried since the one before. */
interface VersionSeen {
  readonly version: number;
  readonly bytes: number;
}

interface Options {
  readonly rolls: number;
  readonly blocks: number;
  readonly rate: number;
  readonly rekey: number;
}

async function measure(nodes: TwoNodes, options: Options) {
  const rate = options.rate > 0 ? options.rate : (await highestRate((each) => carries(nodes, each))) / 2;
  const perBlock = Math.ceil(options.rolls / options.blocks);
  const blocks: Block[] = [];
  for (let block = 0; block < options.blocks; block++) {
    const rolls = Math.min(perBlock, options.rolls - block * perBlock);
    blocks.push(await udpBlock(nodes, rate, perBlock * ROLL_SECONDS));
    blocks.push(await udpBlock(nodes, rate, perBlock * ROLL_SECONDS, () => rollTimes(nodes, rolls)));
  }
  const tcp = await tcpUnderRolls(nodes, options.rolls);
  const rekey = options.rekey === 0 ? undefined : await rekeyBlock(nodes, rate, options.rekey);
  return { results: { rate, blocks, tcp, rekey }, text: page(rate, blocks, tcp, rekey) };
}

async function carries({ bed, bInside }: TwoNodes, rate: number): Promise<boolean> {
  const receiver = await startReceiver(bed.b, bInside);
  const { sent, rate: reached } = await sendNumbered(bed.a, bInside, rate, 2, 64);
  const { distinct } = await receiver.stop();
  return distinct >= 0.99 * sent && reached >= 0.95 * rate;
}

async function udpBlock(
  nodes: TwoNodes,
  rate: number,
  seconds: number,
  roll: () => Promise<VersionSeen[]> = () => Promise.resolve([]),
): Promise<Block> {
  const { bed, bInside } = nodes;
  const before = await watched(nodes);
  const receiver = await startReceiver(bed.b, bInside);
  const sending = sendNumbered(bed.a, bInside, rate, seconds, 64);
  const versions = await roll();
  const { sent } = await sending;
  await pause(300);
  const received = await receiver.stop();
  const after = await watched(nodes);
  const counters = Object.fromEntries(
    Object.entries(after).map(([name, value]) => [name, value - (before[name] ?? 0)]),
  );
  return { sent, lost: sent - received.distinct, received, counters, versions };
}

/** Rolls the key again and again; the two ends learn of each roll half a second apart, the one first that was last before. */
async function rollTimes(nodes: TwoNodes, rolls: number): Promise<VersionSeen[]> {
  const seen: VersionSeen[] = [];
  for (let roll = 0; roll < rolls; roll++) {
    const began = performance.now();
    seen.push(await rollOnce(nodes, roll % 2 === 0 ? [nodes.a, nodes.b] : [nodes.b, nodes.a]));
    await pause(Math.max(0, ROLL_SECONDS * 1000 - (performance.now() - began)));
  }
  return seen;
}

async function rollOnce({ overlay, a, b }: TwoNodes, order: readonly OverlayNode[]): Promise<VersionSeen> {
  const old = Math.max(await sendingVersion(a), await sendingVersion(b));
  overlay.roll(GROUP, '2s');
  for (const node of order) {
    overlay.rewriteBundle(node);
    await node.ask({ verb: 'key-reload' });
    await pause(500);
  }
  return until('both nodes to send with the new version', async () => {
    const version = Math.min(await sendingVersion(a), await sendingVersion(b));
    return version > old && { version, bytes: await bytesSent(a) };
  });
}

/** Newest group key version that this node seals with towards its only peer; 0 without any. */
async function sendingVersion(node: OverlayNode): Promise<number> {
  const { peers } = await node.status();
  return Math.max(0, ...(peers[0]?.sas ?? []).filter((sa) => sa.sending).map((sa) => sa.version));
}

async function bytesSent(node: OverlayNode): Promise<number> {
  return (await node.status()).peers[0]?.txBytes ?? 0;
}

/** The watched counters, both nodes together. */
async function watched({ a, b }: TwoNodes): Promise<Record<string, number>> {
  const both = [...(await a.metrics()), ...(await b.metrics())];
  const sum = (name: string) =>
    both.filter(([key]) => key.includes(`event="${name}"`)).reduce((total, [, value]) => total + value, 0);
  return Object.fromEntries(WATCHED.map((name) => [name, sum(name)]));
}

interface TcpBlock {
  readonly median: number;
  readonly min: number;
  readonly intervals: readonly number[];
  readonly retransmits: number;
}

async function tcpUnderRolls(nodes: TwoNodes, rolls: number): Promise<TcpBlock> {
  const { bed, bInside } = nodes;
  const route = { client: bed.a, server: bed.b, address: bInside };
  const running = iperfTcp(route, rolls * ROLL_SECONDS + 2, ['-i', String(TCP_INTERVAL)]);
  await pause(1000);
  await rollTimes(nodes, rolls);
  const { intervals, retransmits } = await running;
  const steady = intervals.slice(2); // slow start
  return { median: median(steady), min: Math.min(...steady), intervals, retransmits };
}

interface RekeyBlock extends Block {
  /** times that the SA which a sends with was seen to be a younger one */
  readonly rekeys: number;
}

async function rekeyBlock(nodes: TwoNodes, rate: number, seconds: number): Promise<RekeyBlock> {
  let rekeys = 0;
  const block = await udpBlock(nodes, rate, seconds, async () => {
    rekeys = await countRekeys(nodes.a, seconds);
    return [];
  });
  return { ...block, rekeys };
}

async function countRekeys(node: OverlayNode, seconds: number): Promise<number> {
  const end = performance.now() + seconds * 1000;
  let rekeys = 0;
  for (let age = 0; performance.now() < end; await pause(2000)) {
    const { peers } = await node.status();
    const youngest = Math.min(...(peers[0]?.sas ?? []).filter((sa) => sa.sending).map((sa) => sa.ageSeconds));
    if (youngest < age) rekeys++;
    age = youngest;
  }
  return rekeys;
}

function page(rate: number, blocks: readonly Block[], tcp: TcpBlock, rekey: RekeyBlock | undefined): string {
  const rows = blocks.map((block) => [
    String(block.versions.length || 'none'),
    short(block.sent),
    String(block.lost),
    String(block.received.duplicates),
    block.received.longestGapMs.toFixed(2),
    ...WATCHED.map((name) => String(block.counters[name])),
    block.versions.map(({ version }) => version).join(' '),
  ]);
  const lost = (withRolls: boolean) =>
    blocks.filter((block) => block.versions.length > 0 === withRolls).reduce((sum, block) => sum + block.lost, 0);
  return [
    `Numbered UDP, 64 B, ${short(rate)} per second:`,
    markdownTable(['rolls', 'sent', 'lost', 'twice', 'longest gap ms', ...WATCHED, 'versions'], rows),
    `Lost in blocks with rolls ${lost(true)}, without ${lost(false)}. Bar: 0 with rolls, and no counter moves.`,
    `TCP at full rate, intervals of ${TCP_INTERVAL} s: median ${short(tcp.median)} Gbit/s, lowest ${short(tcp.min)} ` +
      `(${short((tcp.min / tcp.median) * 100)} % of the median; bar: none below 50 %), ${tcp.retransmits} retransmits.`,
    rekey === undefined
      ? 'Rekeying by age was not measured.'
      : `Rekeyed by age ${rekey.rekeys} times: ${rekey.lost} of ${short(rekey.sent)} lost.`,
  ].join('\n\n');
}
