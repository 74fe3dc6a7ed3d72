import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Lab } from '../../../src/cli/lab/lab.ts';
import { type Keys, Network, type Shape } from './network.ts';
import { Plan, type Way } from './plan.ts';
import type { Row } from './row.ts';
import { type Run, seenActions } from './seen-actions.ts';

/** Builds one network that holds all of the rows, and runs each to overlay and to ordinary addresses, from both ends. */
export function runRows(rows: readonly Row[], keys: Keys = 'authority'): void {
  const plan = new Plan();
  const ways = rows.map((row) => ({ ...row, way: plan.addRow(row.path) }));
  runWays(plan, ways, 'links', keys);
}

/** The same for rows that name machines of a network. */
export function runNetwork(machines: readonly string[], rows: readonly ShortRow[], keys: Keys): void {
  const plan = new Plan();
  for (const machine of machines) plan.addMachine(machine);
  const ways = rows.map((row) => ({ ...longRow(row), way: plan.way(row[0]) }));
  runWays(plan, ways, 'lan', keys);
}

/** Rows that are run at once: most of what a row takes is waiting for answers that never come. */
const AT_ONCE = 3;

/** What was seen each way; null where nothing was asked. */
interface Seen {
  readonly there: string | null;
  readonly back: string | null;
}

/** A row to addresses of one kind: what is to be seen, and what was, which is thrown where it could not be seen. */
interface RowRun {
  readonly title: string;
  readonly run: Run;
  readonly expected: Seen;
  readonly seen: PromiseWithResolvers<() => Seen>;
}

interface PlannedRow {
  readonly title: string;
  readonly way: Way;
  readonly runs: readonly RowRun[];
}

function planned({
  name,
  path,
  way,
  overlay,
  overlayBack = overlay,
  ordinary,
  ordinaryBack,
}: Row & { way: Way }): PlannedRow {
  const kinds = [
    ['to an overlay address', 'overlay', overlay, overlayBack],
    ['to an ordinary address', 'ordinary', ordinary, ordinaryBack],
  ] as const;
  const runs = kinds.map(([title, run, there, back]) => {
    return { title, run, expected: { there, back }, seen: Promise.withResolvers<() => Seen>() };
  });
  return {
    ...{ title: `${name}: ${path}`, way },
    runs: runs.filter(({ expected }) => expected.there !== null || expected.back !== null),
  };
}

/** Runs rows one after the other until none is left; whatever else takes of the same rows goes on beside it. */
async function runSome(network: Network, rows: PlannedRow[]): Promise<void> {
  for (let row = rows.shift(); row; row = rows.shift())
    for (const each of row.runs)
      await runRow(network, row.way, each).then(
        (seen) => each.seen.resolve(() => seen),
        (error: unknown) =>
          each.seen.resolve(() => {
            throw error;
          }),
      );
}

async function runRow(network: Network, way: Way, { run, expected: { there, back } }: RowRun): Promise<Seen> {
  return {
    there: there === null ? null : await seenActions(network, way, run),
    back: back === null ? null : await seenActions(network, way, run, true),
  };
}

function runWays(plan: Plan, rows: readonly (Row & { readonly way: Way })[], shape: Shape, keys: Keys): void {
  const lab = new Lab();
  const all = rows.map(planned);
  let running: Promise<unknown> = Promise.resolve();
  beforeAll(async () => {
    const network = new Network(lab, plan, shape, keys);
    await network.up();
    const left = [...all];
    running = Promise.all(Array.from({ length: AT_ONCE }, () => runSome(network, left)));
  }, 180_000);
  afterAll(async () => {
    await running;
    await lab.close();
  });

  for (const { title, runs } of all)
    describe(title, () => {
      for (const each of runs)
        it(each.title, async () => {
          const seen = await each.seen.promise;
          expect(seen()).toEqual(each.expected);
        });
    });
}

/** Rows as `[path, overlay, overlay back, ordinary, ordinary back]`. */
export type ShortRow = readonly [string, string | null, string | null, string | null, string | null];

function longRow([path, overlay, overlayBack, ordinary, ordinaryBack]: ShortRow): Row {
  return { name: 'way', path, overlay, overlayBack, ordinary, ordinaryBack };
}
