import { describe, expect, it } from 'vitest';
import { nodeProvider } from '../../../src/crypto/node-provider.ts';
import { formatRange } from '../../../src/server/network/address-plan.ts';
import { removeAdministrator } from '../../../src/server/network/commands/administrators.ts';
import { enrol } from '../../../src/server/network/commands/enrol.ts';
import { addGroup, changeGroup, rollGroup } from '../../../src/server/network/commands/groups.ts';
import { approveNode, changeNode, removeNode } from '../../../src/server/network/commands/nodes.ts';
import { createToken, revokeToken, type TokenRequest } from '../../../src/server/network/commands/tokens.ts';
import { addUser, removeUser } from '../../../src/server/network/commands/users.ts';
import { groupNamed, nodeNamed } from '../../../src/server/network/find.ts';
import { admitWaiting, someoneWaits } from '../../../src/server/network/membership.ts';
import { versionsOf } from '../../../src/server/network/versions.ts';
import { edPublicOf, Member, small, type World, world } from './ground.ts';

function causesOf(network: World, group: string): readonly string[] {
  return versionsOf(network.view, groupNamed(network.view, group)).map(({ cause }) => cause);
}

describe('a join', () => {
  it('gives certificate, addresses and keys, from its own version on', () => {
    const { network } = small();
    const carol = new Member(network, network.join({ name: 'carol', type: 'gen', routes: ['10.7.0.0/16'] }));
    expect(carol.taken().groups).toEqual([]);
    network.run(admitWaiting);
    const { bundle, groups, caPart } = carol.taken();
    expect(bundle).toMatchObject({ network: 'test', node: { name: 'carol' }, serverTime: network.now });
    expect(bundle.peers.map(({ name }) => name).sort()).toEqual(['alice', 'bob']);
    expect(groups.map(({ roster, versions }) => [roster.name, roster.members.size, versions.length])).toEqual([
      ['lab', 3, 1],
    ]);
    expect(caPart.routes.map(formatRange)).toEqual(['10.7.0.0/16']);
    expect(groups[0].versions[0].activateAt).toBe(network.now);
  });

  it('of many at once is one version per group', () => {
    const { network, alice } = small();
    for (let i = 0; i < 20; i++) network.join({ groups: i % 2 ? ['lab'] : ['lab', 'home'] });
    const before = [causesOf(network, 'lab').length, causesOf(network, 'home').length];
    expect(network.run(admitWaiting)).toMatchObject({ nodes: { length: 20 }, groups: { length: 2 } });
    expect([causesOf(network, 'lab').length, causesOf(network, 'home').length]).toEqual(before.map((n) => n + 1));
    expect(alice.taken().groups.map(({ roster, versions }) => [roster.members.size, versions.length])).toEqual([
      [22, 1],
      [11, 1],
    ]);
    expect(someoneWaits(network.tools, network.view)).toBe(false);
    const { revision } = network.store.state;
    network.run(admitWaiting);
    expect(network.store.state.revision).toBe(revision);
  });

  it('E2: with one token by one machine counts one use, however often it asks', () => {
    const network = world();
    const token = network.run((tools, draft) => createToken(tools, draft, { user: 'anna', groups: ['lab'] }, 'test'));
    const first = network.redeem(token.id, 'a', 500);
    expect(network.redeem(token.id, 'b', 500)).toEqual(first);
    expect(network.view.get('tokens', token.id)?.used).toEqual([first.id]);
    expect(() => network.redeem(token.id, 'a', 501)).toThrow(expect.objectContaining({ code: 'token-used-up' }));
  });

  const request = { user: 'anna', groups: ['lab'] };
  const order = { name: 'n', edPublic: edPublicOf(900), covered: new Uint8Array(3) };
  it.each([
    ['token-expired', { ttl: 60 }, 60, 'right'],
    ['token-revoked', {}, 0, 'revoked'],
    ['token-wrong', {}, 0, 'wrong'],
    ['token-unknown', {}, 0, 'unknown'],
    ['token-wrong', { ttl: 60 }, 60, 'wrong'],
  ] as const)('is refused as %s (%j, %i s later, %s)', (code, terms, later, how) => {
    const network = world();
    const { id, secret } = network.run((tools, draft) => createToken(tools, draft, { ...request, ...terms }, 'test'));
    if (how === 'revoked') network.run((_, draft) => revokeToken(draft, id));
    network.now += later;
    const mac = nodeProvider.hmac(how === 'wrong' ? new Uint8Array(32) : secret, order.covered);
    const token = how === 'unknown' ? '0011223344556677' : id;
    const before = network.store.state.revision;
    expect(() => network.run((tools, draft) => enrol(tools, draft, { ...order, token, mac }))).toThrow(
      expect.objectContaining({ code }),
    );
    expect(network.store.state.revision).toBe(before);
  });

  it('with approval waits for it, and gets no key before', () => {
    const { network } = small();
    const carol = new Member(network, network.join({ name: 'carol', approval: true }));
    expect(network.run(admitWaiting).nodes).toEqual([]);
    expect(carol.fetch()).toBe('pending');
    network.run((tools, draft) => approveNode(tools, draft, 'carol'));
    network.run(admitWaiting);
    expect(carol.taken().groups).toHaveLength(1);
    expect(() => network.run((tools, draft) => approveNode(tools, draft, 'carol'))).toThrow(/let in already/);
  });

  it('in place of a lost machine takes over name and address, and the lost one is out', () => {
    const { network, alice, bob } = small();
    const lost = nodeNamed(network.view, 'bob');
    const fresh = new Member(network, network.join({ name: 'whatever', replaces: 'bob' }));
    expect(nodeNamed(network.view, 'bob')).toMatchObject({ id: fresh.id, ipv4: lost.ipv4 });
    network.run(admitWaiting);
    expect(bob.fetch()).toBe('removed');
    expect([...(alice.taken().groups[0]?.roster.members.keys() ?? [])]).toEqual([alice.id, fresh.id]);
    expect(fresh.taken().groups).toHaveLength(1);
  });

  it('of a machine that was removed is refused, with whatever token', () => {
    const { network } = small();
    const token = network.run((tools, draft) => createToken(tools, draft, { ...request, uses: 2 }, 'test'));
    const { name } = network.redeem(token.id, 'x', 600);
    network.run((tools, draft) => removeNode(tools, draft, name));
    expect(() => network.redeem(token.id, 'x', 600)).toThrow(expect.objectContaining({ code: 'node-removed' }));
  });

  it('of a machine that is known, with another token, adds groups', () => {
    const network = world();
    const tokens = (['lab', 'home'] as const).map((group) =>
      network.run((tools, draft) => createToken(tools, draft, { user: 'anna', groups: [group] }, 'test')),
    );
    const [one, two] = tokens.map(({ id }) => network.redeem(id, 'x', 700));
    expect(two).toMatchObject({ id: one.id, name: one.name, ipv4: one.ipv4 });
    expect(two.groups).toHaveLength(2);
  });

  it.each([
    ['needs approval', { groups: ['lab', 'home'], approval: true }, 'needs approval'],
    ['is for the place of a lost one', { groups: ['lab'], replaces: 'bob' }, "another's place"],
  ] as const)('of a machine that is known, with a token that %s, is refused and uses nothing', (_, terms, reason) => {
    const { network } = small();
    const make = (order: TokenRequest) => network.run((tools, draft) => createToken(tools, draft, order, 'test'));
    network.redeem(make({ user: 'anna', groups: ['lab'] }).id, 'x', 800);
    const { id } = make({ user: 'anna', ...terms });
    expect(() => network.redeem(id, 'x', 800)).toThrow(expect.objectContaining({ code: 'node-known' }));
    expect(() => network.redeem(id, 'x', 800)).toThrow(reason);
    expect(network.view.get('tokens', id)?.used).toEqual([]);
    expect(nodeNamed(network.view, 'bob').standing).toBe('active');
  });
});

