import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { pathAddress } from '../../src/base/path-address.ts';
import { type KeptState, StateDir } from '../../src/node/state-dir.ts';
import { StateKeeper } from '../../src/node/state-keeper.ts';

const PEER = '11'.repeat(16);
const KEPT: KeptState = {
  admin: 'ab'.repeat(32),
  node: 'cd'.repeat(16),
  bundleNumber: 1,
  keys: { groups: {}, rosters: {}, leaseClock: 0 },
  paths: { [PEER]: pathAddress('10.0.0.1:1') },
};

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gscip-keeper-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A keeper, and how often it has asked for what it is to keep. */
function keeping() {
  const asked = { times: 0 };
  const keeper = new StateKeeper(new StateDir(folder), { log: () => undefined }, () => {
    asked.times += 1;
    return { kept: KEPT };
  });
  return { keeper, asked };
}

it('a place that a node was told of is on the disk ten seconds later, whatever else comes until then', async () => {
  const { keeper, asked } = keeping();
  keeper.soon(1_000);
  keeper.soon(9_000);
  keeper.tick(10_999);
  expect(asked.times).toBe(0);
  keeper.tick(11_000);
  expect(asked.times).toBe(1);
  await keeper.keep(11_000);
  expect(new StateDir(folder).kept()?.paths).toEqual(KEPT.paths);
});

it('what was written meanwhile is not written again', async () => {
  const { keeper, asked } = keeping();
  keeper.soon(0);
  await keeper.keep(5_000);
  keeper.tick(20_000);
  expect(asked.times).toBe(1);
});
