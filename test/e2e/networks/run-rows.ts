import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Lab } from '../../../src/cli/lab/lab.ts';
import { type Keys, Network, type Shape } from './network.ts';
import { Plan, type Way } from './plan.ts';
import type { Row } from './row.ts';
import { seenActions } from './seen-actions.ts';

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

function runWays(plan: Plan, rows: readonly (Row & { readonly way: Way })[], shape: Shape, keys: Keys): void {
  const lab = new Lab();
  let network: Network;
  beforeAll(async () => {
    network = new Network(lab, plan, shape, keys);
    await network.up();
  }, 180_000);
  afterAll(() => lab.close());

  for (const { name, path, way, overlay, overlayBack = overlay, ordinary, ordinaryBack } of rows)
    describe(`${name}: ${path}`, () => {
      const runs = [
        ['to an overlay address', 'overlay', overlay, overlayBack],
        ['to an ordinary address', 'ordinary', ordinary, ordinaryBack],
      ] as const;
      for (const [title, run, there, back] of runs)
        if (there !== null || back !== null)
          it(title, async () => {
            if (there !== null) expect(await seenActions(network, way, run), 'there').toBe(there);
            if (back !== null) expect(await seenActions(network, way, run, true), 'back').toBe(back);
          });
    });
}

/** Rows as `[path, overlay, overlay back, ordinary, ordinary back]`. */
export type ShortRow = readonly [string, string | null, string | null, string | null, string | null];

function longRow([path, overlay, overlayBack, ordinary, ordinaryBack]: ShortRow): Row {
  return { name: 'way', path, overlay, overlayBack, ordinary, ordinaryBack };
}
