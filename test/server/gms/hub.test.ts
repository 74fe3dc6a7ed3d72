import { beforeEach, describe, expect, it } from 'vitest';
import { GscipError } from '../../../src/base/errors.ts';
import { pathAddress } from '../../../src/base/path-address.ts';
import { addGroup, changeGroup, rollGroup } from '../../../src/server/network/commands/groups.ts';
import { addToGroup, approveNode, removeFromGroup, removeNode } from '../../../src/server/network/commands/nodes.ts';
import { newestVersion } from '../../../src/server/network/versions.ts';
import { bundlesIn, type HubPeer, HubWorld, typesOf } from './hub-world.ts';

const DAY = 86_400;

let at: HubWorld;
beforeEach(() => {
  at = new HubWorld();
});

/** A node that is enrolled, a member, connected, and has all there is. */
function member(name: string, change: Parameters<HubWorld['session']>[2] = {}): HubPeer {
  at.enrol(name);
  at.pass(300);
  const peer = at.session(at.row(name), name, change);
  acknowledgeAll(peer);
  at.pass(600);
  peer.received();
  return peer;
}

/** Says that it took what it was sent. */
function acknowledgeAll(peer: HubPeer): void {
  const { number } = at.ground.view.get('settings', 'network') ?? { number: 0 };
  peer.say({ type: 'received', number });
}

function roll(group = 'lab'): number {
  return at.ground.run((tools, draft) => rollGroup(tools, draft, group)).v;
}

function remove(name: string): void {
  at.ground.run((tools, draft) => removeNode(tools, draft, name));
  at.settle();
}

describe('a session', () => {
  it('begins with its standing, then everything that the node may know, then who is where', () => {
    at.enrol('a');
    at.pass(300);
    const { first } = at.session(at.row('a'), 'a');
    expect(typesOf(first)).toEqual(['standing', 'update', 'directory']);
    expect(first[0]).toEqual({ type: 'standing', state: 'active', time: at.ground.now });
    const [bundle] = bundlesIn(first);
    expect(bundle.base).toBeUndefined();
    expect(bundle.node.name).toBe('a');
    expect(bundle.groups.map(({ versions }) => versions.length)).toEqual([1]);
  });

  it('that begins again sends only what is new, and renews the lease of the key in force', () => {
    const first = member('a');
    const have = holding(first);
    at.disconnect(first);
    const [same] = bundlesIn(at.session(at.row('a'), 'a', { have }).first);
    expect(same).toMatchObject({ base: have.number, groups: [{ chain: [], versions: [{ v: newest() }] }] });
    at.ground.now += 3;
    const v = roll();
    const [news] = bundlesIn(at.session(at.row('a'), 'a', { have }).first);
    expect(news.groups[0].versions.map((version) => version.v)).toContain(v);
  });

  it('answers a fetch by standing when there is nothing new', () => {
    expect(member('a').say({ type: 'fetch', why: 'stale' })).toMatchObject([{ type: 'standing', state: 'active' }]);
  });

  it('answers a ping by the time', () => {
    expect(member('a').say({ type: 'ping' })).toEqual([{ type: 'pong', time: at.ground.now }]);
  });

  it('gives everything again to a node that cannot use what it got, but not as often as it asks', () => {
    const peer = member('a');
    const [whole] = bundlesIn(peer.say({ type: 'fetch', why: 'whole' }));
    expect(whole.base).toBeUndefined();
    expect(typesOf(peer.say({ type: 'fetch', why: 'whole' }))).toEqual(['standing']);
    at.pass(20_000);
    peer.received();
    expect(bundlesIn(peer.say({ type: 'fetch', why: 'whole' }))).toHaveLength(1);
  });

  it('replaces an earlier one of the same node', () => {
    const [first, second] = [member('a'), at.session(at.row('a'), 'a')];
    expect(at.closed.get(first.id)).toBe('replaced');
    expect([...at.hub.sessions.values()].map(({ connection }) => connection.id)).toEqual([second.id]);
    at.disconnect(first);
    expect(at.hub.sessions.size).toBe(1);
  });

  it('of a node that says too much ends', () => {
    const peer = member('a');
    for (let i = 0; i < 200 && !at.closed.has(peer.id); i++) peer.say({ type: 'ping' });
    expect(at.closed.get(peer.id)).toBe('flood');
    expect(at.hub.sessions.size).toBe(0);
  });

  it('of a node that fell silent ends', () => {
    const peer = member('a');
    at.pass(88_000);
    expect(at.closed.get(peer.id)).toBeUndefined();
    at.pass(3_000);
    expect(at.closed.get(peer.id)).toBe('silent');
  });

  it('is refused to a node that this database does not know', () => {
    const row = at.enrol('a');
    const other = new HubWorld(at.ground);
    at.ground.run((_tools, draft) => draft.put({ table: 'nodes', key: row.id, row: undefined }));
    const { first, id } = other.session(row, 'a');
    expect(first).toMatchObject([{ type: 'refused', code: 'node-unknown' }]);
    expect(other.closed.get(id)).toBe('node-unknown');
  });

  it('is refused to a node that was removed, with the word that it was', () => {
    const row = at.enrol('a');
    remove('a');
    const { first, id } = at.session(row, 'a');
    expect([typesOf(first), at.closed.get(id)]).toEqual([['removed'], 'removed']);
  });
});

