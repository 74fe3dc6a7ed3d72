import { millis } from '../src/base/brands.ts';
import { reverseWords } from '../src/base/flow.ts';
import { FLOW, PROTOCOL } from '../src/base/flow-words.ts';
import { ENTRY_BYTES } from '../src/pit/memory.ts';
import { NO_OWNER, Owners } from '../src/pit/owners.ts';
import { Pit } from '../src/pit/table.ts';
import { PIT_ACTION } from '../src/pit/terms.ts';
import { benchMain } from './tools/bench-main.ts';
import { residentMiB } from './tools/process-cost.ts';
import { median, short, shortSpread } from './tools/statistics.ts';
import { markdownTable } from './tools/table.ts';

interface Options {
  readonly flows: number;
  readonly lookups: number;
  readonly rounds: number;
}

const MIB = 2 ** 20;

/** 32-bit random numbers, the same in every run. */
class Random {
  #state = 0x2545f491;

  next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return x >>> 0;
  }
}

/** Writes flow number `n`: arithmetic only, so that making the question costs no memory access. */
function writeFlow(words: Int32Array, n: number, family: 4 | 6): void {
  words[FLOW.head] = (family << 8) | PROTOCOL.tcp;
  words[FLOW.source] = family === 6 ? 0xfd000000 : 0;
  words[FLOW.destination] = words[FLOW.source];
  words[FLOW.source + 3] = 0x64400001 + (n & 0x3ff);
  words[FLOW.destination + 3] = 0x64500001 + ((n >>> 10) & 0x3f);
  words[FLOW.ports] = ((1024 + (n >>> 16)) << 16) | 443;
}

function fill(flows: number, family: 4 | 6): Pit {
  const limits = { entriesPerPeer: flows, newPerSecond: 2 * flows };
  const pit = new Pit({ capacity: flows, seed: { low: 0x6a09e667, high: 0x3b67ae85 }, owners: new Owners(), limits });
  const words = new Int32Array(FLOW.stride);
  const values = {
    action: PIT_ACTION.encrypt,
    confirmed: true,
    owner: NO_OWNER,
    version: 1,
    reason: 0,
    pitIdHigh: 0,
    pitIdLow: 0,
  };
  for (let n = 0; n < flows; n++) {
    writeFlow(words, n, family);
    values.pitIdHigh = n;
    values.pitIdLow = ~n;
    const entry = pit.put(words, values, millis(0));
    if (entry < 0) throw new Error(`flow ${n} was refused: ${entry}`);
  }
  return pit;
}

type Kind = 'making the question' | 'hit' | 'hit and count' | 'miss' | 'by pit id';
const KINDS: readonly Kind[] = ['making the question', 'hit', 'hit and count', 'miss', 'by pit id'];

/** One round: µs per look-up. Half of the packets go against the flow's direction. */
function round(pit: Pit, kind: Kind, random: Random, { flows, lookups }: Options, family: 4 | 6): number {
  const words = new Int32Array(FLOW.stride);
  let found = 0;
  const start = process.hrtime.bigint();
  for (let i = 0; i < lookups; i++) {
    const drawn = random.next();
    const n = drawn % flows;
    writeFlow(words, kind === 'miss' ? n + flows : n, family);
    if (drawn > 0x7fffffff) reverseWords(words);
    if (kind === 'hit' || kind === 'miss') found += pit.find(words) >= 0 ? 1 : 0;
    else if (kind === 'by pit id') found += pit.findPitId(NO_OWNER, n, ~n) >= 0 ? 1 : 0;
    else if (kind === 'hit and count') {
      const at = pit.find(words);
      if (at >= 0) found++;
      pit.count(at, 1, 1400, 0x10, millis(i));
    }
  }
  const micros = Number(process.hrtime.bigint() - start) / 1000 / lookups;
  const expected = kind === 'miss' || kind === 'making the question' ? 0 : lookups;
  if (found !== expected) throw new Error(`${kind}: found ${found} of ${expected}`);
  return micros;
}

function lookupTimes(pit: Pit, options: Options, family: 4 | 6): Record<Kind, number[]> {
  const times: Record<Kind, number[]> = {
    'making the question': [],
    hit: [],
    'hit and count': [],
    miss: [],
    'by pit id': [],
  };
  const random = new Random();
  for (let i = -1; i < options.rounds; i++) {
    for (const kind of KINDS) {
      const micros = round(pit, kind, random, options, family);
      // the first round warms the compiler up
      if (i >= 0) times[kind].push(micros);
    }
  }
  return times;
}

function measure(options: Options) {
  const { flows } = options;
  // a small table first: the compiler's memory is then there, and not counted as the table's
  fill(50_000, 4);
  const before = residentMiB(process.pid, 'VmRSS');
  const pit = fill(flows, 4);
  const resident = ((residentMiB(process.pid, 'VmRSS') - before) * MIB) / flows;
  const table = pit.buffer.byteLength / flows;
  const ipv4 = lookupTimes(pit, options, 4);
  const ipv6 = lookupTimes(fill(flows, 6), options, 6);
  const rows = KINDS.map((kind) => [kind, shortSpread(ipv4[kind]), shortSpread(ipv6[kind])]);
  const text = [
    markdownTable([`${short(flows)} live flows, no hot set`, 'IPv4, µs', 'IPv6, µs'], rows),
    `Memory per flow: ${short(table)} B of table (entry ${ENTRY_BYTES} B, the rest its two indexes), ` +
      `${short(resident)} B of resident memory (bar: at most 120). ` +
      `A random look-up takes ${short(median(ipv4.hit))} µs (bar: at most 0.6), making the question included.`,
  ].join('\n\n');
  return { results: { bytesPerFlow: { table, resident }, microseconds: { ipv4, ipv6 } }, text };
}

/** What a full PIT holds in memory per flow, and what one look-up costs when every flow is equally likely. */
await benchMain(
  {
    name: 'pit',
    about: 'memory and look-ups of a full table of flows',
    help: { flows: 'live entries, as many as the table holds', lookups: 'per round', rounds: 'of each kind in turn' },
    values: { flows: 1_000_000, lookups: 1_000_000, rounds: 9 },
    quick: { flows: 20_000, lookups: 20_000, rounds: 3 },
  },
  (options) => Promise.resolve(measure(options)),
);
