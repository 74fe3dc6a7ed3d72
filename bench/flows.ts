import { setTimeout as pause } from 'node:timers/promises';
import { benchMain } from './tools/bench-main.ts';
import { highestRate } from './tools/highest-rate.ts';
import { residentMiB } from './tools/process-cost.ts';
import { type ManyFlows, sendFlows, startReceiver } from './tools/seq-udp.ts';
import { median, short, shortSpread } from './tools/statistics.ts';
import { markdownTable } from './tools/table.ts';
import { type TwoNodes, withTwoNodes } from './tools/two-nodes.ts';

const PASSES = 4;
/** Flows that may still be missing: opening them later is one datagram's work in a thousand. */
const OPEN_ENOUGH = 0.999;

/** 64-byte datagrams over few and over very many flows, drawn at random without a hot set, in turn on the same two nodes. */
await benchMain(
  {
    name: 'flows',
    about: 'what many flows cost',
    help: {
      few: 'flows of the first kind',
      many: 'flows of the second kind',
      rounds: 'of both kinds in turn',
      opening: 'new flows per second while they are opened',
    },
    values: { few: 10, many: 1_000_000, rounds: 3, opening: 20_000 },
    quick: { many: 2000, rounds: 1, opening: 900 },
  },
  (options) => {
    // One peer may open 1,000 flows a second and hold an eighth of the table: guards against floods, which this is one.
    const lifted = {
      flows: options.many * 2,
      'flows-per-peer': options.many * 2,
      'new-flows-per-second': options.opening * 2,
    };
    const words = Object.entries(lifted).flatMap(([key, value]) => [`--${key}`, String(value)]);
    return withTwoNodes({ extra: options.many > 5_000 ? words : [] }, (nodes) => measure(nodes, options));
  },
);

interface Options {
  readonly few: number;
  readonly many: number;
  readonly rounds: number;
  readonly opening: number;
}

async function measure(nodes: TwoNodes, options: Options) {
  const opened = await open(nodes, options);
  const rates: Record<'few' | 'many', number[]> = { few: [], many: [] };
  for (let round = 0; round < options.rounds; round++) {
    rates.few.push(await highestRate((rate) => carries(nodes, options.few, rate)));
    rates.many.push(await highestRate((rate) => carries(nodes, options.many, rate)));
  }
  const entries = (await nodes.a.status()).pit.entries;
  const residentA = residentMiB(nodes.a.process?.pid ?? 0, 'VmRSS');
  const ratio = median(rates.many) / median(rates.few);
  const rows = [
    [`${short(options.few)} flows`, shortSpread(rates.few)],
    [`${short(options.many)} flows`, shortSpread(rates.many)],
  ];
  const text = [
    markdownTable(['64 B, at most 1 % loss', 'datagrams per second'], rows),
    `Many / few: ${short(ratio)} (bar: at least 0.6). Open before: ${short(opened)} of ${short(options.many)} flows` +
      `${opened < options.many * OPEN_ENOUGH ? ', so part of the time went into opening the others' : ''}; ${short(entries)} entries in the table at the end; ` +
      `the sending node holds ${residentA.toFixed(0)} MiB.`,
  ].join('\n\n');
  return { results: { rates, ratio, opened, entries, residentMiB: residentA }, text };
}

/**
 * Sends one datagram on each flow until nearly all have arrived, so that the measurement itself opens none; they are answered, since
 * flows that go one way only end after half a minute. Passes after the first are slower, since flows that are still being
 * opened drop what they cannot hold. Returns how many arrived in the last pass.
 */
async function open(nodes: TwoNodes, { many, opening }: Options): Promise<number> {
  let arrived = 0;
  for (let pass = 0; pass < PASSES && arrived < many * OPEN_ENOUGH; pass++) {
    const receiver = await startReceiver(nodes.bed.b, nodes.bInside, many, 'answer');
    await sendFlows(nodes.bed.a, nodes.bInside, traffic(nodes, many, opening / 2 ** pass, many, 'once'));
    await pause(1000);
    arrived = (await receiver.stop()).distinct;
  }
  return arrived;
}

async function carries(nodes: TwoNodes, flows: number, rate: number): Promise<boolean> {
  const receiver = await startReceiver(nodes.bed.b, nodes.bInside, flows);
  const { sent, rate: reached } = await sendFlows(
    nodes.bed.a,
    nodes.bInside,
    traffic(nodes, flows, rate, rate * 2, 'random'),
  );
  await pause(100);
  const { distinct } = await receiver.stop();
  return distinct >= 0.99 * sent && reached >= 0.95 * rate;
}

function traffic(nodes: TwoNodes, flows: number, rate: number, count: number, order: ManyFlows['order']): ManyFlows {
  return { source: nodes.aInside, flows, order, rate, count, size: 64 };
}