describe('a node that waits for an administrator', () => {
  it('is told so, gets nothing, and gets all at once when it is let in', () => {
    const row = at.enrol('a', { approval: true });
    const peer = at.session(row, 'a');
    expect(peer.first).toMatchObject([{ type: 'standing', state: 'pending' }]);
    expect(peer.say({ type: 'fetch', why: 'start' })).toEqual([]);
    roll();
    at.pass(2_000);
    expect(peer.received()).toEqual([]);
    at.ground.run((tools, draft) => approveNode(tools, draft, 'a'));
    at.pass(1_000);
    const messages = peer.received();
    expect(messages[0]).toMatchObject({ type: 'standing', state: 'active' });
    expect(bundlesIn(messages).at(-1)?.groups).toHaveLength(1);
  });
});

describe('a node whose certificate has ended', () => {
  it('may renew and nothing else, however long it was away, and is served again then', () => {
    const row = at.enrol('a');
    at.pass(300);
    at.ground.now += 400 * DAY;
    const peer = at.session(row, 'a');
    expect(peer.first).toEqual([{ type: 'standing', state: 'expired', time: at.ground.now }]);
    expect(peer.say({ type: 'fetch', why: 'start' })).toEqual([]);
    expect(peer.say({ type: 'leave' })).toEqual([]);
    const [certificate] = peer.say({ type: 'renew' });
    if (certificate?.type !== 'certificate') return expect.fail('no certificate');
    const again = at.session({ ...row, caPart: certificate.caPart }, 'a');
    expect(typesOf(again.first)).toEqual(['standing', 'update', 'directory']);
  });
});

