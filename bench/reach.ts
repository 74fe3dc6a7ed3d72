import { setTimeout as pause } from 'node:timers/promises';
import { drop } from '../src/cli/lab/traffic-rules.ts';
import { until } from '../src/cli/lab/until.ts';
import { peerOf } from '../test/netns/nat/reach-world.ts';
import { benchMain } from './tools/bench-main.ts';
import { type Delays, ReachBed, type Scene } from './tools/reach-bed.ts';
import { type ColdStart, coldStart, type Idle, idlePair } from './tools/reach-trial.ts';
import { type Received, startReceiver, startSending } from './tools/seq-udp.ts';
import { short, shortSpread } from './tools/statistics.ts';
import { markdownTable } from './tools/table.ts';

const EVEN: Delays = { direct: 10, server: 25 };
const FASTER: Delays = { direct: 10, server: 30 };
const SLOWER: Delays = { direct: 60, server: 5 };

const SCENES: readonly (Scene & { readonly name: string })[] = [
  { name: 'full cone, port-restricted', a: 'full cone', b: 'port-restricted', delays: EVEN },
  { name: 'two port-restricted', a: 'port-restricted', b: 'port-restricted', delays: EVEN },
  { name: 'two symmetric', a: 'symmetric', b: 'symmetric', delays: EVEN },
  { name: 'direct 50 ms faster', a: 'port-restricted', b: 'port-restricted', delays: FASTER },
  { name: 'direct 50 ms slower', a: 'port-restricted', b: 'port-restricted', delays: SLOWER },
];

/** How two nodes behind NATs begin to talk, move from the relay to a direct path, and what they send when they are idle. */
await benchMain(
  {
    name: 'reach',
    about: 'first packets, the move from relay to direct, and probes of two nodes behind NATs',
    help: {
      first: 'of the pairs, to begin with',
      scenes: 'pairs, so many from that one on',
      trials: 'cold starts of each pair',
      seconds: 'of the flow in each of them',
      rate: 'datagrams per second in it: what waits for the first keys must not exceed what a node holds',
      opened: 'datagrams per second while a direct path opens that was closed; 0: not measured',
      idle: 'seconds without traffic; 0: not measured',
    },
    values: { first: 1, scenes: 5, trials: 5, seconds: 3, rate: 100, opened: 5_000, idle: 75 },
    quick: { trials: 1, seconds: 3, opened: 500, idle: 30 },
  },
  async (options) => {
    const scenes: Measured[] = [];
    for (const scene of SCENES.slice(options.first - 1, options.first - 1 + options.scenes))
      scenes.push(await measure(scene, options));
    return { results: scenes, text: page(scenes) };
  },
);

interface Options {
  readonly first: number;
  readonly scenes: number;
  readonly trials: number;
  readonly seconds: number;
  readonly rate: number;
  readonly opened: number;
  readonly idle: number;
}

interface Measured {
  readonly name: string;
  readonly delays: Delays;
  readonly starts: readonly ColdStart[];
  readonly opened: Opened | undefined;
  readonly idle: Idle | undefined;
}

function measure(scene: Scene & { readonly name: string }, options: Options): Promise<Measured> {
  return ReachBed.with(scene, async (bed) => {
    const starts: ColdStart[] = [];
    for (let i = 0; i < options.trials; i++) starts.push(await coldStart(bed, options.rate, options.seconds));
    const relayed = scene.a === 'symmetric';
    const idle = options.idle > 0 ? await idlePair(bed, options.idle) : undefined;
    const opened = options.opened > 0 && !relayed ? await openPath(bed, options.opened) : undefined;
    return { name: scene.name, delays: scene.delays, starts, opened, idle };
  });
}

/** A flow over the relay, while the direct path that was closed opens. */
interface Opened {
  readonly sent: number;
  readonly received: Received;
  readonly direct: boolean;
  readonly refused: number;
}

