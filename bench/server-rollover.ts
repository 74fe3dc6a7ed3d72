import { setTimeout as pause } from 'node:timers/promises';
import { benchMain } from './tools/bench-main.ts';
import { highestRate } from './tools/highest-rate.ts';
import { short } from './tools/statistics.ts';
import { markdownTable } from './tools/table.ts';
import { type Carried, Triangle, WATCHED } from './tools/triangle.ts';

const SIZE = 64;
/** Seconds from one roll to the next; again from the start when there are more rolls. A roll takes effect after two. */
const PAUSES = [4, 4, 1, 1, 4, 4, 1, 1, 4, 4];
/** From one of these places of that row to the other, one member has no way to the server. */
const [CUT, BACK] = [5, 7];

/** Nothing is lost for so long at a calm rate; else it is lowered by this. */
const CALM_MS = 20_000;
const CALMER = 0.8;
const CALM_TRIES = 8;

/** Keys of three groups, rolled by a server under load, while one member at times hears nothing of it. */
await benchMain(
  {
    name: 'server-rollover',
    about: 'what key rolls by a server cost traffic that flows, in three groups at once',
    help: {
      rolls: 'of all three groups, in all blocks together',
      blocks: 'with rolls, as many without',
      rate: 'datagrams per second, three flows together; 0: half of the highest rate with at most 1 % loss, or less, so that nothing is lost while nothing changes',
    },
    values: { rolls: 50, blocks: 5, rate: 0 },
    quick: { rolls: 10, blocks: 1, rate: 3_000 },
  },
  (options) => Triangle.with((triangle) => measure(triangle, options)),
);

interface Block extends Carried {
  readonly rolls: number;
  readonly seconds: number;
}

interface Options {
  readonly rolls: number;
  readonly blocks: number;
  readonly rate: number;
}

async function measure(triangle: Triangle, options: Options) {
  const rates = options.rate > 0 ? [options.rate] : await calmRates(triangle);
  const rate = rates.at(-1) ?? options.rate;
  const perBlock = Math.ceil(options.rolls / options.blocks);
  const blocks: Block[] = [];
  for (let block = 0; block < options.blocks; block++) {
    const rolls = Math.min(perBlock, options.rolls - block * perBlock);
    const rolled = await timed(triangle, rate, rolls, () => rollTimes(triangle, rolls));
    blocks.push(rolled, await timed(triangle, rate, 0, () => pause(rolled.seconds * 1000)));
  }
  return { results: { rates, blocks }, text: page(rates, blocks) };
}

/**
 * Half of the highest rate with at most 1 % loss, and where the machine loses something at that even while nothing changes, lower
 * ones, until it does not: the last of them.
 */
async function calmRates(triangle: Triangle): Promise<number[]> {
  const rates = [Math.round((await highestRate((each) => carries(triangle, each))) / 2)];
  for (let rate = rates[0] ?? 0; rates.length < CALM_TRIES; rate = Math.round(rate * CALMER)) {
    if (rate !== rates.at(-1)) rates.push(rate);
    const { lost } = await triangle.carry(rate, SIZE, () => pause(CALM_MS));
    if (lost === 0) break;
  }
  return rates;
}

async function carries(triangle: Triangle, rate: number): Promise<boolean> {
  const { sent, lost, rate: reached } = await triangle.carry(rate, SIZE, () => pause(2_000));
  return lost <= 0.01 * sent && reached >= 0.95 * rate;
}

async function timed(triangle: Triangle, rate: number, rolls: number, body: () => Promise<void>): Promise<Block> {
  let seconds = 0;
  const carried = await triangle.carry(rate, SIZE, async () => {
    const began = performance.now();
    await body();
    seconds = (performance.now() - began) / 1000;
  });
  return { ...carried, rolls, seconds };
}

/** Rolls again and again; waits in the end until all flows have followed. */
async function rollTimes(triangle: Triangle, rolls: number): Promise<void> {
  let newest = new Map<string, number>();
  let reconnect = () => {};
  for (let roll = 0; roll < rolls; roll++) {
    const place = roll % PAUSES.length;
    if (place === CUT) reconnect = triangle.cutOff('c');
    newest = await triangle.roll();
    await pause(PAUSES[place] * 1000);
    if (place === BACK || (roll === rolls - 1 && place >= CUT && place < BACK)) reconnect();
  }
  await triangle.moved(newest);
}

function page(rates: readonly number[], blocks: readonly Block[]): string {
  const lowered =
    rates.length > 1
      ? ` (half of the highest was ${short(rates[0] ?? 0)}, at which the machine loses some without any roll)`
      : '';
  const rows = blocks.map((block) => [
    String(block.rolls || 'none'),
    block.seconds.toFixed(0),
    short(block.sent),
    String(block.lost),
    String(block.duplicates),
    block.longestGapMs.toFixed(2),
    ...WATCHED.map((name) => String(block.counters[name])),
  ]);
  const lost = (withRolls: boolean) =>
    blocks.filter(({ rolls }) => rolls > 0 === withRolls).reduce((sum, block) => sum + block.lost, 0);
  return [
    `Numbered UDP, ${SIZE} B, three flows in three groups, ${short(rates.at(-1) ?? 0)} per second together${lowered}. Each roll is one of all three groups, by ` +
      'the server, told to all at once; four in ten come one second after the one before, and during three in ten one member has no way ' +
      'to the server.',
    markdownTable(['rolls', 'seconds', 'sent', 'lost', 'twice', 'longest gap ms', ...WATCHED], rows),
    `Lost in blocks with rolls ${lost(true)}, without ${lost(false)}. Bar: 0 with rolls, and no counter moves.`,
  ].join('\n\n');
}