describe('a token', () => {
  const network = small().network;
  it.each([
    [{ groups: [] }, /in 1 to 64 groups/],
    [{ user: 'nobody' }, /no user "nobody"/],
    [{ uses: 0 }, /number of uses of 0/],
    [{ ttl: 0 }, /time in seconds of 0/],
    [{ routes: ['10.0.0.0/8'] }, /GES stands for itself/],
    [{ type: 'gen', routes: ['100.64.0.0/16'] }, /overlaps the network's own/],
    [{ replaces: 'bob', uses: 2 }, /one machine replaces another/],
    [{ replaces: 'bob', type: 'gen' }, /is a GES/],
  ] as const)('for %j is refused', (change, reason) => {
    const request: TokenRequest = { user: 'anna', groups: ['lab'], ...change };
    expect(() => network.run((tools, draft) => createToken(tools, draft, request, 'test'))).toThrow(reason);
  });
});

describe('names', () => {
  const { network } = small();
  it.each([
    ['a group', () => network.run((tools, draft) => rollGroup(tools, draft, 'lba')), 'Did you mean "lab"?'],
    ['a node', () => network.run((tools, draft) => removeNode(tools, draft, 'alic')), 'Did you mean "alice"?'],
    ['a user', () => network.run((tools, draft) => removeUser(tools, draft, 'anne')), 'Did you mean "anna"?'],
    ['an administrator', () => network.run((_, draft) => removeAdministrator(draft, 'x')), 'Make one with'],
    ['a token', () => network.run((_, draft) => revokeToken(draft, 'ff')), 'gscip admin token list'],
  ])('of %s that is not there lead to the nearest one', (_, command, remedy) => {
    expect(command).toThrow(expect.objectContaining({ remedy: expect.stringContaining(remedy) }));
  });

  it.each([
    ['group', () => network.run((tools, draft) => addGroup(tools, draft, { name: 'lab' })), 'group-exists'],
    [
      'group by renaming',
      () => network.run((tools, draft) => changeGroup(tools, draft, 'lab', { name: 'home' })),
      'group-exists',
    ],
    ['user', () => network.run((tools, draft) => addUser(tools, draft, 'anna')), 'user-exists'],
    ['node', () => network.run((tools, draft) => changeNode(tools, draft, 'bob', { name: 'alice' })), 'node-exists'],
  ])('of a %s are given once', (_, command, code) => {
    const before = network.store.state.revision;
    expect(command).toThrow(expect.objectContaining({ code }));
    expect(network.store.state.revision).toBe(before);
  });

  it('of machines that join are made fitting and get a number when they are taken', () => {
    const other = world();
    const names = ['Web.example.org', 'web', 'WEB', '---', "Anna's Büro"].map((name) => other.join({ name }).name);
    expect(names).toEqual(['web', 'web-2', 'web-3', 'node', 'anna-s-buro']);
  });
});
