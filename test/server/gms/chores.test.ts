import { beforeEach, describe, expect, it } from 'vitest';
import { GscipError } from '../../../src/base/errors.ts';
import { changeGroup } from '../../../src/server/network/commands/groups.ts';
import { changeNode } from '../../../src/server/network/commands/nodes.ts';
import { settingsOf } from '../../../src/server/network/settings.ts';
import { bundlesIn, HubWorld } from './hub-world.ts';

const DAY = 86_400;

let at: HubWorld;
beforeEach(() => {
  at = new HubWorld();
});

describe('what a server does by itself', () => {
  it('takes in together who comes together: one version for many', () => {
    at.pass(1_000);
    const before = versions();
    for (let i = 0; i < 20; i++) at.enrol(`n${i}`);
    at.pass(1_000);
    expect(versions() - before).toBe(1);
    expect(at.newest().rosterSeq).toBe(20);
  });

  it('takes newcomers in at once, the next ones 250 ms later, and while many wait for news 2 s later', () => {
    at.pass(1_000);
    const tokens = ['a', 'b', 'c'].map((name) => [name, at.token()] as const);
    const [first, second, third] = tokens.map(
      ([name, token]) =>
        () =>
          at.connect(name).enrol(token),
    );
    first();
    at.pass(100);
    expect(at.newest().rosterSeq).toBe(1);
    second();
    at.pass(200);
    expect(at.newest().rosterSeq).toBe(1);
    at.pass(100);
    expect(at.newest().rosterSeq).toBe(2);
    at.session(at.row('a'), 'a');
    at.isWorking = false;
    at.roll();
    third();
    at.pass(1_900);
    expect(at.newest().rosterSeq).toBe(2);
    at.pass(200);
    expect(at.newest().rosterSeq).toBe(3);
  });

  it('makes scheduled versions before their time, and they are pushed', () => {
    at.ground.run((tools, draft) => changeGroup(tools, draft, 'lab', { roll: '03:00' }));
    const peer = at.member('a');
    const before = at.newest().v;
    at.leap(14 * 3_600);
    const [bundle] = bundlesIn(peer.received()).slice(-1);
    expect(at.newest().v).toBeGreaterThan(before);
    expect(bundle.groups[0].versions.at(-1)).toMatchObject({ v: at.newest().v, reason: 'schedule' });
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

  it('ends a membership that was for a time', () => {
    at.member('guest');
    const { id } = at.row('guest');
    at.ground.run((tools, draft) => changeNode(tools, draft, 'guest', { until: at.ground.now + 600 }));
    const standing = () => at.ground.view.get('nodes', id)?.standing;
    at.leap(590);
    at.pass(2_000);
    expect(standing()).toBe('active');
    at.leap(20);
    at.pass(2_000);
    expect(standing()).toBe('removed');
  });

  it('writes signs of life, not for each message, and without an entry in the audit log', async () => {
    const peer = at.member('a');
    const { lastSeen } = at.row('a');
    const entries = (await at.ground.store.audit({ limit: 1_000 })).length;
    at.ground.now += 700;
    peer.say({ type: 'ping' });
    at.isWorking = false;
    at.pass(11_000);
    expect(at.hub.work(at.moment)).toBe(false);
    at.isWorking = true;
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

  it('forgets a token a month after its end, and says so in the audit log', async () => {
    const token = at.token();
    at.pass(1_000);
    at.leap(30 * DAY + 3_500);
    expect(at.ground.view.get('tokens', token.id)).toBeDefined();
    at.leap(200);
    at.pass(3_601_000);
    expect(at.ground.view.get('tokens', token.id)).toBeUndefined();
    const last = await at.ground.store.audit({ limit: 1_000 });
    expect(last.filter(({ action }) => action === 'forget-tokens')).toMatchObject([
      { changes: [`tokens/${token.id}`] },
    ]);
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
    expect(at.newest().rosterSeq).toBe(1);
  });
});

describe('a node that has seen more than the database', () => {
  it('makes all keys go on above what it has', () => {
    const peer = at.member('a');
    const have = at.holding(peer);
    const ahead = { number: have.number + 1_000, groups: have.groups.map((group) => ({ ...group, v: group.v })) };
    at.disconnect(peer);
    const again = at.session(at.row('a'), 'a', { have: ahead });
    const [bundle] = bundlesIn(again.first);
    expect(bundle.number).toBeGreaterThan(ahead.number);
  });

  it('makes all keys go on once a minute at most, over however many sessions it says so', () => {
    const peer = at.member('a');
    let have = at.holding(peer);
    at.disconnect(peer);
    const claim = () => {
      have = { ...have, number: settingsOf(at.ground.view).number + 1 };
      const again = at.session(at.row('a'), 'a', { have });
      at.disconnect(again);
      return bundlesIn(again.first).length;
    };
    const before = versions();
    expect([claim(), claim(), claim()]).toEqual([1, 0, 0]);
    expect(at.log.filter(({ event }) => event === 'overtaken')).toHaveLength(1);
    const rolled = versions() - before;
    at.pass(61_000);
    expect([claim(), versions() - before]).toEqual([1, 2 * rolled]);
  });

  it('waits for its turn, and is served when something else has made the keys go on', () => {
    const [one, two] = [at.member('a'), at.member('b')];
    const claim = (peer: typeof one, name: string) => {
      const have = { ...at.holding(peer), number: settingsOf(at.ground.view).number + 1 };
      at.disconnect(peer);
      return at.session(at.row(name), name, { have });
    };
    claim(one, 'a');
    const waiting = claim(two, 'b');
    expect(bundlesIn(waiting.first)).toEqual([]);
    at.pass(1_000);
    expect(bundlesIn(waiting.received())).toEqual([]);
    at.pass(60_000);
    expect(bundlesIn(waiting.received())).toHaveLength(1);
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

function versions(): number {
  return [...at.ground.view.rows('versions')].length;
}
