import { parseArgs } from 'node:util';
import { GscipError } from '../../src/base/errors.ts';
import { describeMachine, raisePriority } from './machine.ts';
import { requireQuiet } from './quiet.ts';
import { publish } from './report.ts';

/** What a bench gives back: figures for programs and a text for people. */
export interface Outcome {
  readonly results: unknown;
  readonly text: string;
  /** a picture of them, where there is one */
  readonly svg?: string;
}

/** A bench: its name, what it is about, and its numeric options with their values, also those under `--quick`. */
export interface Bench<Names extends string> {
  readonly name: string;
  readonly about: string;
  readonly help: Readonly<Record<Names, string>>;
  readonly values: Record<Names, number>;
  readonly quick: Partial<Record<Names, number>>;
}

/**
 * Reads the command line (`--NAME N` for each option, `--json FILE`, `--quick`, `--busy`, `--help`), makes sure that nothing
 * else is measured on the machine unless told otherwise, raises the priority, runs the bench and publishes what it found.
 */
export async function benchMain<Names extends string>(
  bench: Bench<Names>,
  run: (values: Readonly<Record<Names, number>>) => Promise<Outcome>,
): Promise<void> {
  const names = Object.keys(bench.values).filter((name): name is Names => name in bench.values);
  const given = commandLine(names);
  if (given.get('help') === true) return console.log(usage(bench, names));
  const values = given.get('quick') === true ? { ...bench.values, ...bench.quick } : { ...bench.values };
  for (const name of names) if (given.has(name)) values[name] = numberOf(name, given.get(name));
  await reportingFaults(async () => {
    if (given.get('busy') !== true) await requireQuiet();
    const machine = describeMachine(raisePriority());
    const outcome = await run(values);
    const json = given.get('json');
    publish({ bench: bench.name, machine, options: values, ...outcome }, typeof json === 'string' ? json : undefined);
  });
}

/** Runs `work`; a fault that a person can act on is printed without a stack and makes the exit code 1. */
export async function reportingFaults(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof GscipError)) throw error;
    console.error(error.remedy === '' ? error.message : `${error.message}\n${error.remedy}`);
    process.exitCode = 1;
  }
}

function commandLine(names: readonly string[]): ReadonlyMap<string, unknown> {
  const numbers = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]));
  const flag = { type: 'boolean' } as const;
  const common = { json: { type: 'string' }, quick: flag, busy: flag, help: flag } as const;
  const { values } = parseArgs({ options: { ...numbers, ...common } });
  return new Map(Object.entries(values));
}

function numberOf(name: string, text: unknown): number {
  const value = Number(text);
  if (Number.isFinite(value) && value >= 0) return value;
  console.error(`--${name} takes a number, not '${text}'`);
  process.exit(2);
}

function usage<Names extends string>(bench: Bench<Names>, names: readonly Names[]): string {
  const lines = names.map((name) => `  --${name.padEnd(12)} ${bench.help[name]} (${bench.values[name]})`);
  const common = [
    '  --json FILE    where the figures go (bench/results)',
    '  --quick        small numbers: to see that everything works, not for figures',
    '  --busy         although other labs run: the load of the machine stands in the report',
  ];
  return [`node bench/${bench.name}.ts: ${bench.about}`, ...lines, ...common].join('\n');
}
