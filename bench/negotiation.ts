import { type Millis, millis, unixSeconds } from '../src/base/brands.ts';
import { nodeProvider } from '../src/crypto/node-provider.ts';
import { Rehearsal } from '../src/node/rehearsal.ts';
import { SETTINGS } from '../test/node/world.ts';
import { Caller } from './members/caller.ts';
import { type Cores, coresInMemory, type Spent, timedProvider } from './members/cores.ts';
import { BEGIN, Hub } from './members/hub.ts';
import { MadeNetwork } from './members/network.ts';
import { Outage, type OutageResult } from './members/outage.ts';
import { STEPS, TwoHubs } from './members/two-hubs.ts';
import { benchMain } from './tools/bench-main.ts';
import { median, short, shortSpread } from './tools/statistics.ts';
import { markdownTable } from './tools/table.ts';

const BAR = 0.67;
const STRETCH = 0.33;

/** What DPRP costs: handshakes per second and core, the steps of a first packet, and thousands of members that come back at once. */
await benchMain(
  {
    name: 'negotiation',
    about: 'what a handshake costs, and how long a node needs to let thousands of members in at once; in memory',
    help: {
      handshakes: 'in each round',
      rounds: 'of each row in turn',
      members: 'that come back after an outage',
      roundtrip: 'ms between a member and the node that all contact',
      within: 'ms in which the first packets of all come',
    },
    values: { handshakes: 2_000, rounds: 5, members: 10_000, roundtrip: 20, within: 100 },
    quick: { handshakes: 100, rounds: 2, members: 200 },
  },
  (options) => Promise.resolve(measure(options)),
);

interface Options {
  readonly handshakes: number;
  readonly rounds: number;
  readonly members: number;
  readonly roundtrip: number;
  readonly within: number;
}

function measure(options: Options) {
  const cores = coresInMemory();
  const rates = handshakeRows(cores, options);
  const spent = partsOf(cores, options.handshakes);
  const steps = firstPackets(cores, options);
  const outages = [false, true].map((isKnown) => ({ isKnown, ...outage(cores, options, isKnown) }));
  const results = { rates, parts: Object.fromEntries(spent), ...steps, outages };
  return { results, text: page(results, spent, options) };
}

interface Rate {
  readonly name: string;
  /** milliseconds of CPU of both sides together, one value a round */
  readonly milliseconds: number[];
}

/** Whole nodes play both sides in this process: CPU time of the process, so that others on the machine do not count. */
function handshakeRows(cores: Cores, { handshakes, rounds }: Options): Rate[] {
  const rows = [
    { name: 'addon, one flow', provider: cores.provider, flows: 1 },
    { name: 'addon, four flows', provider: cores.provider, flows: 4 },
    { name: 'node:crypto, one flow', provider: nodeProvider, flows: 1 },
  ].map(({ provider, ...row }) => ({ ...row, milliseconds: [] as number[], scene: rehearsal(cores, provider) }));
  for (const { scene, flows } of rows) play(scene, flows, Math.min(handshakes, 500));
  for (let round = 0; round < rounds; round++)
    for (const { scene, flows, milliseconds } of rows) milliseconds.push(play(scene, flows, handshakes));
  for (const { scene } of rows) scene.close();
  return rows.map(({ name, milliseconds }) => ({ name, milliseconds }));
}

function rehearsal({ addon, random }: Cores, provider: Cores['provider']): Rehearsal {
  return new Rehearsal(addon, provider, random, SETTINGS, unixSeconds(Math.floor(Date.now() / 1_000)));
}

function play(scene: Rehearsal, flows: number, count: number): number {
  const before = process.cpuUsage();
  for (let done = 0; done < count; done++) if (!scene.play(flows, true)) throw new Error('a rehearsal failed');
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000 / count;
}

/** Where the time of a handshake goes: cryptography by kind, both sides together, µs; all else is TypeScript and packet primitives. */
function partsOf(cores: Cores, handshakes: number): Spent {
  const { provider, spent } = timedProvider(cores.provider);
  const scene = rehearsal(cores, provider);
  play(scene, 1, Math.min(handshakes, 500));
  spent.clear();
  const all = play(scene, 1, handshakes);
  scene.close();
  let rest = all * 1_000;
  for (const [name, { calls, microseconds }] of spent) {
    rest -= microseconds / handshakes;
    spent.set(name, { calls: calls / handshakes, microseconds: microseconds / handshakes });
  }
  spent.set('all else', { calls: 0, microseconds: rest });
  return spent;
}

