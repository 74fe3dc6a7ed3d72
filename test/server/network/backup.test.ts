import { describe, expect, it } from 'vitest';
import { keyVersion } from '../../../src/base/brands.ts';
import { rollGroup } from '../../../src/server/network/commands/groups.ts';
import { removeNode } from '../../../src/server/network/commands/nodes.ts';
import { overtake } from '../../../src/server/network/commands/overtake.ts';
import { groupNamed } from '../../../src/server/network/find.ts';
import { admitWaiting } from '../../../src/server/network/membership.ts';
import { settingsOf } from '../../../src/server/network/settings.ts';
import type { NetworkState } from '../../../src/server/network/state.ts';
import { versionsOf } from '../../../src/server/network/versions.ts';
import { copyOf, memoryStore } from '../memory-store.ts';
import { Member, World, world } from './ground.ts';

const DAY = 86_400;

/** The network of a backup, at the same time as the one that went on. */
function restored(backup: NetworkState, now: number): World {
  const store = memoryStore();
  const { settings, users, groups, versions, roster, nodes, tokens } = backup.tables;
  const back = new World(store);
  store.runNow({ kind: 'local', name: 'test' }, 'restore', (draft) => {
    for (const [key, row] of settings) draft.put({ table: 'settings', key, row });
    for (const [key, row] of users) draft.put({ table: 'users', key, row });
    for (const [key, row] of groups) draft.put({ table: 'groups', key, row });
    for (const [key, row] of versions) draft.put({ table: 'versions', key, row });
    for (const [key, row] of roster) draft.put({ table: 'roster', key, row });
    for (const [key, row] of nodes) draft.put({ table: 'nodes', key, row });
    for (const [key, row] of tokens) draft.put({ table: 'tokens', key, row });
  });
  back.now = now;
  return back;
}

function newest(network: World, group = 'lab'): number {
  return groupNamed(network.view, group).versions.at(-1) ?? 0;
}

/** A network that goes on for an hour behind its backup, with rolls of `lab` every `pace` seconds at the end of it. */
function goneOn(rolls: number, pace: number) {
  const network = world();
  const row = network.join({ name: 'alice', groups: ['lab', 'home'] });
  network.run(admitWaiting);
  const backup = copyOf(network.store.state);
  network.now += 3_600;
  for (let i = 0; i < rolls; i++) {
    network.now += pace;
    network.run((tools, draft) => rollGroup(tools, draft, 'lab', 0));
  }
  const alice = new Member(network, row);
  alice.taken();
  return { network, backup, row, alice };
}

describe('a restored backup', () => {
  it('V1: makes versions and bundles above those that were made behind it, without knowing of them', () => {
    const { network, backup } = goneOn(20, 1);
    const back = restored(backup, network.now + 1);
    const { v } = back.run((tools, draft) => rollGroup(tools, draft, 'lab'));
    expect(v).toBeGreaterThan(newest(network));
    expect(settingsOf(back.view).number).toBeGreaterThan(settingsOf(network.view).number);
  });

  it('is found out by the first node that comes, and every group then has a key above what nodes hold', () => {
    const { network, backup, row, alice } = goneOn(20, 1);
    const back = restored(backup, network.now + 1);
    const late = new Member(back, row);
    late.have = alice.have;
    expect(late.fetch()).toBe('ahead');
    expect(back.run((tools, draft) => overtake(tools, draft, alice.have))).toMatchObject({ lost: [] });
    expect(newest(back)).toBeGreaterThan(newest(network));
    expect(newest(back, 'home')).toBeGreaterThan(newest(network, 'home'));
    expect(late.fetch({ whole: true })).toMatchObject({ groups: { length: 2 } });
    const { revision } = back.store.state;
    back.run((tools, draft) => overtake(tools, draft, alice.have));
    expect(back.store.state.revision).toBe(revision);
  });

  it('goes above them also where they ran ahead of the clock', () => {
    const { network, backup, alice } = goneOn(40, 0);
    network.run((tools, draft) => rollGroup(tools, draft, 'lab', 0));
    const back = restored(backup, network.now - DAY);
    back.run((tools, draft) => overtake(tools, draft, alice.have));
    expect(newest(back)).toBeGreaterThan(
      alice.have.groups.find(({ id }) => id === groupNamed(back.view, 'lab').id)?.v ?? 0,
    );
    expect(settingsOf(back.view).number).toBeGreaterThan(alice.have.number);
  });

  it('names the groups whose newest entries only the nodes have', () => {
    const { network, backup, row, alice } = goneOn(0, 0);
    network.join({ name: 'bob' });
    network.run(admitWaiting);
    alice.taken();
    const back = restored(backup, network.now);
    const lab = groupNamed(back.view, 'lab').id;
    expect(back.run((tools, draft) => overtake(tools, draft, alice.have))).toMatchObject({ lost: [lab] });
    const { revision } = back.store.state;
    expect(back.run((tools, draft) => overtake(tools, draft, alice.have))).toMatchObject({ lost: [lab] });
    expect(back.store.state.revision).toBe(revision);
    const late = new Member(back, row);
    late.have = alice.have;
    // all is offered; what contradicts the lists that the node has is for the node to refuse
    const { base, groups } = late.taken().bundle;
    expect([base, groups.length]).toEqual([undefined, 2]);
  });

  it.each([
    ['a number', { number: 2 ** 32 - 1, v: 1 }],
    ['a version', { number: 0, v: 2 ** 32 - 1 }],
  ])('believes no node that claims %s far ahead', (_, claim) => {
    const { network, alice } = goneOn(1, 1);
    const groups = alice.have.groups.map((group) => ({ ...group, v: keyVersion(Math.max(group.v, claim.v)) }));
    const have = { number: Math.max(claim.number, alice.have.number), groups };
    const { revision } = network.store.state;
    expect(() => network.run((tools, draft) => overtake(tools, draft, have))).toThrow(
      expect.objectContaining({ code: 'too-far-ahead' }),
    );
    expect(network.store.state.revision).toBe(revision);
  });
});

it('domain keys that are kept have eight different numbers modulo eight, however far the clock jumps', () => {
  const network = world();
  for (let i = 0; i < 12; i++) {
    network.now += (i % 3) * DAY + i;
    const { name } = network.join();
    network.run(admitWaiting);
    network.run((tools, draft) => rollGroup(tools, draft, 'lab', 0));
    network.run((tools, draft) => removeNode(tools, draft, name));
    const group = network.view.get('groups', settingsOf(network.view).domain);
    const residues = group ? versionsOf(network.view, group).map(({ v }) => v % 8) : [];
    expect(new Set(residues).size).toBe(Math.min(8, i + 2));
  }
});
