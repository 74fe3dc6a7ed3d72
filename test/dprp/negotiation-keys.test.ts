import { describe, expect, it } from 'vitest';
import { keyVersion, millis, unixSeconds } from '../../src/base/brands.ts';
import {
  agreedKeys,
  domainVersion,
  GROUP_A,
  GROUP_B,
  groupView,
  kindOf,
  NOW_UNIX,
  pair,
  retired,
  type TestNode,
  version,
  type World,
} from './negotiation-world.ts';

const [RGI, MPIT, CDN, STALE, NOGROUP] = [2, 3, 4, 6, 7];

function versionOf(node: TestNode): number | undefined {
  return node.of('install-receive').at(-1)?.sa.version;
}

function kinds(world: World): number[] {
  return world.log.map(kindOf);
}

function refreshed(node: TestNode, world: World): void {
  world.apply(node, node.negotiations.versionsChanged(world.now));
  world.run();
}

describe('versions', () => {
  it('a start GE with an old version is told so, fetches, and sends one more DDE (requirements M14)', () => {
    const { a, b, world, cid } = pair();
    b.groups = [
      groupView(GROUP_A, [a, b], [version(GROUP_A, 6), version(GROUP_A, 5, { state: 'tagonly', kPsk: undefined })]),
    ];
    world.start(a, b, cid);
    world.run();
    expect(kinds(world)).toEqual([1, STALE]);
    expect(a.of('refresh')).toEqual([{ kind: 'refresh', what: 'group', group: GROUP_A, version: 6 }]);
    expect(a.of('failed')).toEqual([]);
    a.groups = b.groups;
    refreshed(a, world);
    expect(versionOf(a)).toBe(6);
    expect(agreedKeys(a, b).startSends).toEqual(agreedKeys(a, b).endReceives);
  });

  it('R2: a second STALE causes no second repeat, and the flow fails as stale', () => {
    const { a, b, world, cid } = pair();
    const older = (v: number) => version(GROUP_A, v, { state: 'tagonly', kPsk: undefined });
    b.groups = [groupView(GROUP_A, [a, b], [version(GROUP_A, 7), older(6), older(5)])];
    world.start(a, b, cid);
    world.run();
    a.groups = [groupView(GROUP_A, [a, b], [version(GROUP_A, 6)])];
    refreshed(a, world);
    world.pass(20_000);
    expect(kinds(world)).toEqual([1, STALE, 1, STALE]);
    expect(a.of('failed')).toMatchObject([{ reason: 'stale-key' }]);
    expect(a.of('refresh')).toHaveLength(1);
    expect(a.groups[0].versions.map(({ v, state }) => [v, state])).toEqual([[6, 'current']]);
  });

  it('R2: the one exception: STALE activates a NEXT that is held, and the negotiation goes on', () => {
    const { a, b, world, cid } = pair();
    a.groups = [groupView(GROUP_A, [a, b], [version(GROUP_A, 6, { state: 'next' }), version(GROUP_A, 5)])];
    b.groups = [groupView(GROUP_A, [a, b], [version(GROUP_A, 6), version(GROUP_A, 5, { state: 'tagonly' })])];
    world.start(a, b, cid);
    world.run();
    expect(a.of('advance')).toEqual([{ kind: 'advance', group: GROUP_A, version: 6 }]);
    expect(a.of('refresh')).toEqual([]);
    expect(versionOf(a)).toBe(6);
  });

  it('R1: an end GE advances to its NEXT at MPIT, not at DDE', () => {
    const { a, b, world, cid } = pair();
    a.groups = [groupView(GROUP_A, [a, b], [version(GROUP_A, 6), retired(GROUP_A, 5, world.now)])];
    b.groups = [groupView(GROUP_A, [a, b], [version(GROUP_A, 6, { state: 'next' }), version(GROUP_A, 5)])];
    world.start(a, b, cid);
    world.deliver();
    expect(b.of('advance')).toEqual([]);
    expect(b.groups[0].versions[0].state).toBe('next');
    world.run();
    const order = b.seen.map(({ kind }) => kind);
    expect(b.of('advance')).toEqual([{ kind: 'advance', group: GROUP_A, version: 6 }]);
    expect(order.indexOf('advance')).toBeLessThan(order.indexOf('install-receive'));
    expect(versionOf(b)).toBe(6);
  });

  it('a start GE never uses its NEXT', () => {
    const { a, b, world, cid } = pair();
    a.groups = [groupView(GROUP_A, [a, b], [version(GROUP_A, 6, { state: 'next' }), version(GROUP_A, 5)])];
    b.groups = a.groups;
    world.start(a, b, cid);
    world.run();
    expect([versionOf(a), versionOf(b)]).toEqual([5, 5]);
  });

  it('a start GE uses its NEXT towards a member that joined with it, and towards nobody else', () => {
    for (const [joinedAt, used] of [
      [4, 6],
      [3, 5],
      [5, 7],
      [6, 5],
    ] as const) {
      const { a, b, world, cid } = pair();
      b.joinedAt = joinedAt;
      const next = (v: number, rosterSeq: number) => version(GROUP_A, v, { state: 'next', rosterSeq });
      const held = [next(7, 5), next(6, 4), version(GROUP_A, 5, { rosterSeq: 3 })];
      a.groups = [groupView(GROUP_A, [a, b], held)];
      // b has nothing that was made before it joined
      const first = used === 5 ? version(GROUP_A, 5) : version(GROUP_A, used, { rosterSeq: used - 2 });
      b.groups = [groupView(GROUP_A, [a, b], [first])];
      world.start(a, b, cid);
      world.run();
      expect(kinds(world)).toEqual([1, 2, 3, CDN]);
      expect([versionOf(a), versionOf(b)]).toEqual([used, used]);
      expect(a.of('advance')).toEqual(used === 5 ? [] : [{ kind: 'advance', group: GROUP_A, version: used }]);
    }
  });

  it('R1: a version retired by schedule is accepted for 60 s, then called old', () => {
    for (const [after, kind] of [
      [59_000, RGI],
      [60_000, STALE],
    ]) {
      const { a, b, world, cid } = pair();
      b.groups = [groupView(GROUP_A, [a, b], [version(GROUP_A, 6), retired(GROUP_A, 5, world.now)])];
      world.now = millis(world.now + after);
      world.start(a, b, cid);
      world.run();
      expect(kinds(world)[1]).toBe(kind);
      expect(versionOf(b)).toBe(kind === RGI ? 5 : undefined);
    }
  });

  it('a version whose key is erased is called old, though its grace still runs', () => {
    const { a, b, world, cid } = pair();
    const erased = { ...retired(GROUP_A, 5, world.now), kPsk: undefined };
    b.groups = [groupView(GROUP_A, [a, b], [version(GROUP_A, 6), erased])];
    world.start(a, b, cid);
    world.run();
    expect(kinds(world)).toEqual([1, STALE]);
  });

  it('without a GMS at either end the grace lasts as long as the lease; after a removal there is none', () => {
    const rows = [
      ['schedule', { noGms: true }, {}, RGI],
      ['schedule', {}, { noGms: true }, RGI],
      ['removal', { noGms: true }, { noGms: true }, STALE],
    ] as const;
    for (const [cause, alice, bob, kind] of rows) {
      const { a, b, world, cid } = pair(alice, bob);
      b.groups = [groupView(GROUP_A, [a, b], [version(GROUP_A, 6), retired(GROUP_A, 5, world.now, cause)])];
      world.now = millis(world.now + 3_600_000);
      world.start(a, b, cid);
      world.run();
      expect(kinds(world)[1]).toBe(kind);
      expect(versionOf(a)).toBe(kind === RGI ? 5 : undefined);
    }
  });

  it('an end GE that is behind refreshes first and holds the DDE', () => {
    const { a, b, world, cid } = pair();
    a.groups = [groupView(GROUP_A, [a, b], [version(GROUP_A, 6), retired(GROUP_A, 5, world.now)])];
    world.start(a, b, cid);
    world.run();
    expect(kinds(world)).toEqual([1]);
    expect(b.of('refresh')).toEqual([{ kind: 'refresh', what: 'group', group: GROUP_A, version: 0 }]);
    b.groups = a.groups;
    refreshed(b, world);
    expect(versionOf(b)).toBe(6);
  });

  it('where it cannot refresh in 2 s it answers under the former version, if both may', () => {
    const { a, b, world, cid } = pair();
    a.groups = [groupView(GROUP_A, [a, b], [version(GROUP_A, 6), retired(GROUP_A, 5, world.now)])];
    world.start(a, b, cid);
    world.pass(1_900);
    expect(kinds(world).filter((kind) => kind !== 1)).toEqual([]);
    world.pass(200);
    expect([versionOf(a), versionOf(b)]).toEqual([5, 5]);
  });

  it('and fails with its reason where the start GE may not', () => {
    const { a, b, world, cid } = pair();
    a.groups = [groupView(GROUP_A, [a, b], [version(GROUP_A, 6), retired(GROUP_A, 5, world.now, 'removal')])];
    world.start(a, b, cid);
    world.pass(6_500);
    expect(a.of('failed')).toEqual([]);
    world.pass(1_000);
    expect(a.of('failed')).toMatchObject([{ reason: 'peer-behind' }]);
    expect(versionOf(a)).toBeUndefined();
  });

  it('without a GMS nobody waits for newer keys', () => {
    const old = pair({ noGms: true });
    old.b.groups = [
      groupView(GROUP_A, [old.a, old.b], [version(GROUP_A, 6), version(GROUP_A, 5, { state: 'tagonly' })]),
    ];
    old.world.start(old.a, old.b, old.cid);
    old.world.pass(1_000);
    expect(old.a.of('failed')).toMatchObject([{ reason: 'stale-key' }]);
    const behind = pair({}, { noGms: true });
    behind.a.groups = [groupView(GROUP_A, [behind.a, behind.b], [version(GROUP_A, 6), retired(GROUP_A, 5, 0)])];
    behind.world.start(behind.a, behind.b, behind.cid);
    behind.world.run();
    expect([versionOf(behind.a), versionOf(behind.b)]).toEqual([5, 5]);
  });

  it('an end GE without a lease says BEHIND', () => {
    const { a, b, world, cid } = pair();
    b.groups = [groupView(GROUP_A, [a, b], [version(GROUP_A, 5, { notAfter: unixSeconds(NOW_UNIX) })])];
    world.start(a, b, cid);
    world.pass(6_000);
    expect(kinds(world)[1]).toBe(STALE);
    expect(a.of('failed')).toMatchObject([{ reason: 'peer-behind' }]);
  });

  it('a DDE that was made before the newer version came is made anew after STALE', () => {
    const { a, b, world, cid } = pair();
    world.start(a, b, cid);
    b.groups = [groupView(GROUP_A, [a, b], [version(GROUP_A, 6), version(GROUP_A, 5, { state: 'tagonly' })])];
    a.groups = [groupView(GROUP_A, [a, b], [version(GROUP_A, 6), retired(GROUP_A, 5, world.now, 'removal')])];
    world.run();
    expect(kinds(world)).toEqual([1, STALE, 1, RGI, MPIT, 4]);
    expect(versionOf(a)).toBe(6);
  });

  it('hints cause at most one fetch per group in 5 s', () => {
    const { a, b, world, cid } = pair();
    b.groups = [groupView(GROUP_A, [a, b], [version(GROUP_A, 6), version(GROUP_A, 5, { state: 'tagonly' })])];
    for (let i = 0; i < 5; i++) {
      world.start(a, b, cid);
      world.run();
      world.apply(a, a.negotiations.dropAll('dropped', world.now));
    }
    expect(a.of('refresh')).toHaveLength(1);
    expect(a.counters().filter((name) => name === 'refresh-too-early')).toHaveLength(4);
    world.now = millis(world.now + 5_000);
    world.start(a, b, cid);
    world.run();
    expect(a.of('refresh')).toHaveLength(2);
  });

  it('usesVersion names the versions that an open handshake may still need', () => {
    const { a, b, world, cid } = pair();
    expect(a.negotiations.usesVersion(GROUP_A, keyVersion(5))).toBe(false);
    world.start(a, b, cid);
    expect(a.negotiations.usesVersion(GROUP_A, keyVersion(5))).toBe(true);
    expect(a.negotiations.usesVersion(GROUP_A, keyVersion(4))).toBe(false);
    world.run();
    expect(a.negotiations.usesVersion(GROUP_A, keyVersion(5))).toBe(false);
  });
});

