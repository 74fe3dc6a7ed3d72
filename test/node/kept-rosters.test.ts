import { describe, expect, it } from 'vitest';
import type { VerifiedBundle } from '../../src/crypto/bundle-verify.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import { BundleKeys, type PersistedKeys } from '../../src/node/bundle-keys.ts';
import { parseKept } from '../../src/node/kept-state.ts';
import { numbered } from './packets.ts';
import { seededRandom } from './seeded-random.ts';
import { trio, type World } from './world.ts';

/** What a restart finds of what was kept: through the file and its parser. */
function throughFile(keys: PersistedKeys): PersistedKeys {
  const kept = { admin: '00'.repeat(32), node: '00'.repeat(16), bundleNumber: 1, keys, paths: {} };
  const parsed = parseKept(JSON.stringify(kept));
  if (!parsed) throw new Error('the parser refuses what the node writes');
  return parsed.keys;
}

function start(world: World, bundle: VerifiedBundle, persisted?: PersistedKeys): BundleKeys {
  const deps = { provider: nodeProvider, random: seededRandom('start'), wall: () => world.wall(), persisted };
  return new BundleKeys(bundle, deps, world.now);
}

const membersOf = (keys: BundleKeys) =>
  keys
    .members()
    .map(({ name }) => name)
    .sort();

/** c is removed; b hears of it inside an SA and has not read its new bundle. */
function removedBySa() {
  const { world, a, b } = trio();
  world.send(a, numbered(a, b, 1));
  world.run(50);
  const old = () => world.authority.bundle('b');
  const before = [old(), old(), old()];
  world.authority.remove('c');
  world.launch(a, a.reload(world));
  world.run(10);
  expect(membersOf(b.keys)).toEqual(['a']);
  return { world, b, before, kept: throughFile(b.keys.persistent()) };
}

describe('a REMOVE that came inside an SA', () => {
  it('V3: is kept over restarts, until a bundle holds it', () => {
    const { world, b, before, kept } = removedBySa();
    expect(b.log).toContainEqual({ kind: 'persist', what: 'versions' });
    expect(membersOf(start(world, before[0]))).toEqual(['a', 'c']);
    const second = start(world, before[1], kept);
    expect(membersOf(second)).toEqual(['a']);
    const third = start(world, before[2], throughFile(second.persistent()));
    expect(membersOf(third)).toEqual(['a']);
    const [group] = Object.values(third.persistent().rosters);
    expect(group.learned).toHaveLength(1);
    expect(third.reload(world.authority.bundle('b'), world.now).map(({ refused }) => refused)).toEqual([undefined]);
    expect(Object.values(third.persistent().rosters)[0].learned).toEqual([]);
    expect(membersOf(third)).toEqual(['a']);
  });

  it('V3: stays when the bundle without it is read again', () => {
    const { world, b, before } = removedBySa();
    const [change] = b.keys.reload(before[0], world.now);
    expect(change).toMatchObject({ refused: undefined, removed: [], removals: [] });
    expect(membersOf(b.keys)).toEqual(['a']);
  });
});

/** Two authorities of one key whose rosters part after the third member: a restored backup, say. */
function parted() {
  const [mine, other] = [trio('parted'), trio('parted')];
  mine.world.authority.remove('c');
  other.world.authority.add('d', ['office']);
  other.world.authority.roll('office');
  mine.world.launch(mine.a, mine.a.reload(mine.world));
  return { ...mine, foreign: () => other.world.authority.bundle('a'), other };
}

describe('a bundle whose roster is not an extension of the one held', () => {
  it('changes nothing of that group: neither members nor versions', () => {
    const { world, a, foreign } = parted();
    const versions = a.keys.groups()[0].versions.map(({ v }) => v);
    const head = a.keys.groups()[0].versions[0].rosterHead;
    const changes = a.keys.reload(foreign(), world.now);
    for (const change of changes) a.engine.handleKeyChange(change, world.now);
    expect(changes.map(({ refused, effects }) => [refused, effects])).toEqual([['not-an-extension', []]]);
    expect(membersOf(a.keys)).toEqual(['b']);
    expect(a.keys.groups()[0].versions.map(({ v }) => v)).toEqual(versions);
    expect(a.keys.groups()[0].versions[0].rosterHead).toEqual(head);
    expect(a.counter('roster-refused')).toBe(1);
    expect(a.engine.takeEffects()).toContainEqual(
      expect.objectContaining({ kind: 'log', level: 'warn', event: 'roster-refused' }),
    );
    expect(a.keys.refusedRosters()).toEqual([{ group: 'office', fault: 'not-an-extension' }]);
    a.keys.reload(world.authority.bundle('a'), world.now);
    expect(a.keys.refusedRosters()).toEqual([]);
  });

  it('is refused at a restart, too, and at the next one', () => {
    const { world, a, foreign } = parted();
    const kept = throughFile(a.keys.persistent());
    const again = start(world, foreign(), kept);
    expect(again.groups()).toEqual([]);
    expect(again.refusedRosters()).toEqual([{ group: 'office', fault: 'not-an-extension' }]);
    expect(throughFile(again.persistent())).toEqual(kept);
    expect(again.reload(world.authority.bundle('a'), world.now).map(({ refused }) => refused)).toEqual([undefined]);
    expect(membersOf(again)).toEqual(['b']);
  });

  it('is refused when it is shorter', () => {
    const { world, a } = parted();
    const shorter = trio('parted').world.authority.bundle('a');
    expect(a.keys.reload(shorter, world.now).map(({ refused }) => refused)).toEqual(['rolled-back']);
    const kept = throughFile(a.keys.persistent());
    const again = start(world, trio('parted').world.authority.bundle('a'), kept);
    expect(again.refusedRosters()).toEqual([{ group: 'office', fault: 'rolled-back' }]);
  });
});