describe('a roll', () => {
  it('is pushed to every connected member, and to nobody else', () => {
    const [a, b] = [member('a'), member('b')];
    at.ground.run((tools, draft) => addGroup(tools, draft, { name: 'other' }));
    at.enrol('c', { groups: ['other'] });
    at.pass(300);
    const c = at.session(at.row('c'), 'c');
    const v = roll();
    at.settle();
    for (const peer of [a, b]) expect(bundlesIn(peer.received()).at(-1)?.groups[0].versions.at(-1)?.v).toBe(v);
    expect(bundlesIn(c.received())).toEqual([]);
  });

  it('of a group that pushes to always-on nodes only is told to clients when they ask', () => {
    at.ground.run((tools, draft) => changeGroup(tools, draft, 'lab', { push: 'always-on' }));
    const [server, client] = [member('server', { alwaysOn: true }), member('client')];
    at.pass(1_000);
    server.received();
    const v = roll();
    at.settle();
    expect(bundlesIn(server.received())).toHaveLength(1);
    expect(bundlesIn(client.received())).toEqual([]);
    const [asked] = bundlesIn(client.say({ type: 'fetch', why: 'stale' }));
    expect(asked.groups[0].versions.at(-1)?.v).toBe(v);
  });

  it('that a client missed while it was away is not pushed to it when it comes back without asking', () => {
    at.ground.run((tools, draft) => changeGroup(tools, draft, 'lab', { push: 'always-on' }));
    const client = member('client');
    const have = holding(client);
    at.disconnect(client);
    roll();
    const groups = (change: object) =>
      bundlesIn(at.session(at.row('client'), 'client', { have, ...change }).first).flatMap((bundle) => bundle.groups);
    expect(groups({ fetch: 'none' }).length).toBe(0);
    expect(groups({ fetch: 'none', alwaysOn: true })).toHaveLength(1);
    expect(groups({ fetch: 'start' })).toHaveLength(1);
  });

  it('is not sent to a node that does not take what it was sent, until it does', () => {
    const peer = member('a');
    const rolls = () => {
      at.ground.now += 3;
      roll();
      at.settle();
    };
    for (let i = 0; i < 10; i++) rolls();
    const bundles = bundlesIn(peer.received());
    expect(bundles).toHaveLength(4);
    const [caughtUp] = bundlesIn(peer.say({ type: 'received', number: bundles[3].number }));
    expect(caughtUp.groups[0].versions.map(({ v }) => v)).toContain(newest());
  });

  it('renews the leases of those who stay connected, before they end', () => {
    const peer = member('a', { alwaysOn: true });
    const notAfter = () =>
      bundlesIn(peer.received())
        .flatMap(({ groups }) => groups[0]?.versions ?? [])
        .at(-1)?.notAfter;
    at.leap(12 * 3_600);
    expect(notAfter()).toBeGreaterThanOrEqual(at.ground.now + 71 * 3_600);
  });
});

describe('a removal', () => {
  it('ends the session of the node at once and tells it why', () => {
    const peer = member('a');
    remove('a');
    expect(typesOf(peer.received()).at(-1)).toBe('removed');
    expect(at.closed.get(peer.id)).toBe('removed');
  });

  it('reaches everybody concerned at once, whatever the policy, and before other news', () => {
    at.ground.run((tools, draft) => changeGroup(tools, draft, 'lab', { push: 'always-on' }));
    const [client, slow] = [member('client'), member('slow', { alwaysOn: true })];
    member('gone');
    at.pass(600);
    for (const peer of [client, slow]) acknowledgeAll(peer);
    for (let i = 0; i < 4; i++) {
      at.ground.now += 3;
      roll();
      at.settle();
    }
    at.isWorking = false;
    at.ground.run((tools, draft) => changeGroup(tools, draft, 'lab', { retain: 'flow' }));
    remove('gone');
    at.sent.length = 0;
    at.hub.work(at.moment);
    at.hub.work(at.moment);
    at.settle();
    expect(new Set(at.sent)).toEqual(new Set([client.id, slow.id]));
    for (const peer of [client, slow])
      expect(bundlesIn(peer.received()).at(-1)?.groups[0].versions.at(-1)?.reason).toBe('removal');
  });

  it('from one group is told to the node too, which stays in the network', () => {
    const [a, b] = [member('a'), member('b')];
    at.ground.run((tools, draft) => removeFromGroup(tools, draft, 'lab', 'a'));
    at.settle();
    expect(bundlesIn(a.received()).at(-1)?.left).toHaveLength(1);
    expect(bundlesIn(b.received()).at(-1)?.groups[0].versions.at(-1)?.reason).toBe('removal');
    expect(at.closed.has(a.id)).toBe(false);
  });

  it('is what a node asks for that leaves', () => {
    const peer = member('a');
    expect(typesOf(peer.say({ type: 'leave' }))).toEqual(['removed']);
    expect(at.ground.view.get('nodes', [...at.ground.view.rows('nodes')][0].id)?.standing).toBe('removed');
  });
});

