import { describe, expect, it } from 'vitest';
import { toHex } from '../../../src/base/bytes.ts';
import { addGroup, removeGroup, rollGroup } from '../../../src/server/network/commands/groups.ts';
import {
  addToGroup,
  approveNode,
  changeNode,
  removeFromGroup,
  removeNode,
} from '../../../src/server/network/commands/nodes.ts';
import { addUser, removeUser } from '../../../src/server/network/commands/users.ts';
import { groupNamed, nodeNamed } from '../../../src/server/network/find.ts';
import { admitWaiting } from '../../../src/server/network/membership.ts';
import { settingsOf } from '../../../src/server/network/settings.ts';
import { newestVersion, versionsOf } from '../../../src/server/network/versions.ts';
import { Member, small, type World } from './ground.ts';

const DAY = 86_400;

function domainCauses({ view }: World): readonly string[] {
  const group = view.get('groups', settingsOf(view).domain);
  return group ? versionsOf(view, group).map(({ cause }) => cause) : [];
}

function causesOf(network: World, group: string): readonly string[] {
  return versionsOf(network.view, groupNamed(network.view, group)).map(({ cause }) => cause);
}

describe('an update', () => {
  it('holds only what is new, and nothing when there is nothing', () => {
    const { network, alice, bob } = small();
    expect(alice.fetch()).toBe('nothing-new');
    network.run((tools, draft) => rollGroup(tools, draft, 'lab'));
    const { bundle, groups } = alice.taken();
    expect(bundle).toMatchObject({ domain: [], peers: [], groups: [{ chain: [] }] });
    expect(groups.map(({ roster, versions }) => [roster.name, versions.map(({ reason }) => reason)])).toEqual([
      ['lab', ['manual']],
    ]);
    const half = bob.taken();
    expect(half.groups[0].versions[0].rn2).toEqual(groups[0].versions[0].rn2);
    const whole = new Member(network, nodeNamed(network.view, 'bob')).taken();
    expect(whole.bundle.base).toBeUndefined();
    expect(whole.groups[0].versions.length).toBeGreaterThan(1);
  });

  it('names the new name and mode of a peer, and no others', () => {
    const { network, alice } = small();
    network.run((tools, draft) => changeNode(tools, draft, 'bob', { name: 'bert', mode: 'cl' }));
    expect(alice.taken().bundle.peers).toMatchObject([{ name: 'bert', mode: 'cl' }]);
  });

  it('names a peer when it becomes a member, however long it has been known to the server', () => {
    const { network, alice } = small();
    network.join({ name: 'carol', approval: true });
    network.run((tools, draft) => approveNode(tools, draft, 'carol'));
    network.now += 5;
    network.run((tools, draft) => rollGroup(tools, draft, 'lab'));
    expect(alice.taken().bundle.peers).toEqual([]);
    network.run(admitWaiting);
    expect(alice.taken().bundle.peers).toMatchObject([{ name: 'carol' }]);
  });

  it('says which groups were left, and gives them whole when they come again', () => {
    const { network, alice } = small();
    network.run((tools, draft) => removeFromGroup(tools, draft, 'home', 'alice'));
    const home = groupNamed(network.view, 'home').id;
    expect(alice.taken().bundle.left).toEqual([home]);
    network.run((tools, draft) => addToGroup(tools, draft, 'home', 'alice'));
    network.run(admitWaiting);
    expect(alice.taken().bundle.groups[0].chain).toHaveLength(4);
    expect(alice.last?.groups[0].versions).toHaveLength(1);
  });

  it('gives keys in force again with a later lease, when that is asked for', () => {
    const { network, alice } = small();
    network.now += DAY;
    expect(alice.fetch()).toBe('nothing-new');
    const [lab] = alice.taken({ lease: true }).groups;
    expect(lab.versions.map(({ v, notAfter }) => [v, notAfter])).toEqual([
      [newestVersion(network.view, groupNamed(network.view, 'lab')).v, network.now + 72 * 3600],
    ]);
  });

  it('goes back to a whole one where the node holds another roster', () => {
    const { alice } = small();
    const groups = alice.have.groups.map((group) => ({ ...group, head: new Uint8Array(32) }));
    alice.have = { ...alice.have, groups };
    expect(alice.taken().bundle.base).toBeUndefined();
  });
});

describe('a removal', () => {
  it('V4: gives the removed node nothing more, and the others a key that it does not have, at once', () => {
    const { network, alice, bob } = small();
    network.run((tools, draft) => removeNode(tools, draft, 'bob'));
    expect(bob.fetch()).toBe('removed');
    const [lab] = alice.taken().groups;
    expect(lab.versions).toMatchObject([{ reason: 'removal', activateAt: network.now }]);
    expect([...bob.given.values()]).not.toContain(toHex(lab.versions[0].rn2));
    expect([...lab.roster.members.keys()]).toEqual([alice.id]);
    expect(new Member(network, nodeNamed(network.view, 'alice')).taken().groups[0].versions).toHaveLength(1);
  });

  it('from the network rolls the domain key, from a group does not', () => {
    const { network, alice } = small();
    network.run((tools, draft) => removeFromGroup(tools, draft, 'home', 'alice'));
    expect(domainCauses(network)).toEqual(['created']);
    network.run((tools, draft) => removeNode(tools, draft, 'bob'));
    expect(domainCauses(network)).toEqual(['created', 'removal']);
    expect(alice.taken().bundle.domain).toHaveLength(1);
  });

  it('of a node that waits for approval changes no key', () => {
    const { network } = small();
    network.join({ name: 'carol', approval: true });
    const before = [causesOf(network, 'lab'), domainCauses(network)];
    network.run((tools, draft) => removeNode(tools, draft, 'carol'));
    expect([causesOf(network, 'lab'), domainCauses(network)]).toEqual(before);
  });

  it('of a user takes all nodes out in one version, and its tokens', () => {
    const { network } = small();
    network.run((tools, draft) => addUser(tools, draft, 'otto'));
    for (let i = 0; i < 5; i++) network.join({ user: 'otto' });
    network.run(admitWaiting);
    expect(() => network.run((tools, draft) => removeUser(tools, draft, 'otto'))).toThrow(/has nodes: node, node-2/);
    const before = causesOf(network, 'lab').length;
    network.run((tools, draft) => removeUser(tools, draft, 'otto', { nodes: true }));
    expect(causesOf(network, 'lab').slice(before)).toEqual(['removal']);
    const own = [...network.view.rows('tokens')].filter(({ user }) => user === 'otto');
    expect(own.every(({ revoked }) => revoked)).toBe(true);
  });

  it('of a group lets its members leave it, and of its name nothing is left', () => {
    const { network, alice } = small();
    const home = groupNamed(network.view, 'home').id;
    network.run((tools, draft) => removeGroup(tools, draft, 'home'));
    expect(alice.taken().bundle.left).toEqual([home]);
    network.run((tools, draft) => addGroup(tools, draft, { name: 'home' }));
    expect(groupNamed(network.view, 'home').id).not.toBe(home);
    const { tables } = network.store.state;
    for (const { group } of [...tables.versions.values(), ...tables.roster.values()]) expect(group).not.toBe(home);
  });
});
