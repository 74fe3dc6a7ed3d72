import { describe, expect, it } from 'vitest';
import { unixSeconds } from '../../../src/base/brands.ts';
import { toHex } from '../../../src/base/bytes.ts';
import { verifyCaPart } from '../../../src/crypto/credential.ts';
import { verifyGmsCertificate } from '../../../src/crypto/gms-certificate.ts';
import { nodeProvider } from '../../../src/crypto/node-provider.ts';
import { formatRange } from '../../../src/server/network/address-plan.ts';
import { gmsCertificate } from '../../../src/server/network/certificates.ts';
import {
  addAdministrator,
  administratorOf,
  mayDo,
  removeAdministrator,
} from '../../../src/server/network/commands/administrators.ts';
import { enrol } from '../../../src/server/network/commands/enrol.ts';
import { addGroup, changeGroup, removeGroup, rollGroup } from '../../../src/server/network/commands/groups.ts';
import {
  addToGroup,
  approveNode,
  changeNode,
  removeFromGroup,
  removeIdleNodes,
  removeNode,
  renewCertificate,
  touchNodes,
} from '../../../src/server/network/commands/nodes.ts';
import { scheduledRolls } from '../../../src/server/network/commands/scheduled-rolls.ts';
import { createToken, revokeToken, type TokenRequest } from '../../../src/server/network/commands/tokens.ts';
import { addUser, removeUser } from '../../../src/server/network/commands/users.ts';
import { groupNamed, nodeNamed } from '../../../src/server/network/find.ts';
import { admitWaiting, someoneWaits } from '../../../src/server/network/membership.ts';
import { newNetwork } from '../../../src/server/network/new-network.ts';
import { settingsOf } from '../../../src/server/network/settings.ts';
import { currentVersion, newestVersion, versionsOf } from '../../../src/server/network/versions.ts';
import { edPublicOf, Member, START, type World, world } from './ground.ts';

const DAY = 86_400;

function causesOf(network: World, group: string): readonly string[] {
  return versionsOf(network.view, groupNamed(network.view, group)).map(({ cause }) => cause);
}

function domainCauses({ view }: World): readonly string[] {
  const group = view.get('groups', settingsOf(view).domain);
  return group ? versionsOf(view, group).map(({ cause }) => cause) : [];
}

/** lab with alice and bob, home with alice. */
function small(): { readonly network: World; readonly alice: Member; readonly bob: Member } {
  const network = world();
  const alice = new Member(network, network.join({ name: 'alice', groups: ['lab', 'home'] }));
  const bob = new Member(network, network.join({ name: 'bob' }));
  network.run(admitWaiting);
  network.now += 5;
  alice.taken();
  bob.taken();
  return { network, alice, bob };
}