/** The steps of a first packet and of a further flow, µs at the median. */
function firstPackets(cores: Cores, { handshakes }: Options) {
  const hubs = new TwoHubs(cores, 1);
  const cold: number[][] = [];
  const flows: number[][] = [];
  for (let done = 0; done < handshakes; done++) {
    cold.push(hubs.cold());
    flows.push(hubs.flow());
    hubs.forget();
  }
  hubs.close();
  const settled = Math.floor(handshakes / 4);
  const middle = (all: readonly number[][], at: number) => median(all.slice(settled).map((each) => each[at] ?? 0));
  return { steps: STEPS.map((_, at) => middle(cold, at)), flow: [0, 1].map((at) => middle(flows, at)) };
}

/**
 * Members that all come back at once. `isKnown`: they have talked with the node before, which so knows their certificates, as far as
 * it remembers them.
 */
function outage({ addon, provider, random }: Cores, options: Options, isKnown: boolean): OutageResult {
  const { members, roundtrip: roundTrip, within } = options;
  const network = new MadeNetwork(
    { provider, random, now: unixSeconds(Math.floor(Date.now() / 1_000)) },
    members + 1,
    1,
  );
  const keys = network.keysOf(0);
  const hub = new Hub({ provider, random, primitives: addon, keys });
  const others = network.members.slice(1);
  const run = (begin: Millis) => {
    const callers = others.map(({ number }) => new Caller(network, number, { provider, random, keys }));
    return new Outage(hub, network.members[0], callers, { begin, roundTrip, within, seconds: 120 }).run();
  };
  let result = run(BEGIN);
  if (isKnown) {
    hub.engine.flush(true, result.end);
    const later = millis(result.end + 60_000);
    hub.tick(later);
    result = run(later);
  }
  hub.engine.flush(true, result.end);
  for (const { slot } of hub.engine.node.paths.peers()) addon.pathFree(slot);
  return result;
}

interface Results {
  readonly rates: readonly Rate[];
  readonly steps: readonly number[];
  readonly flow: readonly number[];
  readonly outages: readonly ({ readonly isKnown: boolean } & OutageResult)[];
}

function page({ rates, steps, flow, outages }: Results, spent: Spent, { members, roundtrip, within }: Options): string {
  const sides = rates.map(({ name, milliseconds }) => {
    const side = milliseconds.map((both) => both / 2);
    return [name, shortSpread(side), short(1_000 / median(milliseconds))];
  });
  const parts = [...spent]
    .toSorted(([, a], [, b]) => b.microseconds - a.microseconds)
    .map(([name, { calls, microseconds }]) => [name, calls === 0 ? '' : short(calls), short(microseconds)]);
  const waits = STEPS.map((name, at) => [name, short(steps[at] ?? Number.NaN)]);
  const rows = outages.map(({ isKnown, half, most, all, left, busy, handled, dropped, failures }) => [
    isKnown ? 'known before' : 'never seen before',
    ...[half, most, all, busy].map((time) => short(time / 1_000)),
    ...[handled, dropped, failures, left].map(short),
  ]);
  return [
    markdownTable(['a handshake', 'ms of CPU per side', 'per second and core, both sides on it'], sides),
    `Bars: at most ${BAR} ms per side, to aim at ${STRETCH} ms. Addon, one flow: ${short(median(rates[0]?.milliseconds ?? []) / 2)} ms.`,
    markdownTable(['parts of it, both sides', 'calls', 'µs'], parts),
    markdownTable(['steps of a first packet', 'µs, median'], waits),
    `A new flow on a live SA: ${short(flow[0] ?? Number.NaN)} µs at the start, ${short(flow[1] ?? Number.NaN)} µs at the end.`,
    markdownTable(
      [
        `${short(members)} members at once, s`,
        ...['half', '99 %', 'all', 'CPU of the node', 'handled', 'socket full', 'given up', 'left out'],
      ],
      rows,
    ),
    `First packets within ${within} ms, round trip ${roundtrip} ms. The clock is made up and moves by what the node takes; the kernel takes nothing, but what the members leave for the collector of garbage is in it. ` +
      `'Given up': handshakes that had no answer for 15 s, and were begun anew.`,
  ].join('\n\n');
}
