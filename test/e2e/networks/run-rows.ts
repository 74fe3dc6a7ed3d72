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

  describe.each(rows)('$name: $path', ({ way, overlay, overlayBack = overlay, ordinary, ordinaryBack }) => {
    it.runIf(overlay !== null || overlayBack !== null)('to an overlay address', async () => {
      if (overlay !== null) expect(await seenActions(network, way, 'overlay'), 'there').toBe(overlay);
      if (overlayBack !== null) expect(await seenActions(network, way, 'overlay', true), 'back').toBe(overlayBack);
    });

    it.runIf(ordinary !== null || ordinaryBack !== null)('to an ordinary address', async () => {
      if (ordinary !== null) expect(await seenActions(network, way, 'ordinary'), 'there').toBe(ordinary);
      if (ordinaryBack !== null) expect(await seenActions(network, way, 'ordinary', true), 'back').toBe(ordinaryBack);
    });
  });
}

/** Rows as `[path, overlay, overlay back, ordinary, ordinary back]`. */
export type ShortRow = readonly [string, string | null, string | null, string | null, string | null];

function longRow([path, overlay, overlayBack, ordinary, ordinaryBack]: ShortRow): Row {
  return { name: 'way', path, overlay, overlayBack, ordinary, ordinaryBack };
}