describe('a network', () => {
  it('is made once', () => {
    const network = world();
    expect(() => network.run((tools, draft) => newNetwork(tools, draft, { network: 'other' }))).toThrow(
      /holds the network "test"/,
    );
  });

  it.each([
    [{ network: ' ' }, /cannot be a network's name/],
    [{ pool: '10.0.0.1/8' }, /inside a range/],
    [{ timeZone: 'Nowhere' }, /no time zone/],
    [{ lease: 60 }, /lease of 60 s is not possible/],
    [{ certificateLife: 0.5 }, /certificate of 0.5 s is not possible/],
  ])('with %j is refused', (request, reason) => {
    expect(() => world(request)).toThrow(reason);
  });
});

describe('names', () => {
  const { network } = small();
  it.each([
    ['a group', () => network.run((tools, draft) => rollGroup(tools, draft, 'lba')), 'Did you mean "lab"?'],
    ['a node', () => network.run((tools, draft) => removeNode(tools, draft, 'alic')), 'Did you mean "alice"?'],
    ['a user', () => network.run((tools, draft) => removeUser(tools, draft, 'anne')), 'Did you mean "anna"?'],
    ['an administrator', () => network.run((_, draft) => removeAdministrator(draft, 'x')), 'Make one with'],
    ['a token', () => network.run((_, draft) => revokeToken(draft, 'ff')), 'Did you mean'],
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

describe('a group', () => {
  it('is renamed by an entry and a new version that is bound to the new name, also while it rolls', () => {
    const { network, alice, bob } = small();
    network.run((tools, draft) => rollGroup(tools, draft, 'lab', 60));
    network.run((tools, draft) => changeGroup(tools, draft, 'lab', { name: 'labor' }));
    const [group] = alice.taken().groups;
    expect([group.roster.name, group.versions.map(({ rosterSeq }) => rosterSeq)]).toEqual(['labor', [2, 3]]);
    expect(bob.taken().groups[0].versions.map(({ v }) => v)).toEqual(group.versions.map(({ v }) => v));
    expect(() => groupNamed(network.view, 'lab')).toThrow(/no group "lab"/);
  });

  it('is rolled by hand with two seconds to give the key out, and not five times ahead', () => {
    const { network } = small();
    const made = network.run((tools, draft) => rollGroup(tools, draft, 'lab'));
    expect(made).toMatchObject({ cause: 'manual', activateAt: network.now + 2 });
    expect(currentVersion(network.view, groupNamed(network.view, 'lab'), unixSeconds(network.now)).v).toBeLessThan(
      made.v,
    );
    for (let i = 0; i < 3; i++) network.run((tools, draft) => rollGroup(tools, draft, 'lab'));
    expect(() => network.run((tools, draft) => rollGroup(tools, draft, 'lab'))).toThrow(/wait for their time/);
    network.join();
    network.run(admitWaiting);
    expect(newestVersion(network.view, groupNamed(network.view, 'lab')).activateAt).toBe(network.now);
  });

  it('keeps the newest eight versions and forgets the others', () => {
    const { network } = small();
    for (let i = 0; i < 20; i++) {
      network.now += 3;
      network.run((tools, draft) => rollGroup(tools, draft, 'lab'));
    }
    const { id, versions } = groupNamed(network.view, 'lab');
    expect(versions).toHaveLength(8);
    const rows = [...network.view.rows('versions')].filter(({ group }) => group === id);
    expect(rows.map(({ v }) => v)).toEqual(versions);
  });

  it('tells its members of another policy', () => {
    const { network, alice } = small();
    network.run((tools, draft) => changeGroup(tools, draft, 'lab', { retain: 'flow', push: 'always-on' }));
    expect(alice.taken().groups).toMatchObject([{ retain: 'flow', versions: [] }]);
    expect(groupNamed(network.view, 'lab').push).toBe('always-on');
  });

  it.each([{ roll: '25:00' }, { name: 'a,b' }])('with %j is refused', (change) => {
    const { network } = small();
    expect(() => network.run((tools, draft) => changeGroup(tools, draft, 'lab', change))).toThrow(/is not|cannot be/);
  });
});

describe('scheduled rolls', () => {
  function rolling(roll = '03:00'): World {
    const network = world();
    network.run((tools, draft) => changeGroup(tools, draft, 'home', { roll: '' }));
    network.run((tools, draft) => changeGroup(tools, draft, 'lab', { roll }));
    return network;
  }

  it('are made at least an hour ahead, once a day, with jitter', () => {
    const network = rolling();
    const made: number[] = [];
    for (let hour = 0; hour < 72; hour++) {
      network.now += 3_600;
      if (network.run(scheduledRolls) === 0) continue;
      const { activateAt, madeAt, cause } = newestVersion(network.view, groupNamed(network.view, 'lab'));
      expect(cause).toBe('schedule');
      expect(activateAt - madeAt).toBeGreaterThanOrEqual(3_600);
      expect(activateAt % DAY).toBeGreaterThanOrEqual(3 * 3_600);
      expect(activateAt % DAY).toBeLessThan(3 * 3_600 + 600);
      made.push(activateAt);
    }
    expect(made).toHaveLength(3);
    expect(new Set(made.map((each) => each % DAY)).size).toBeGreaterThan(1);
    expect(causesOf(network, 'home')).toEqual(['created']);
  });

  it('that were missed are made late, once, and still an hour ahead', () => {
    const network = rolling();
    network.now += 5 * DAY;
    expect(network.run(scheduledRolls)).toBe(1);
    const { activateAt } = newestVersion(network.view, groupNamed(network.view, 'lab'));
    expect(activateAt).toBe(network.now + 3_600);
    expect(network.run(scheduledRolls)).toBe(0);
  });

  it('roll the domain key weekly', () => {
    const network = rolling('');
    for (let day = 0; day < 15; day++) {
      network.now += DAY;
      network.run(scheduledRolls);
    }
    expect(domainCauses(network)).toEqual(['created', 'schedule', 'schedule']);
  });

  it('come again the next day after the clock went a day forward and back', () => {
    const network = rolling();
    network.now += DAY;
    network.run(scheduledRolls);
    network.now -= 2 * DAY;
    network.run(scheduledRolls);
    expect(groupNamed(network.view, 'lab').nextRoll - network.now).toBeLessThan(DAY + 3_600);
    for (let hour = 0; hour < 24; hour++) {
      network.now += 3_600;
      network.run(scheduledRolls);
    }
    const { versions } = groupNamed(network.view, 'lab');
    expect([...versions].sort((a, b) => a - b)).toEqual(versions);
  });
});

describe('a certificate', () => {
  function verified(network: World, name: string) {
    const { caSeed } = settingsOf(network.view);
    const ca = nodeProvider.ed25519KeyPair(caSeed).publicKey;
    return verifyCaPart(nodeProvider, nodeNamed(network.view, name).caPart, [ca], unixSeconds(network.now));
  }

  function renew(network: World) {
    const { id } = nodeNamed(network.view, 'bob');
    return network.run((tools, draft) => renewCertificate(tools, draft, id)).certificateEnds;
  }

  it('renews at two thirds of its life, and not before', () => {
    const { network } = small();
    const ends = nodeNamed(network.view, 'bob').certificateEnds;
    network.now = START + 39 * DAY;
    expect(renew(network)).toBe(ends);
    network.now = START + 41 * DAY;
    expect(renew(network)).toBe(network.now + 60 * DAY);
  });

  it('renews after its end too', () => {
    const { network } = small();
    network.now += 90 * DAY;
    expect(verified(network, 'bob')).toBe('expired');
    renew(network);
    expect(verified(network, 'bob')).toMatchObject({ notAfter: network.now + 60 * DAY });
  });

  it('renews when the clock that wrote it was a day ahead or more', () => {
    const { network } = small();
    network.now -= 2 * DAY;
    expect(verified(network, 'bob')).toBe('not-yet-valid');
    renew(network);
    expect(verified(network, 'bob')).toMatchObject({ notAfter: network.now + 60 * DAY });
  });

  it('is refused to a removed or unknown node', () => {
    const { network, bob } = small();
    network.run((tools, draft) => removeNode(tools, draft, 'bob'));
    expect(() => network.run((tools, draft) => renewCertificate(tools, draft, bob.id))).toThrow(/was removed/);
    const other = new Member(world(), nodeNamed(network.view, 'alice'));
    expect(other.fetch()).toBe('unknown');
  });

  it('has the mode and routes that the node was given since', () => {
    const { network } = small();
    network.join({ name: 'gate', type: 'gen' });
    network.run(admitWaiting);
    network.run((tools, draft) => changeNode(tools, draft, 'gate', { mode: 'cl', routes: ['10.9.0.0/16'] }));
    expect(verified(network, 'gate')).toMatchObject({ mode: 1, routes: [{ length: 16 }] });
    expect(network.run(admitWaiting).nodes).toEqual([nodeNamed(network.view, 'gate').id]);
  });

  it('of the group management server names its key', () => {
    const { network } = small();
    const { caSeed, gmsSeed } = settingsOf(network.view);
    const ca = nodeProvider.ed25519KeyPair(caSeed).publicKey;
    const bytes = gmsCertificate(network.tools, network.view);
    expect(verifyGmsCertificate(nodeProvider, bytes, ca, network.tools.now)).toMatchObject({
      gmsKey: nodeProvider.x25519KeyPair(gmsSeed).publicKey,
    });
  });
});

describe('signs of life', () => {
  it('are written at most once a minute', () => {
    const { network, bob } = small();
    const touch = () => network.run((tools, draft) => touchNodes(tools, draft, [bob.id]));
    network.now += 60;
    expect(touch()).toBe(1);
    const { revision } = network.store.state;
    network.now += 59;
    expect([touch(), network.store.state.revision]).toEqual([0, revision]);
    network.now -= DAY;
    expect(touch()).toBe(1);
  });

  it('keep ephemeral nodes, for a day each, and those connected whatever the clock says', () => {
    const { network } = small();
    const { id } = network.join({ name: 'brief', ephemeral: true });
    const remove = (connected: ReadonlySet<typeof id>) =>
      network.run((tools, draft) => removeIdleNodes(tools, draft, connected)).map(({ name }) => name);
    network.now += DAY - 1;
    expect(remove(new Set())).toEqual([]);
    network.now += DAY;
    expect(remove(new Set([id]))).toEqual([]);
    expect(remove(new Set())).toEqual(['brief']);
    expect(nodeNamed(network.view, 'bob').standing).toBe('active');
  });
});

describe('administrators', () => {
  it('are known by their key, of which only the hash is kept', () => {
    const { network } = small();
    const { key } = network.run((tools, draft) => addAdministrator(tools, draft, { name: 'max', role: 'owner' }));
    expect(administratorOf(nodeProvider, network.view, key)?.name).toBe('max');
    expect(
      administratorOf(nodeProvider, network.view, `${key.slice(0, -1)}${key.endsWith('0') ? 1 : 0}`),
    ).toBeUndefined();
    expect(administratorOf(nodeProvider, network.view, '')).toBeUndefined();
    network.run((_, draft) => removeAdministrator(draft, 'max'));
    expect(administratorOf(nodeProvider, network.view, key)).toBeUndefined();
  });

  it.each([
    [{ role: 'group-administrator' }, /needs groups/],
    [{ role: 'owner', groups: ['lab'] }, /for all groups/],
    [{ role: 'group-administrator', groups: ['nowhere'] }, /no group/],
    [{ role: 'owner', name: 'a b' }, /cannot be the name/],
  ] as const)('with %j are refused', (request, reason) => {
    const { network } = small();
    expect(() => network.run((tools, draft) => addAdministrator(tools, draft, { name: 'x', ...request }))).toThrow(
      reason,
    );
  });

  it('may do what their role allows', () => {
    const { network } = small();
    const [lab, home] = ['lab', 'home'].map((name) => groupNamed(network.view, name).id);
    const wishes = [
      { to: 'read' },
      { to: 'change-groups', groups: [lab] },
      { to: 'change-groups', groups: [lab, home] },
      { to: 'change-groups', groups: [] },
      { to: 'change-network' },
    ] as const;
    const allowed = (role: 'owner' | 'group-administrator' | 'auditor') =>
      wishes.map((wish) => mayDo({ role, groups: role === 'group-administrator' ? [lab] : [] }, wish));
    expect(allowed('owner')).toEqual([true, true, true, true, true]);
    expect(allowed('group-administrator')).toEqual([true, true, false, false, false]);
    expect(allowed('auditor')).toEqual([true, false, false, false, false]);
  });
});
