import { describe, expect, it } from 'vitest';
import { groupId, keyVersion, millis, nodeId, saIndex } from '../../src/base/brands.ts';
import { Migrations } from '../../src/node/migrations.ts';
import type { Sa } from '../../src/pccom/sa.ts';
import { SaSet } from '../../src/pccom/sa-set.ts';

const GROUP = groupId('22'.repeat(16));

/** An SA of owner `owner` that sends under a version. */
function sa(owner: number, version: number): Sa {
  const set = new SaSet(
    () => 0.5,
    () => owner,
  );
  const terms = { role: 'initiator', peer: nodeId('11'.repeat(16)), chain: 0, suite: 1, lanes: 1 } as const;
  const indices = { local: saIndex(8 * (owner + 1)), remote: saIndex(8) };
  return set.addReceive({ ...terms, ...indices, group: GROUP, version: keyVersion(version) }, millis(0)).sa;
}

/** Draws that share out the spread evenly. */
function evenly(pairs: number): (length: number) => Uint8Array {
  let drawn = 0;
  return (length) => {
    const bytes = new Uint8Array(length);
    new DataView(bytes.buffer).setUint32(0, Math.floor(((drawn++ % pairs) / pairs) * 2 ** 32));
    return bytes;
  };
}

describe('migrations', () => {
  it('are spread over the whole time, one for each pair', () => {
    const pairs = [0, 1, 2, 3].map((owner) => sa(owner, 1));
    const migrations = new Migrations(evenly(4));
    migrations.plan(2, 1_000, pairs, millis(0));
    const due: [number, number[]][] = [];
    for (let now = 0; now <= 1_000; now += 250) {
      const found = migrations.due((owner) => pairs[owner], millis(now));
      due.push([now, found.map(({ owner }) => owner)]);
    }
    expect(due).toEqual([
      [0, [0]],
      [250, [1]],
      [500, [2]],
      [750, [3]],
      [1_000, []],
    ]);
  });

  it('are tried again after 5, 10, 20, … seconds until the pair has nothing to move, whoever made the newer SA', () => {
    const migrations = new Migrations(evenly(1));
    const old = sa(0, 1);
    migrations.plan(2, 0, [old], millis(0));
    const tries: number[] = [];
    for (let second = 0; second < 800; second++)
      if (migrations.due(() => old, millis(second * 1_000)).length > 0) tries.push(second);
    expect(tries).toEqual([0, 5, 15, 35, 75, 155, 315, 475, 635, 795]);
    expect(migrations.due(() => undefined, millis(2_000_000))).toEqual([]);
    // it is not planned any more
    expect(migrations.due(() => old, millis(3_000_000))).toEqual([]);
  });

  it('end when the pair has nothing to move', () => {
    const migrations = new Migrations(evenly(1));
    const old = sa(0, 1);
    migrations.plan(2, 0, [old], millis(0));
    expect(migrations.due(() => undefined, millis(0))).toEqual([]);
    expect(migrations.due(() => old, millis(10_000))).toEqual([]);
  });

  it('are superseded by a newer version, and not put off by the same one told twice', () => {
    const migrations = new Migrations(evenly(1));
    const old = sa(0, 1);
    migrations.plan(2, 0, [old], millis(0));
    migrations.due(() => old, millis(0));
    migrations.plan(2, 0, [old], millis(100));
    expect(migrations.due(() => old, millis(200))).toEqual([]);
    migrations.plan(3, 0, [old], millis(300));
    expect(migrations.due(() => old, millis(300))).toEqual([old]);
    const second = sa(0, 2);
    expect(migrations.due(() => second, millis(6_000))).toEqual([second]);
  });
});