describe('groups', () => {
  it('without a common group the end GE says so, and the reason is shown (requirements M10, M11)', () => {
    const { a, b, world, cid } = pair({}, { mode: 'cl' });
    b.groups = [groupView(GROUP_B, [b], [version(GROUP_B, 1)])];
    world.start(a, b, cid);
    world.pass(5_000);
    expect(kinds(world)[1]).toBe(NOGROUP);
    expect(a.of('failed')).toMatchObject([{ reason: 'no-common-group', peerMode: 'cl', peerType: 'ges' }]);
  });

  it('NOGROUP is sent once a second to a source, and 12 times for one DDE', () => {
    const { a, b, world, cid } = pair();
    b.groups = [];
    for (let i = 0; i < 3; i++) {
      world.start(a, b, cid);
      world.run();
      world.apply(a, a.negotiations.dropAll('dropped', world.now));
    }
    expect(kinds(world).filter((kind) => kind === NOGROUP)).toHaveLength(1);
    world.start(a, b, cid);
    const dde = world.take();
    const sent = Array.from({ length: 40 }, (_, i) => `198.51.100.${i + 1}:9` as typeof a.path).flatMap((from) =>
      b.negotiations.handleDatagram(dde.bytes, from, world.now).filter(({ kind }) => kind === 'send'),
    );
    expect(sent).toHaveLength(12);
  });

  it('of several common groups the lowest with equal versions is taken, and an old one is named (requirements M12, M13)', () => {
    const { a, b, world, cid } = pair();
    const members = [a, b];
    a.groups = [groupView(GROUP_B, members, [version(GROUP_B, 1)]), groupView(GROUP_A, members, [version(GROUP_A, 5)])];
    b.groups = a.groups;
    world.start(a, b, cid);
    world.run();
    expect(a.of('install-receive').at(-1)?.sa.group).toBe(GROUP_A);
    b.groups = [
      groupView(GROUP_B, members, [version(GROUP_B, 1)]),
      groupView(GROUP_A, members, [version(GROUP_A, 6), version(GROUP_A, 5, { state: 'tagonly' })]),
    ];
    world.start(a, b, cid);
    world.run();
    expect(a.of('install-receive').at(-1)?.sa.group).toBe(GROUP_B);
    expect(a.of('refresh')).toEqual([{ kind: 'refresh', what: 'group', group: GROUP_A, version: 0 }]);
  });
});

