import { describe, expect, it } from 'vitest';
import type { GroupId } from '../../src/base/brands.ts';
import { encodeControl } from '../../src/dprp/control-record.ts';
import { sealAs } from './forge.ts';
import { numbered, numbersOf } from './packets.ts';
import { type SimNode, trio, World } from './world.ts';

/** Live SAs, entries and half-opens of a node with another one, in one group or in all. */
function holdings(node: SimNode, other: SimNode, group?: GroupId) {
  const { sas, owners, pit } = node.engine.node;
  const id = other.keys.self().id;
  return {
    sas: [...sas.sas()].filter((sa) => sa.peer === id && (group === undefined || sa.group === group)).length,
    entries: owners.numbersOf(id, group).reduce((sum, owner) => sum + pit.countOf(owner), 0),
    halfOpen: node.engine.halfOpen,
  };
}

const NOTHING = { sas: 0, entries: 0, halfOpen: 0 };

/** All three talk with each other. */
function meeting() {
  const { world, a, b, c } = trio();
  let n = 0;
  for (const [from, to] of [
    [a, b],
    [a, c],
    [b, c],
  ] as const)
    for (let flow = 0; flow < 3; flow++) {
      world.send(from, numbered(from, to, n++, 3_000 + flow));
      world.run(50);
    }
  for (const node of [a, b, c]) node.received.length = 0;
  return { world, a, b, c };
}

describe('a member that is removed', () => {
  it('R4: has no SA, no entry and no half-open any more at the node that reads the new bundle', () => {
    const { world, a, c } = meeting();
    const [group] = a.keys.groups();
    // a handshake of the removed node's own is half-open when the news come
    a.engine.flush(true, world.now);
    world.wire = ({ bytes }) => (bytes[0] === 2 ? [] : undefined);
    world.send(c, numbered(c, a, 90, 4_000));
    world.send(a, numbered(a, c, 91, 4_001));
    world.run(3);
    expect(holdings(a, c).halfOpen).toBeGreaterThan(0);
    world.authority.remove('c');
    a.reload(world);
    expect(holdings(a, c, group.id)).toEqual(NOTHING);
    expect(holdings(a, c)).toEqual(NOTHING);
  });

  it('R4: loses every live SA and flow in the same step', () => {
    const { world, a, c } = meeting();
    expect(holdings(a, c)).toEqual({ sas: 1, entries: 3, halfOpen: 0 });
    world.authority.remove('c');
    a.reload(world);
    expect(holdings(a, c)).toEqual(NOTHING);
  });

  it('is cut off at a third node, too, by the signed REMOVE inside the SA', () => {
    const { world, a, b, c } = meeting();
    world.authority.remove('c');
    world.launch(a, a.reload(world));
    expect(holdings(b, c)).toEqual({ sas: 1, entries: 3, halfOpen: 0 });
    world.run(10);
    expect(holdings(b, c)).toEqual(NOTHING);
    // b hands it back once to a, which knows it, and there it ends
    expect(a.counter('signed-remove-ignored')).toBe(1);
    expect(b.counter('signed-remove-ignored')).toBe(0);
  });

  it('R4: loses its half-open handshakes at a node that hears of the REMOVE alone', () => {
    const { world, a, b, c } = meeting();
    for (const owner of b.engine.node.owners.numbersOf(c.keys.self().id))
      b.engine.node.pit.removeOwner(owner, 'closed', world.now);
    b.engine.node.sas.closeWhere(({ peer }) => peer === c.keys.self().id, 'flushed');
    world.switchOff(c);
    world.send(b, numbered(b, c, 50));
    expect(b.engine.halfOpen).toBe(1);
    world.authority.remove('c');
    world.launch(a, a.reload(world));
    world.run(10);
    expect(b.engine.halfOpen).toBe(0);
    expect(b.counter('discarded-removed')).toBe(1);
  });

  it('cannot come back, whatever it tries, at a node with the bundle or with the REMOVE alone', () => {
    const { world, a, b, c } = meeting();
    world.authority.remove('c');
    world.launch(a, a.reload(world));
    world.run(10);
    for (let n = 0; n < 20; n++) {
      world.send(c, numbered(c, a, 100 + n, 3_000 + n), numbered(c, b, 200 + n, 3_000 + n));
      world.run(2_000, 20);
    }
    for (const node of [a, b]) {
      expect(numbersOf(node)).toEqual([]);
      // what it says may be answered, but nobody knows that it is c before its MPIT is refused
      expect(holdings(node, c)).toMatchObject({ sas: 0, entries: 0 });
    }
    // nor does anything go to it
    world.send(a, numbered(a, c, 300));
    world.send(b, numbered(b, c, 301));
    world.run(20_000, 20);
    expect(numbersOf(c)).toEqual([]);
  });

  it('keeps nobody else from talking, before and after the others read their bundles', () => {
    const { world, a, b } = meeting();
    const sent: number[] = [];
    const talk = (duration: number) => {
      for (const end = world.now + duration; world.now < end; ) {
        world.send(a, numbered(a, b, sent.length, 3_000));
        sent.push(sent.length);
        world.run(20);
      }
    };
    talk(500);
    world.authority.remove('c');
    world.launch(a, a.reload(world));
    talk(2_000);
    world.launch(b, b.reload(world));
    talk(2_000);
    world.run(100);
    expect(numbersOf(b)).toEqual(sent);
    expect(b.engine.node.sas.sender(1)?.version).toBe(a.engine.node.sas.sender(1)?.version);
  });

  it('leaves the others at most a minute on keys that it knew', () => {
    const { world, a, b } = meeting();
    world.authority.remove('c');
    world.launch(a, a.reload(world));
    for (let second = 0; second < 59; second++) {
      world.send(a, numbered(a, b, second, 3_000));
      world.run(1_000, 50);
    }
    expect(numbersOf(b)).toHaveLength(59);
    world.run(2_000);
    expect(holdings(a, b).sas).toBe(0);
    // b has not read its bundle: it is behind, and nothing goes out under the old version
    b.received.length = 0;
    world.send(a, numbered(a, b, 100, 3_000));
    world.run(5_000);
    expect(numbersOf(b)).toEqual([]);
    world.launch(b, b.reload(world));
    world.run(15_000, 20);
    world.send(a, numbered(a, b, 101, 3_000));
    world.run(100);
    expect(numbersOf(b)).toEqual([101]);
  });
});

