import { describe, expect, it } from 'vitest';
import { toHex } from '../../../src/base/bytes.ts';
import { addGroup, groupNamed, rollGroup, rosterOf } from '../../../src/server/authority/network-rules.ts';
import { addNode, liveNodes, nodeNamed, removeNode } from '../../../src/server/authority/node-rules.ts';
import type { AuthorityState } from '../../../src/server/authority/state.ts';
import { formatRange } from '../../../src/server/network/address-plan.ts';
import { emptyNetwork, network, opened, START, toolsAt, versionsOf, withNode } from './ground.ts';

function memberNames(state: AuthorityState, group: string): readonly string[] {
  const { members } = rosterOf(toolsAt(), groupNamed(state, group));
  return state.nodes.filter(({ id }) => members.has(id)).map(({ name }) => name);
}

describe('a bundle', () => {
  it('opens, and holds the identity, the addresses, the groups and the names of the peers', () => {
    const bundle = opened(network(), 'alice');
    expect(bundle.bundle).toMatchObject({ network: 'test', node: { name: 'alice' } });
    expect(bundle.bundle.peers.map(({ name, type, mode }) => [name, type, mode])).toEqual([['bob', 'ges', 'op']]);
    expect(bundle.groups.map(({ roster }) => [roster.name, roster.members.size])).toEqual([
      ['lab', 2],
      ['home', 1],
    ]);
    expect(bundle.bundle.pool.map(formatRange)[0]).toBe('100.64.0.0/10');
  });

  it('holds the keys of its own groups only', () => {
    expect(opened(network(), 'bob').groups.map(({ roster }) => roster.name)).toEqual(['lab']);
  });

  it('holds equal keys for all members', () => {
    const [alice, bob] = ['alice', 'bob'].map((name) => versionsOf(opened(network(), name), 'lab').at(-1));
    expect(alice?.v).toBe(3);
    expect(alice).toEqual(bob);
  });

  it('has a number that grows with every change, also from a backup restored after a while', () => {
    const before = network();
    const first = opened(before, 'alice').bundle.number;
    expect(opened(rollGroup(toolsAt(61), before, 'lab', 60), 'alice', 62).bundle.number).toBeGreaterThan(first);
    const onward = [0, 1, 2].reduce((state) => rollGroup(toolsAt(5), state, 'lab', 0), before);
    expect(onward.revision).toBe(before.revision + 3);
    expect(rollGroup(toolsAt(1000), before, 'lab', 0).revision).toBe(START + 1000);
  });

  it('gives a newcomer no key from before its joining', () => {
    const state = withNode(network(), { name: 'carol' }, 20);
    expect(versionsOf(opened(state, 'alice'), 'lab').map(({ v }) => v)).toEqual([2, 3, 4]);
    expect(versionsOf(opened(state, 'carol'), 'lab').map(({ v }) => v)).toEqual([4]);
  });

  it('is in force for a node whose clock is half a day behind', () => {
    const versions = versionsOf(opened(network(), 'alice', 5), 'lab');
    expect(versions.at(-1)?.activateAt).toBeLessThan(START - 43_200);
  });
});

describe('a roll by hand', () => {
  const rolled = rollGroup(toolsAt(100), network(), 'lab', 60);

  it('is NEXT beside CURRENT until its time', () => {
    const before = versionsOf(opened(rolled, 'bob', 130), 'lab');
    expect(before.map(({ v, retired }) => [v, retired])).toEqual([
      [3, undefined],
      [4, undefined],
    ]);
    expect(before.at(-1)).toMatchObject({ activateAt: START + 160, reason: 'manual' });
  });

  it('is CURRENT afterwards, and what was before is retired', () => {
    const after = versionsOf(opened(rolled, 'bob', 160), 'lab');
    expect(after.map(({ v, retired }) => [v, retired])).toEqual([
      [3, 'schedule'],
      [4, undefined],
    ]);
  });

  it('has a key of its own and the same roster', () => {
    const [old, fresh] = versionsOf(opened(rolled, 'bob', 130), 'lab');
    expect(fresh?.rn2).not.toEqual(old?.rn2);
    expect(fresh?.rosterHead).toEqual(old?.rosterHead);
  });

  it('is refused while four others wait, since nodes could not keep them all', () => {
    let state = network();
    for (let i = 0; i < 4; i++) state = rollGroup(toolsAt(100), state, 'lab', 60);
    expect(() => rollGroup(toolsAt(100), state, 'lab', 60)).toThrow(/wait for their time/);
    expect(versionsOf(opened(state, 'bob', 130), 'lab')[0]).toMatchObject({ v: 3 });
    expect(rollGroup(toolsAt(161), state, 'lab', 60).groups[0]?.versions).toHaveLength(8);
  });
});

