import { setTimeout as pause } from 'node:timers/promises';
import { gscipProgram } from '../src/cli/lab/pinned-node.ts';
import { benchMain } from './tools/bench-main.ts';
import { iperfTcp, iperfUdp } from './tools/iperf.ts';
import { short } from './tools/statistics.ts';
import { markdownTable } from './tools/table.ts';
import { type TwoNodes, withTwoNodes } from './tools/two-nodes.ts';

/** Nodes that say each collection; what they measured themselves takes no part in it. */
const TRACED = gscipProgram('--trace-gc');
const SMALL = 64;

/** What the packet path leaves for the collector of garbage: as V8 itself says it, with `--trace-gc`, while packets flow and while none do. */
await benchMain(
  {
    name: 'garbage',
    about: 'what the packet path allocates, and what collecting it costs',
    help: {
      seconds: 'of each load',
      rate: 'of 64-byte datagrams, per second',
      settle: 'ms after the nodes came up, in which they rehearse handshakes',
    },
    values: { seconds: 20, rate: 60_000, settle: 15_000 },
    quick: { seconds: 3, settle: 0 },
  },
  (options) => withTwoNodes({ program: TRACED }, (nodes) => measure(nodes, options)),
);

interface Options {
  readonly seconds: number;
  readonly rate: number;
  readonly settle: number;
}

/** One line of `--trace-gc`: MB of objects before and after, and how long nothing else ran. */
interface Collection {
  readonly isYoung: boolean;
  readonly before: number;
  readonly after: number;
  readonly ms: number;
}

interface Garbage {
  readonly young: number;
  readonly old: number;
  readonly longestMs: number;
  readonly totalMs: number;
  /** of objects made meanwhile, between the first collection and the last */
  readonly megabytes: number;
}

async function measure({ a, b, bed, bInside }: TwoNodes, { seconds, rate, settle }: Options) {
  const route = { client: bed.a, server: bed.b, address: bInside };
  await pause(settle);
  const during = async (work: () => Promise<unknown>) => {
    const nodes = [a, b].map((node) => ({ node, seen: collections(node.process?.stdout() ?? '').length }));
    await work();
    return nodes.map(({ node, seen }) => sumOf(collections(node.process?.stdout() ?? '').slice(seen)));
  };
  const idle = await during(() => pause(seconds * 1000));
  let received = 0;
  const udp = await during(async () => {
    received = (await iperfUdp(route, seconds, SMALL, rate)).received;
  });
  let gigabits = 0;
  const tcp = await during(async () => {
    gigabits = (await iperfTcp(route, seconds)).gigabits;
  });
  const rows = [
    ['idle', idle],
    [`UDP 64 B, ${short(received)}/s`, udp],
    [`TCP, ${short(gigabits)} Gbit/s`, tcp],
  ] as const;
  return { results: { seconds, received, gigabits, idle, udp, tcp }, text: page(rows, seconds, received) };
}

/** The collections that V8 said: `Scavenge 8.2 (10.1) -> 7.9 (11.1) MB, …, 0.45 / 0.00 ms`. */
function collections(text: string): Collection[] {
  const line =
    /: (Scavenge|Mark-Compact|Minor Mark-Compact)[^\n]*? ([\d.]+) \([\d.]+\) -> ([\d.]+) \([\d.]+\) MB,[^\n]*? ([\d.]+) \/ [\d.]+ ms/g;
  return [...text.matchAll(line)].map(([, kind, before, after, ms]) => ({
    isYoung: kind !== 'Mark-Compact',
    before: Number(before),
    after: Number(after),
    ms: Number(ms),
  }));
}

function sumOf(seen: readonly Collection[]): Garbage {
  const times = seen.map(({ ms }) => ms);
  const made = seen.slice(1).map(({ before }, at) => Math.max(0, before - seen[at].after));
  return {
    young: seen.filter(({ isYoung }) => isYoung).length,
    old: seen.filter(({ isYoung }) => !isYoung).length,
    longestMs: Math.max(0, ...times),
    totalMs: times.reduce((sum, ms) => sum + ms, 0),
    megabytes: made.reduce((sum, mb) => sum + mb, 0),
  };
}

function page(rows: readonly (readonly [string, readonly Garbage[]])[], seconds: number, received: number): string {
  const body = rows.flatMap(([name, nodes]) =>
    nodes.map((each, at) => [
      `${name}, ${at === 0 ? 'sender' : 'receiver'}`,
      String(each.young),
      String(each.old),
      short(each.totalMs),
      short(each.longestMs),
      short(each.megabytes / seconds),
    ]),
  );
  const [sender, receiver] = rows[1][1].map(({ megabytes }) => short((megabytes * 2 ** 20) / (received * seconds)));
  return [
    markdownTable(['load and node', 'young', 'old', 'together ms', 'longest ms', 'made MiB/s'], body),
    `A datagram of 64 bytes leaves ${sender} bytes at the sender and ${receiver} at the receiver, all that a node does meanwhile included.`,
  ].join('\n\n');
}