describe('the domain', () => {
  it('a start GE with an old domain key is told so, fetches, and sends one more DDE', () => {
    const { a, b, world, cid } = pair();
    b.domain = [domainVersion(2), domainVersion(1)];
    world.start(a, b, cid);
    world.run();
    expect(kinds(world)).toEqual([1, STALE]);
    expect(a.of('refresh')).toEqual([{ kind: 'refresh', what: 'domain' }]);
    expect(b.negotiations.open.answered).toBe(0);
    a.domain = b.domain;
    refreshed(a, world);
    expect(versionOf(a)).toBe(5);
  });

  it('without a GMS a start GE with an old domain key does not wait for a newer one', () => {
    const { a, b, world, cid } = pair({ noGms: true });
    b.domain = [domainVersion(2), domainVersion(1)];
    world.start(a, b, cid);
    world.pass(1_000);
    expect(a.of('failed')).toMatchObject([{ reason: 'domain-stale' }]);
    expect(a.of('refresh')).toEqual([{ kind: 'refresh', what: 'domain' }]);
  });

  it('a start GE whose domain key became newer after its DDE sends one more at once', () => {
    const { a, b, world, cid } = pair({ noGms: true });
    const [older, newer] = [a.domain, [domainVersion(2), domainVersion(1)]];
    b.domain = newer;
    world.start(a, b, cid);
    expect(a.domain).toBe(older);
    a.domain = newer;
    world.run();
    expect(versionOf(a)).toBe(5);
    expect(a.of('refresh')).toEqual([]);
  });

  it('an end GE with an old domain key is silent: it cannot tell a newer one from a stranger', () => {
    const { a, b, world, cid } = pair();
    a.domain = [domainVersion(2), domainVersion(1)];
    world.start(a, b, cid);
    world.run();
    expect(kinds(world)).toEqual([1]);
    expect(b.counters()).toEqual(['dde-domain']);
  });

  it('version 9 is not taken for version 1, whose last three bits are the same', () => {
    const { a, b, world, cid } = pair();
    b.domain = Array.from({ length: 8 }, (_, i) => domainVersion(9 - i));
    world.start(a, b, cid);
    world.run();
    expect(kinds(world)).toEqual([1]);
    expect(b.counters()).toEqual(['dde-auth']);
  });
});
