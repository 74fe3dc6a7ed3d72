import { fileURLToPath } from 'node:url';
import { runNow } from '../src/cli/lab/run-now.ts';
import { type Panel, plot } from './scale/plot.ts';
import { TRIALS } from './scale/trials.ts';
import { benchMain } from './tools/bench-main.ts';
import { numberAt } from './tools/json-path.ts';
import { median, short, shortSpread } from './tools/statistics.ts';
import { markdownTable } from './tools/table.ts';

/** What grows: how far, what is measured of it, and what the design promises. Each size is a trial in a process of its own. */
const AXES = [
  { trial: 'peers', figure: 'out', title: 'a packet out, ns', across: 'peers', promise: 'flat, but for the cache' },
  { trial: 'peers', figure: 'into', title: 'a packet in, ns', across: 'peers', promise: 'flat' },
  {
    trial: 'flows',
    figure: 'out',
    title: 'a packet out, ns',
    across: 'flows',

    promise: 'flat, but for the cache',
  },
  {
    trial: 'groups',
    figure: 'handshake',
    title: 'a handshake, both ends, µs',
    across: 'groups of both',

    promise: 'a tag for each group',
  },
  { trial: 'peerHeap', figure: 'quiet', title: 'JavaScript of a quiet peer, bytes', across: 'peers', promise: 'flat' },
  { trial: 'peerHeap', figure: 'inUse', title: 'JavaScript of a peer in use, bytes', across: 'peers', promise: 'flat' },
  { trial: 'peerNative', figure: 'quiet', title: 'addon of a quiet SA, bytes', across: 'SAs', promise: 'flat' },
  {
    trial: 'peerNative',
    figure: 'inUse',
    title: 'addon of an SA in use, bytes',
    across: 'SAs',
    promise: 'less where SAs share contexts',
  },
  {
    trial: 'flows',
    figure: 'bytes',
    title: 'table of a flow, bytes',
    across: 'flows',

    promise: 'flat',
  },
  {
    trial: 'groups',
    figure: 'bytes',
    title: 'keys of a group, bytes',
    across: 'groups of both',

    promise: 'flat',
  },
] as const;
/** Below, a figure per piece says nothing: what all of them share is larger. */
const LEAST_FOR_MEMORY = 1_000;
const PEER_BAR = 4_000;
const FLOW_BAR = 120;

const [word, name = '', size, milliseconds] = process.argv.slice(2);

if (word === 'trial') console.log(JSON.stringify(TRIALS[name]?.(Number(size), Number(milliseconds))));
else
  await benchMain(
    {
      name: 'scale',
      about: 'cost of a packet and memory of a peer, a flow and a group, from one to very many; in memory',
      help: {
        peers: 'most of them',
        flows: 'most of them, of one peer',
        groups: 'most of them, of one node',
        rounds: 'of all sizes in turn',
        milliseconds: 'of each measurement',
      },
      values: { peers: 10_000, flows: 1_000_000, groups: 64, rounds: 3, milliseconds: 1_000 },
      quick: { peers: 1_000, flows: 10_000, groups: 8, rounds: 1, milliseconds: 100 },
    },
    (options) => Promise.resolve(measure(options)),
  );

type Options = Readonly<Record<'peers' | 'flows' | 'groups' | 'rounds' | 'milliseconds', number>>;
/** By trial and size: each figure, one value a round. */
type Found = Map<string, Map<number, Map<string, number[]>>>;

function measure(options: Options) {
  const found: Found = new Map();
  for (let round = 0; round < options.rounds; round++)
    for (const trial of new Set(AXES.map((axis) => axis.trial)))
      for (const each of sizesOf(trial, options)) note(found, trial, each, options.milliseconds);
  const panels = AXES.map((axis) => panelOf(found, axis));
  const results = AXES.map(({ trial, figure, across, promise }) => {
    const points = [...(found.get(trial) ?? [])].map(([count, all]) => ({ count, values: all.get(figure) ?? [] }));
    return { trial, figure, across, promise, points };
  });
  return { results, text: page(found), svg: plot('What one more costs', panels) };
}

/** From one to the most, a decade at a time; for memory only where there are enough. */
function sizesOf(trial: (typeof AXES)[number]['trial'], { peers, flows, groups }: Options): number[] {
  const most = { peers, peerHeap: peers, peerNative: peers, flows, groups }[trial];
  if (trial === 'groups') return [1, 2, 4, 8, 16, 32, 64].filter((count) => count <= most);
  const least = trial === 'peerHeap' || trial === 'peerNative' ? Math.min(LEAST_FOR_MEMORY, most) : 1;
  return [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000].filter((count) => count >= least && count <= most);
}

function note(found: Found, trial: string, count: number, time: number): void {
  const self = fileURLToPath(import.meta.url);
  const words = ['--expose-gc', self, 'trial', trial, String(count), String(time)];
  const said: unknown = JSON.parse(runNow(process.execPath, words));
  const sizes = found.get(trial) ?? new Map<number, Map<string, number[]>>();
  const figures = sizes.get(count) ?? new Map<string, number[]>();
  for (const { figure } of AXES.filter((axis) => axis.trial === trial))
    if (Number.isFinite(numberAt(said, figure)))
      figures.set(figure, [...(figures.get(figure) ?? []), numberAt(said, figure)]);
  found.set(trial, sizes.set(count, figures));
}

function panelOf(found: Found, { trial, figure, title, across }: (typeof AXES)[number]): Panel {
  const points = [...(found.get(trial) ?? [])].flatMap(([count, all]): [number, number][] => {
    const values = all.get(figure);
    return values === undefined ? [] : [[count, median(values)]];
  });
  return { title, across, lines: [{ name: 'GSCIP', points }] };
}

function page(found: Found): string {
  const tables = AXES.map(({ trial, figure, title, across, promise }) => {
    const rows = [...(found.get(trial) ?? [])].map(([count, all]) => [
      `${short(count)} ${across}`,
      shortSpread(all.get(figure) ?? []),
    ]);
    return markdownTable([`${title} (${promise})`, 'median (extremes)'], rows);
  });
  const last = (trial: string, figure: string) =>
    median([...(found.get(trial)?.values() ?? [])].at(-1)?.get(figure) ?? []);
  const peer = (figure: string) => last('peerHeap', figure) + last('peerNative', figure);
  return [
    ...tables,
    `A peer with an SA in use takes ${short(peer('inUse'))} bytes, a quiet one ${short(peer('quiet'))} (bar: at most ${short(PEER_BAR)}), ` +
      `a flow ${short(last('flows', 'bytes'))} (bar: at most ${FLOW_BAR}). ` +
      'Packets of 64 bytes, each of a peer or flow drawn at random, in batches of 64, through a whole node with the addon, without TUN and sockets. ' +
      'A node of a network with a thousand groups holds those that it is in, at most 64: the others cost it nothing.',
  ].join('\n\n');
}