describe('the directory', () => {
  const own = (port: number) => ({ udpPort: 47_247, endpoints: [pathAddress(`10.0.0.1:${port}`)] });
  const places = (peer: HubPeer) =>
    [...peer.first, ...peer.received()].flatMap((message) => (message.type === 'directory' ? message.peers : []));

  it('tells where the server sees a node, with its port, and where it says it is', () => {
    at.enrol('a');
    at.pass(300);
    const peer = at.session(at.row('a'), 'a', own(5), Uint8Array.of(203, 0, 113, 9));
    expect(places(peer)).toEqual([{ id: at.row('a').id, endpoints: ['203.0.113.9:47247', '10.0.0.1:5'], gone: false }]);
  });

  it('leaves out addresses that mean another machine at each peer', () => {
    at.enrol('a');
    at.pass(300);
    const endpoints = [
      '127.0.0.1:5',
      '169.254.1.1:5',
      '224.0.0.1:5',
      '0.0.0.0:5',
      '255.255.255.255:5',
      '[::1]:5',
      '[::]:5',
      '[fe80::1]:5',
      '[ff02::1]:5',
      '[::ffff:10.0.0.1]:5',
      '[2001:db8::1]:5',
      '192.168.1.1:5',
    ].map(pathAddress);
    const peer = at.session(at.row('a'), 'a', { udpPort: 47_247, endpoints }, Uint8Array.of(127, 0, 0, 1));
    expect(places(peer)[0].endpoints).toEqual(['[2001:db8::1]:5', '192.168.1.1:5']);
  });

  it('shows members of common groups, and changes within half a second', () => {
    const [a, b] = [member('a'), member('b')];
    at.enrol('c', { groups: ['home'] });
    at.pass(300);
    const c = at.session(at.row('c'), 'c');
    a.first = [];
    at.pass(1_000);
    for (const peer of [a, b, c]) {
      peer.first = [];
      peer.received();
    }
    a.say({ type: 'endpoints', ...own(6) });
    at.pass(600);
    expect(places(b)).toMatchObject([{ id: at.row('a').id, endpoints: ['192.0.2.1:47247', '10.0.0.1:6'] }]);
    expect(places(c)).toEqual([]);
  });

  it('shows a node to those whose group it comes into, and them to it', () => {
    const a = member('a');
    at.enrol('c', { groups: ['home'] });
    at.pass(300);
    const c = at.session(at.row('c'), 'c');
    at.pass(600);
    for (const peer of [a, c]) {
      peer.first = [];
      peer.received();
    }
    at.ground.run((tools, draft) => addToGroup(tools, draft, 'lab', 'c'));
    at.pass(1_000);
    expect(places(a).map(({ id }) => id)).toContain(at.row('c').id);
    expect(places(c).map(({ id }) => id)).toContain(at.row('a').id);
  });

  it('says who left the network, to those who knew it', () => {
    const b = member('b');
    const { id } = at.row(member('a').name);
    at.pass(1_000);
    b.first = [];
    b.received();
    remove('a');
    at.pass(600);
    expect(places(b)).toEqual([{ id, endpoints: [], gone: true }]);
  });

  it('takes what the hubs of other processes share, and shares what it learns', () => {
    const b = member('b');
    const other = new HubWorld(at.ground);
    at.enrol('a');
    at.pass(300);
    other.session(at.row('a'), 'a', own(7));
    b.received();
    for (const effect of other.shared) if (effect.kind === 'share') at.hub.handleShared(effect.peers);
    at.pass(600);
    expect(places(b).find(({ id }) => id === at.row('a').id)?.endpoints).toContain('10.0.0.1:7');
  });
});