async function openPath(bed: ReachBed, rate: number): Promise<Opened> {
  const { a, b, world } = bed;
  const closed = drop(world.net.internet, {
    hook: 'forward',
    match: `ip saddr ${a.site.outer} ip daddr ${b.site.outer}`,
  });
  await bed.restart();
  const address = await b.node.address();
  await until('the relay', async () => (await a.node.namespace.attempt(['ping', '-c1', '-W3', address])).code === 0, {
    seconds: 30,
  });
  const before = await refusedBy(bed);
  const receiver = await startReceiver(b.node.namespace, address);
  const sending = startSending(a.node.namespace, address, rate, 200);
  await pause(1_000);
  closed.remove();
  const isDirect = async () => (await peerOf(a.node, b.node))?.path.kind === 'direct';
  const direct = await until('the direct path', isDirect, { seconds: 40, everyMs: 200 }).catch(() => false);
  await pause(2_000);
  const { sent } = await sending.stop();
  await pause(500);
  return { sent, received: await receiver.stop(), direct, refused: (await refusedBy(bed)) - before };
}

/** Datagrams that the receiver refused as seen before or older than its window. */
async function refusedBy({ b }: ReachBed): Promise<number> {
  const metrics = await b.node.metrics();
  return [...metrics].reduce((sum, [name, value]) => (name.includes('event="replayed"') ? sum + value : sum), 0);
}

function known(values: readonly (number | undefined)[]): number[] {
  return values.filter((value) => value !== undefined);
}

/** Two round trips to the coordinator, one to the peer by whatever way there is, and 50 ms. */
function barOf({ server, direct }: Delays, starts: readonly ColdStart[]): number {
  const isRelayed = starts.every(({ directMs }) => directMs === undefined);
  return 4 * server + (isRelayed ? 4 * server : 2 * Math.min(direct, 2 * server)) + 50;
}

function page(scenes: readonly Measured[]): string {
  const cold = scenes.map(({ name, delays, starts }) => [
    name,
    `${delays.direct} / ${2 * delays.server}`,
    shortSpread(known(starts.map(({ firstMs }) => firstMs))),
    String(barOf(delays, starts)),
    shortSpread(known(starts.map(({ directMs }) => directMs))),
    String(starts.reduce((sum, { sent, received }) => sum + sent - received.distinct, 0)),
    String(starts.reduce((sum, { received }) => sum + received.duplicates, 0)),
    String(Math.max(...starts.map(({ received }) => received.furthestBehind))),
    shortSpread(starts.map(({ requests }) => requests)),
  ]);
  const opened = scenes.flatMap(({ name, opened: one }) =>
    one === undefined
      ? []
      : [
          [
            name,
            one.direct ? 'yes' : 'no',
            short(one.sent),
            String(one.sent - one.received.distinct),
            String(one.received.duplicates),
            String(one.received.furthestBehind),
            String(one.refused),
            short(one.received.longestGapMs),
          ],
        ],
  );
  const idle = scenes.flatMap(({ name, idle: one }) =>
    one === undefined ? [] : [[name, String(one.seconds), short(one.toPeer), short(one.toServer)]],
  );
  const coldHead = [
    'pair',
    'direct / relay ms',
    'first packet ms',
    'bar',
    'direct after ms',
    'lost',
    'twice',
    'behind',
    'requests',
  ];
  const openedHead = ['pair', 'direct', 'sent', 'lost', 'twice', 'behind', 'refused', 'longest gap ms'];
  return [
    'Cold starts; delays in one direction, by the relay from node to node. `behind`: by so many numbers the latest datagram was overtaken.',
    markdownTable(coldHead, cold),
    ...(opened.length === 0
      ? []
      : ['A direct path opens under a flow over the relay:', markdownTable(openedHead, opened)]),
    ...(idle.length === 0
      ? []
      : [
          'Without traffic, datagrams of one side in 25 s:',
          markdownTable(['pair', 'seconds', 'to peer', 'to server'], idle),
        ]),
  ].join('\n\n');
}
