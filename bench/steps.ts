import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { benchMain } from './tools/bench-main.ts';
import { median, spread } from './tools/statistics.ts';
import { markdownTable } from './tools/table.ts';
import { runTrial, TRIALS, type Trial } from './tools/trials.ts';

/** The steps of the data path one by one, each trial in a process of its own, so that none warms or pollutes another's caches. */
const [word, name, milliseconds] = process.argv.slice(2);

if (word === 'trial') {
  const trial = TRIALS.find((each) => each.name === name);
  if (trial === undefined) throw new Error(`no trial '${name}'`);
  console.log(JSON.stringify(runTrial(trial, Number(milliseconds))));
} else {
  await benchMain(
    {
      name: 'steps',
      about: 'nanoseconds per packet of each step of the data path',
      help: { rounds: 'of all trials in turn', milliseconds: 'of each trial' },
      values: { rounds: 3, milliseconds: 500 },
      quick: { rounds: 1, milliseconds: 100 },
    },
    (options) => Promise.resolve(measure(options)),
  );
}

function measure(options: { readonly rounds: number; readonly milliseconds: number }) {
  const results = new Map<string, number[]>(TRIALS.map((trial) => [trial.name, []]));
  for (let round = 0; round < options.rounds; round++) {
    for (const trial of TRIALS) results.get(trial.name)?.push(inOwnProcess(trial, options.milliseconds));
  }
  const nanoseconds = (trial: Trial) => results.get(trial.name) ?? [];
  const rows = TRIALS.map((trial) => {
    const { median: middle, min, max } = spread(nanoseconds(trial));
    const gigabits = trial.bytes === 0 ? '' : ((trial.bytes * 8) / middle).toFixed(1);
    return [trial.name, middle.toFixed(0), `${min.toFixed(0)}–${max.toFixed(0)}`, gigabits];
  });
  const table = markdownTable(['step', 'ns per packet', 'min–max', 'Gbit/s'], rows);
  return {
    results: Object.fromEntries(
      [...results].map(([key, values]) => [key, { ...spread(values), median: median(values) }]),
    ),
    text: table,
  };
}

function inOwnProcess(trial: Trial, milliseconds: number): number {
  const script = fileURLToPath(import.meta.url);
  const done = spawnSync(process.execPath, [script, 'trial', trial.name, String(milliseconds)], {
    encoding: 'utf8',
    timeout: 120_000,
  });
  if (done.status !== 0) throw new Error(`${trial.name}: ${done.stderr}`);
  return Number(done.stdout);
}