describe('two nodes with SAs in two groups', () => {
  /** b and c have met in the group with the higher number first, and then, when c had started again, in the lower one. */
  function twice() {
    const world = new World('two');
    world.authority.group('first');
    world.authority.group('second');
    for (const name of ['a', 'b', 'c']) world.authority.add(name, ['first', 'second']);
    const [a, b, c] = ['a', 'b', 'c'].map((name, at) => world.node(name, `10.0.0.${at + 1}:47247`));
    const [low = '', high = ''] = b.keys
      .groups()
      .map(({ id }) => b.keys.groupName(id))
      .sort((x, y) => (idOf(b, x) < idOf(b, y) ? -1 : 1));
    const [lowId, highId] = [idOf(b, low), idOf(b, high)];
    for (const node of [b, c]) {
      const bundle = world.authority.bundle(node.name);
      const groups = bundle.groups.filter(({ roster }) => roster.name === high);
      for (const change of node.keys.reload({ ...bundle, groups }, world.now))
        node.engine.handleKeyChange(change, world.now);
    }
    world.send(b, numbered(b, c, 1));
    world.run(50);
    b.reload(world);
    const fresh = world.restart(c);
    world.send(fresh, numbered(fresh, b, 2));
    world.send(a, numbered(a, b, 3));
    world.run(50);
    expect([holdings(b, fresh, lowId), holdings(b, fresh, highId)]).toMatchObject([{ sas: 1 }, { sas: 1 }]);
    return { world, a, b, c: fresh, lowId, highId };
  }

  it('open further flows in the group with the lower number', () => {
    const { world, b, c, lowId, highId } = twice();
    const before = [lowId, highId].map((id) => holdings(b, c, id).entries);
    world.send(b, numbered(b, c, 4, 6_000));
    world.run(50);
    expect([lowId, highId].map((id) => holdings(b, c, id).entries)).toEqual([before[0] + 1, before[1]]);
    expect(numbersOf(c)).toEqual([4]);
  });

  it('R4: lose in one step what they have in the group of a REMOVE, and nothing else', () => {
    const { world, a, b, c, lowId, highId } = twice();
    const kept = holdings(b, c, highId);
    expect(kept).toMatchObject({ sas: 1, entries: 1 });
    world.authority.remove('c');
    const chain = world.authority.bundle('a').groups.find(({ roster }) => roster.groupId === lowId)?.roster.entries;
    const entry = chain?.at(-1);
    if (entry === undefined) throw new Error('no entry');
    world.launch(a, [sealAs(a, b, encodeControl({ kind: 'signed-remove', entry }))]);
    world.run(10);
    expect(holdings(b, c, lowId)).toEqual(NOTHING);
    expect(holdings(b, c, highId)).toEqual(kept);
  });
});

function idOf(node: SimNode, name: string): GroupId {
  const group = node.keys.groups().find(({ id }) => node.keys.groupName(id) === name);
  if (group === undefined) throw new Error(name);
  return group.id;
}

describe('a record that says REMOVE', () => {
  it.each([
    ['changed anywhere', (entry: Uint8Array) => flipped(entry, entry.length >> 1)],
    ['cut off', (entry: Uint8Array) => entry.subarray(0, entry.length - 1)],
    ['empty of meaning', () => new Uint8Array(64)],
  ])('is ignored when it is %s', (_, change) => {
    const { world, a, b, c } = meeting();
    world.authority.remove('c');
    const entry = world.authority.bundle('a').groups[0].roster.entries.at(-1);
    if (entry === undefined) throw new Error('no entry');
    world.launch(a, [sealAs(a, b, encodeControl({ kind: 'signed-remove', entry: change(entry) }))]);
    world.run(10);
    expect(b.counter('signed-remove-ignored')).toBe(1);
    expect(holdings(b, c).sas).toBe(1);
  });

  it('is ignored when it holds another change, however well signed', () => {
    const { world, a, b } = meeting();
    world.authority.add('d', ['office']);
    const entry = world.authority.bundle('a').groups[0].roster.entries.at(-1);
    if (entry === undefined) throw new Error('no entry');
    world.launch(a, [sealAs(a, b, encodeControl({ kind: 'signed-remove', entry }))]);
    world.run(10);
    expect(b.counter('signed-remove-ignored')).toBe(1);
    expect(b.keys.groups()[0].roster.members.size).toBe(3);
  });
});

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const out = bytes.slice();
  out[at] ^= 1;
  return out;
}