describe('what a server does by itself', () => {
  it('takes in together who comes together: one version for many', () => {
    at.pass(1_000);
    const before = versions();
    for (let i = 0; i < 20; i++) at.enrol(`n${i}`);
    at.pass(1_000);
    expect(versions() - before).toBe(1);
    const lab = [...at.ground.view.rows('groups')].find(({ name }) => name === 'lab');
    expect(lab && newestVersion(at.ground.view, lab).rosterSeq).toBe(20);
  });

  it('makes scheduled versions before their time, and they are pushed', () => {
    at.ground.run((tools, draft) => changeGroup(tools, draft, 'lab', { roll: '03:00' }));
    const peer = member('a');
    const before = newest();
    at.leap(14 * 3_600);
    const [bundle] = bundlesIn(peer.received()).slice(-1);
    expect(newest()).toBeGreaterThan(before);
    expect(bundle.groups[0].versions.at(-1)).toMatchObject({ v: newest(), reason: 'schedule' });
    expect(bundle.groups[0].versions.at(-1)?.activateAt).toBeGreaterThan(at.ground.now + 3_600 - 10);
  });

  it('removes an ephemeral node that was away for a day, and keeps one that is connected', () => {
    for (const name of ['away', 'here']) at.enrol(name, { ephemeral: true });
    at.pass(300);
    at.session(at.row('here'), 'here');
    at.leap(DAY + 60);
    at.pass(11_000);
    const standing = [...at.ground.view.rows('nodes')].map(({ name, standing: now }) => [name, now]);
    expect(standing).toEqual([
      ['away', 'removed'],
      ['here', 'active'],
    ]);
  });

  it('writes signs of life, not for each message, and without an entry in the audit log', async () => {
    const peer = member('a');
    const { lastSeen } = at.row('a');
    const entries = (await at.ground.store.audit({ limit: 1_000 })).length;
    at.ground.now += 700;
    peer.say({ type: 'ping' });
    at.pass(11_000);
    const noted = at.row('a').lastSeen;
    expect(noted).toBeGreaterThan(lastSeen + 600);
    peer.say({ type: 'ping' });
    at.pass(11_000);
    expect(at.row('a').lastSeen).toBe(noted);
    at.ground.now += 100;
    at.disconnect(peer);
    at.pass(11_000);
    expect(at.row('a').lastSeen).toBeGreaterThan(noted + 60);
    expect(await at.ground.store.audit({ limit: 1_000 })).toHaveLength(entries);
  });

  it('tries again what a database did not do, but not at once', () => {
    at.pass(1_000);
    const token = at.token();
    at.connect('a').enrol(token);
    at.ground.store.fail(new GscipError('database-unreachable', 'gone'));
    at.pass(1_000);
    expect(at.log.filter(({ event }) => event === 'chore-failed')).toHaveLength(1);
    at.ground.store.fail(undefined);
    at.pass(2_000);
    const lab = [...at.ground.view.rows('groups')].find(({ name }) => name === 'lab');
    expect(lab && newestVersion(at.ground.view, lab).rosterSeq).toBe(1);
  });
});

describe('a node that has seen more than the database', () => {
  it('makes all keys go on above what it has', () => {
    const peer = member('a');
    const have = holding(peer);
    const ahead = { number: have.number + 1_000, groups: have.groups.map((group) => ({ ...group, v: group.v })) };
    at.disconnect(peer);
    const again = at.session(at.row('a'), 'a', { have: ahead });
    const [bundle] = bundlesIn(again.first);
    expect(bundle.number).toBeGreaterThan(ahead.number);
  });
});

describe('connections that say nothing', () => {
  it('make room for others, oldest first, and end after 10 s', () => {
    const first = at.connect('x');
    for (let i = 0; i < 4_096; i++) at.connect('x');
    expect([...at.closed]).toEqual([[first.id, 'crowded']]);
    at.pass(11_000);
    expect(at.closed.size).toBe(4_097);
  });
});

function holding(peer: HubPeer) {
  const session = [...at.hub.sessions.values()].find(({ connection }) => connection.id === peer.id);
  if (session === undefined) throw new Error('no session');
  return session.have;
}

function newest(): number {
  const lab = [...at.ground.view.rows('groups')].find(({ name }) => name === 'lab');
  return lab ? newestVersion(at.ground.view, lab).v : 0;
}

function versions(): number {
  return [...at.ground.view.rows('versions')].length;
}