describe('a removal', () => {
  const before = network();
  const after = removeNode(toolsAt(100), before, 'bob');

  it('V4: gives the removed node no version any more, and the others one that it does not have', () => {
    const had = versionsOf(opened(before, 'bob', 99), 'lab').map(({ rn2 }) => toHex(rn2));
    const now = versionsOf(opened(after, 'alice', 101), 'lab');
    expect(now.map(({ v, reason }) => [v, reason])).toEqual([[4, 'removal']]);
    expect(had).not.toContain(toHex(now[0]?.rn2 ?? new Uint8Array(0)));
    expect(() => opened(after, 'bob', 101)).toThrow(/was removed/);
  });

  it('takes it from every roster and every list of peers, and forgets its key', () => {
    expect(memberNames(after, 'lab')).toEqual(['alice']);
    expect(opened(after, 'alice', 101).bundle.peers).toEqual([]);
    expect(after.nodes.find(({ name }) => name === 'bob')?.edSeed).toBeUndefined();
  });

  it('rolls the domain key, which a newcomer gets only from then on', () => {
    const state = withNode(after, { name: 'carol' }, 200);
    expect(opened(state, 'alice', 201).bundle.domain.map(({ v }) => v)).toEqual([1, 2]);
    expect(opened(state, 'carol', 201).bundle.domain.map(({ v }) => v)).toEqual([2]);
  });

  it('leaves the groups alone in which the node was not', () => {
    expect(groupNamed(after, 'home')).toEqual(groupNamed(before, 'home'));
  });

  it('frees the name but not the address, except for who asks for it', () => {
    const again = nodeNamed(withNode(after, { name: 'bob' }, 200), 'bob');
    expect([...again.ipv4]).toEqual([100, 64, 0, 3]);
    const same = nodeNamed(withNode(after, { name: 'bob', address: '100.64.0.2' }, 200), 'bob');
    expect([...same.ipv4]).toEqual([100, 64, 0, 2]);
  });
});

describe('a node with routes', () => {
  it('has two in its certificate, and all in the roster', () => {
    const routes = ['192.168.1.0/24', '192.168.2.0/24', 'fd01::/48'];
    const { caPart, groups } = opened(withNode(network(), { name: 'gate', type: 'gen', routes }, 20), 'gate');
    expect([caPart.routes.length, caPart.moreRoutes]).toEqual([2, true]);
    expect(groups[0]?.roster.members.get(caPart.nodeId)?.routes).toHaveLength(3);
  });
});

describe('what cannot be', () => {
  const state = network();
  it.each([
    [{ name: 'alice' }, /exists already/],
    [{ name: 'Alice' }, /cannot be a node's name/],
    [{ name: '-a' }, /cannot be a node's name/],
    [{ name: '../x' }, /cannot be a node's name/],
    [{ groups: ['nowhere'] }, /no group "nowhere"/],
    [{ groups: [] }, /in 1 to 64 groups/],
    [{ address: '100.64.0.1' }, /belongs to another node/],
    [{ address: '10.0.0.1' }, /not in the network's pool/],
    [{ routes: ['10.0.0.0/8'] }, /GES stands for itself/],
    [{ type: 'gen', routes: ['100.64.8.0/24'] }, /overlaps the network's own addresses 100\.64/],
    [{ type: 'gen', routes: ['0.0.0.0/0'] }, /overlaps/],
    [{ type: 'gen', routes: ['fd00::/8'] }, /overlaps the network's own addresses fd/],
    [{ type: 'gen', routes: ['10.1.0.0/16', '10.1.0.0/16'] }, /given twice/],
  ] as const)('%j is refused', (request, reason) => {
    const full = { name: 'n', type: 'ges', mode: 'op', groups: ['lab'], address: undefined, routes: [] } as const;
    expect(() => addNode(toolsAt(5), state, { ...full, ...request })).toThrow(reason);
  });

  it('names the groups or nodes that there are', () => {
    expect(() => rollGroup(toolsAt(), state, 'lba', 0)).toThrow(
      expect.objectContaining({ remedy: 'The groups are: lab, home.' }),
    );
    expect(() => removeNode(toolsAt(), state, 'bbo')).toThrow(
      expect.objectContaining({ remedy: 'The nodes are: alice, bob.' }),
    );
  });

  it('includes two groups of one name, in whatever Unicode form', () => {
    const named = addGroup(toolsAt(7), emptyNetwork(), 'caf\u00e9');
    expect(() => addGroup(toolsAt(8), named, 'cafe\u0301')).toThrow(/exists already/);
    expect(() => addGroup(toolsAt(8), named, 'a,b')).toThrow(/cannot be a group's name/);
  });
});

describe('many changes', () => {
  it('leave every bundle openable and every roster true', () => {
    let state = emptyNetwork();
    for (let i = 0; i < 24; i++) {
      const offset = 300 + i;
      if (i % 5 === 4) state = removeNode(toolsAt(offset), state, liveNodes(state)[0]?.name ?? '');
      else if (i % 7 === 6) state = rollGroup(toolsAt(offset), state, 'lab', 0);
      else state = withNode(state, { name: `node-${i}`, groups: i % 2 === 0 ? ['lab'] : ['lab', 'home'] }, offset);
      for (const { name } of liveNodes(state)) opened(state, name, offset);
      expect(memberNames(state, 'lab')).toEqual(liveNodes(state).map(({ name }) => name));
    }
  });
});
