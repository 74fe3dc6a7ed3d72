import { beforeEach, describe, expect, it } from 'vitest';
import { addGroup, changeGroup } from '../../../src/server/network/commands/groups.ts';
import { approveNode, removeFromGroup } from '../../../src/server/network/commands/nodes.ts';
import { bundlesIn, HubWorld, typesOf } from './hub-world.ts';

const DAY = 86_400;

let at: HubWorld;
beforeEach(() => {
  at = new HubWorld();
});

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
    const first = at.member('a');
    const have = at.holding(first);
    at.disconnect(first);
    const [same] = bundlesIn(at.session(at.row('a'), 'a', { have }).first);
    expect(same).toMatchObject({ base: have.number, groups: [{ chain: [], versions: [{ v: at.newest().v }] }] });
    at.ground.now += 3;
    const v = at.roll();
    const [news] = bundlesIn(at.session(at.row('a'), 'a', { have }).first);
    expect(news.groups[0].versions.map((version) => version.v)).toContain(v);
  });

  it('answers a fetch by standing when there is nothing new', () => {
    expect(at.member('a').say({ type: 'fetch', why: 'stale' })).toMatchObject([{ type: 'standing', state: 'active' }]);
  });

  it('answers a ping by the time', () => {
    expect(at.member('a').say({ type: 'ping' })).toEqual([{ type: 'pong', time: at.ground.now }]);
  });

  it('gives everything again to a node that cannot use what it got, but not as often as it asks', () => {
    const peer = at.member('a');
    const [whole] = bundlesIn(peer.say({ type: 'fetch', why: 'whole' }));
    expect(whole.base).toBeUndefined();
    expect(typesOf(peer.say({ type: 'fetch', why: 'whole' }))).toEqual(['standing']);
    at.pass(20_000);
    peer.received();
    expect(bundlesIn(peer.say({ type: 'fetch', why: 'whole' }))).toHaveLength(1);
  });

  it('replaces an earlier one of the same node', () => {
    const [first, second] = [at.member('a'), at.session(at.row('a'), 'a')];
    expect(at.closed.get(first.id)).toBe('replaced');
    expect([...at.hub.sessions.values()].map(({ connection }) => connection.id)).toEqual([second.id]);
    at.disconnect(first);
    expect(at.hub.sessions.size).toBe(1);
  });

  it('of a node that says too much ends', () => {
    const peer = at.member('a');
    for (let i = 0; i < 200 && !at.closed.has(peer.id); i++) peer.say({ type: 'ping' });
    expect(at.closed.get(peer.id)).toBe('flood');
    expect(at.hub.sessions.size).toBe(0);
  });

  it('of a node that fell silent ends', () => {
    const peer = at.member('a');
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
    at.remove('a');
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
    at.roll();
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

describe('a node that asks for its certificate', () => {
  it('gets the one it has while that is good, however often it asks, and the network is not troubled', () => {
    const peer = at.member('a');
    const { caPart } = at.row('a');
    const answers = Array.from({ length: 50 }, () => peer.say({ type: 'renew' })).flat();
    expect(answers).toEqual(Array.from({ length: 50 }, () => ({ type: 'certificate', caPart })));
    expect(at.ran).not.toContain('renew');
    at.ground.now += 300 * DAY;
    const [renewed] = peer.say({ type: 'renew' });
    expect(renewed).toMatchObject({ type: 'certificate', caPart: at.row('a').caPart });
    expect(at.row('a').caPart).not.toEqual(caPart);
    expect(at.ran).toContain('renew');
  });
});

describe('a roll', () => {
  it('is pushed to every connected member, and to nobody else', () => {
    const [a, b] = [at.member('a'), at.member('b')];
    at.ground.run((tools, draft) => addGroup(tools, draft, { name: 'other' }));
    at.enrol('c', { groups: ['other'] });
    at.pass(300);
    const c = at.session(at.row('c'), 'c');
    const v = at.roll();
    at.settle();
    for (const peer of [a, b]) expect(bundlesIn(peer.received()).at(-1)?.groups[0].versions.at(-1)?.v).toBe(v);
    expect(bundlesIn(c.received())).toEqual([]);
  });

  it('of a group that pushes to always-on nodes only is told to clients when they ask', () => {
    at.ground.run((tools, draft) => changeGroup(tools, draft, 'lab', { push: 'always-on' }));
    const [server, client] = [at.member('server', { alwaysOn: true }), at.member('client')];
    at.pass(1_000);
    server.received();
    const v = at.roll();
    at.settle();
    expect(bundlesIn(server.received())).toHaveLength(1);
    expect(bundlesIn(client.received())).toEqual([]);
    const [asked] = bundlesIn(client.say({ type: 'fetch', why: 'stale' }));
    expect(asked.groups[0].versions.at(-1)?.v).toBe(v);
  });

  it('that a client missed while it was away is not pushed to it when it comes back without asking', () => {
    at.ground.run((tools, draft) => changeGroup(tools, draft, 'lab', { push: 'always-on' }));
    const client = at.member('client');
    const have = at.holding(client);
    at.disconnect(client);
    at.roll();
    const groups = (change: object) =>
      bundlesIn(at.session(at.row('client'), 'client', { have, ...change }).first).flatMap((bundle) => bundle.groups);
    expect(groups({ fetch: 'none' }).length).toBe(0);
    expect(groups({ fetch: 'none', alwaysOn: true })).toHaveLength(1);
    expect(groups({ fetch: 'start' })).toHaveLength(1);
  });

  it('is not sent to a node that does not take what it was sent, until it does', () => {
    const peer = at.member('a');
    const rolls = () => {
      at.ground.now += 3;
      at.roll();
      at.settle();
    };
    for (let i = 0; i < 10; i++) rolls();
    const bundles = bundlesIn(peer.received());
    expect(bundles).toHaveLength(4);
    const [caughtUp] = bundlesIn(peer.say({ type: 'received', number: bundles[3].number }));
    expect(caughtUp.groups[0].versions.map(({ v }) => v)).toContain(at.newest().v);
  });

  it('renews the leases of those who stay connected, before they end', () => {
    const peer = at.member('a', { alwaysOn: true });
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
    const peer = at.member('a');
    at.remove('a');
    expect(typesOf(peer.received()).at(-1)).toBe('removed');
    expect(at.closed.get(peer.id)).toBe('removed');
  });

  it('reaches everybody concerned at once, whatever the policy, and before other news', () => {
    at.ground.run((tools, draft) => changeGroup(tools, draft, 'lab', { push: 'always-on' }));
    const [client, slow] = [at.member('client'), at.member('slow', { alwaysOn: true })];
    at.member('gone');
    at.pass(600);
    for (const peer of [client, slow]) at.acknowledgeAll(peer);
    for (let i = 0; i < 4; i++) {
      at.ground.now += 3;
      at.roll();
      at.settle();
    }
    at.isWorking = false;
    at.ground.run((tools, draft) => changeGroup(tools, draft, 'lab', { retain: 'flow' }));
    at.remove('gone');
    at.sent.length = 0;
    at.hub.work(at.moment);
    at.hub.work(at.moment);
    at.settle();
    expect(new Set(at.sent)).toEqual(new Set([client.id, slow.id]));
    for (const peer of [client, slow])
      expect(bundlesIn(peer.received()).at(-1)?.groups[0].versions.at(-1)?.reason).toBe('removal');
  });

  it('from one group is told to the node too, which stays in the network', () => {
    const [a, b] = [at.member('a'), at.member('b')];
    at.ground.run((tools, draft) => removeFromGroup(tools, draft, 'lab', 'a'));
    at.settle();
    expect(bundlesIn(a.received()).at(-1)?.left).toHaveLength(1);
    expect(bundlesIn(b.received()).at(-1)?.groups[0].versions.at(-1)?.reason).toBe('removal');
    expect(at.closed.has(a.id)).toBe(false);
  });

  it('is what a node asks for that leaves', () => {
    const peer = at.member('a');
    expect(typesOf(peer.say({ type: 'leave' }))).toEqual(['removed']);
    expect(at.ground.view.get('nodes', [...at.ground.view.rows('nodes')][0].id)?.standing).toBe('removed');
  });
});
