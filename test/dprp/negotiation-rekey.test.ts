import { describe, expect, it } from 'vitest';
import { millis } from '../../src/base/brands.ts';
import { toHex } from '../../src/base/bytes.ts';
import type { LiveSa } from '../../src/dprp/negotiation-deps.ts';
import {
  agreedKeys,
  GROUP_A,
  groupView,
  kindOf,
  pair,
  retired,
  type TestNode,
  version,
  type World,
} from './negotiation-world.ts';

const STALE = 6;

function versionOf(node: TestNode): number | undefined {
  return node.of('install-receive').at(-1)?.sa.version;
}

function kinds(world: World): number[] {
  return world.log.map(kindOf);
}

function changeSas(node: TestNode, change: Partial<LiveSa>): void {
  for (const [index, sa] of node.sas) node.sas.set(index, { ...sa, ...change });
}

describe('rekey', () => {
  function live(change = {}) {
    const joined = pair();
    const { a, b, world, cid } = joined;
    for (const node of [a, b]) node.groups = [{ ...node.groups[0], ...change }];
    world.start(a, b, cid);
    world.run();
    const [old] = a.of('install-receive');
    return { ...joined, old: old.sa };
  }

  it('is a full handshake that names the SA it follows, and writes no entry', () => {
    const { a, b, world, cid, old } = live();
    world.start(a, b, cid, 'rekey', old.local);
    world.run();
    expect(new DataView(world.log[4].bytes.buffer).getUint32(8)).toBe(old.remote);
    expect(a.of('install-receive')[1].sa.replaces).toBe(old.local);
    expect(b.of('install-receive')[1].sa.replaces).toBe(old.remote);
    expect(a.of('entry')).toHaveLength(2);
    expect(b.of('entry')).toHaveLength(1);
    expect(agreedKeys(a, b).startSends).toEqual(agreedKeys(a, b).endReceives);
  });

  it('during an open handshake with the same peer does nothing', () => {
    const { a, b, world, cid, old } = live();
    world.start(a, b, cid);
    world.start(a, b, cid, 'rekey', old.local);
    expect(a.counters()).toEqual(['handshake-open']);
    world.run();
    expect(a.of('install-receive')).toHaveLength(2);
  });

  it('migrates to the newest version under retain=migrate', () => {
    const { a, b, world, cid, old } = live();
    for (const node of [a, b])
      node.groups = [groupView(GROUP_A, [a, b], [version(GROUP_A, 6), retired(GROUP_A, 5, 0)])];
    world.start(a, b, cid, 'migrate', old.local);
    world.run();
    expect([versionOf(a), versionOf(b)]).toEqual([6, 6]);
  });

  it('under retain=flow goes on under the retired version, long after its grace, by the proof of the old SA', () => {
    const { a, b, world, cid, old } = live({ retainFlow: true });
    expect(old.chain).toBe(5);
    for (const node of [a, b])
      node.groups = [groupView(GROUP_A, [a, b], [version(GROUP_A, 6), retired(GROUP_A, 5, 0)], { retainFlow: true })];
    world.now = millis(3_600_000);
    world.start(a, b, cid, 'rekey', old.local);
    world.run();
    expect(world.log[6].bytes.length).toBe(460 + 32);
    expect(a.of('install-receive')[1].sa).toMatchObject({ version: 5, chain: 5 });
    expect(b.of('install-receive')[1].sa).toMatchObject({ version: 5, chain: 5 });
  });

  it('without the old SA, or with the proof of another, is refused', () => {
    const rows: [(b: TestNode) => void, string[]][] = [
      [(b) => b.sas.clear(), ['stale']],
      [(b) => changeSas(b, { exporter: new Uint8Array(32) }), ['mpit-rekey-proof']],
      [(b) => changeSas(b, { peer: b.id }), ['mpit-rekey-proof']],
    ];
    for (const [change, counters] of rows) {
      const { a, b, world, cid, old } = live({ retainFlow: true });
      for (const node of [a, b])
        node.groups = [groupView(GROUP_A, [a, b], [version(GROUP_A, 6), retired(GROUP_A, 5, 0)], { retainFlow: true })];
      world.now = millis(3_600_000);
      change(b);
      world.start(a, b, cid, 'rekey', old.local);
      world.run();
      const stale = kinds(world).includes(STALE) ? ['stale'] : [];
      expect([...stale, ...b.counters()]).toEqual(counters);
      // where the peer has lost the SA, the pair goes on under CURRENT
      const versions = b.of('install-receive').map((effect) => effect.sa.version);
      expect(versions).toEqual(stale.length > 0 ? [5, 6] : [5]);
    }
  });

  it('a proof that is not asked for must still be right', () => {
    const { a, b, world, cid, old } = live({ retainFlow: true });
    // Alice thinks that 5 is retired, Bob does not; Bob's exporter differs.
    a.groups = [groupView(GROUP_A, [a, b], [version(GROUP_A, 6), retired(GROUP_A, 5, 0)], { retainFlow: true })];
    changeSas(b, { exporter: new Uint8Array(32) });
    world.start(a, b, cid, 'rekey', old.local);
    world.run();
    expect(b.counters()).toEqual(['mpit-rekey-proof']);
  });

  it('exporters of two SAs differ', () => {
    const { a, b, world, cid } = live();
    world.start(a, b, cid);
    world.run();
    const [one, two] = a.of('install-receive').map(({ sa }) => toHex(sa.exporter));
    expect(one).not.toBe(two);
  });
});
