import { describe, expect, it } from 'vitest';
import { millis, saIndex } from '../../src/base/brands.ts';
import { GROUP_A, GROUP_B, groupView, kindOf, pair, TestNode, version } from './negotiation-world.ts';

const CDN = 4;

function installs(node: TestNode): number {
  return node.of('install-receive').length + node.of('install-send').length;
}

describe('SAs', () => {
  it('S2: I installs its receive keys before MPIT leaves', () => {
    const { a, b, world, cid } = pair();
    world.start(a, b, cid);
    world.run();
    const order = a.seen.map((effect) => (effect.kind === 'send' ? `send ${effect.bytes[0]}` : effect.kind));
    expect(order.indexOf('install-receive')).toBeLessThan(order.indexOf('send 3'));
    expect(order.indexOf('install-receive')).toBeGreaterThan(-1);
  });

  it('S1: a version that may admit nobody any more at MPIT makes no SA', () => {
    const rows: [string, (b: TestNode) => void][] = [
      [
        'mpit-version-old',
        (b) => (b.groups = [{ ...b.groups[0], versions: [version(GROUP_A, 5, { state: 'tagonly' })] }]),
      ],
      ['mpit-group-stopped', (b) => (b.groups = [{ ...b.groups[0], stopped: true }])],
      ['mpit-group-not-held', (b) => (b.groups = [])],
      [
        'mpit-lease-expired',
        (b) => (b.groups = [{ ...b.groups[0], versions: [version(GROUP_A, 5, { notAfter: b.unix })] }]),
      ],
    ];
    for (const [counter, change] of rows) {
      const { a, b, world, cid } = pair();
      world.start(a, b, cid);
      world.deliver();
      change(b);
      world.run();
      expect(b.counters()).toEqual([counter]);
      expect(installs(b)).toBe(0);
    }
  });

  it('R4: REMOVE ends half-opens of the group at either end, and own handshakes with that node', () => {
    const { a, b, world, cid } = pair();
    world.start(a, b, cid);
    world.deliver();
    world.apply(b, b.negotiations.removeMember(GROUP_A, a.id, world.now));
    expect(b.negotiations.open.answered).toBe(0);
    expect(b.freed).toHaveLength(1);
    world.run();
    expect(installs(b)).toBe(0);
    world.apply(a, a.negotiations.removeMember(GROUP_A, b.id, world.now));
    expect(a.of('failed')).toMatchObject([{ reason: 'removed' }]);
  });

  it('R4: other groups of a removed node remain: a handshake that listed both begins anew under the other', () => {
    const { a, b, world, cid } = pair();
    const other = groupView(GROUP_B, [a, b], [version(GROUP_B, 1)]);
    a.groups = [...a.groups, other];
    b.groups = a.groups;
    world.start(a, b, cid);
    world.wire.length = 0;
    a.groups = [groupView(GROUP_A, [a], [version(GROUP_A, 6)]), other];
    world.apply(a, a.negotiations.removeMember(GROUP_A, b.id, world.now));
    world.run();
    expect(a.of('failed')).toEqual([]);
    expect(a.of('install-receive').map(({ sa }) => sa.group)).toEqual([GROUP_B]);
  });

  it('R4: REMOVE of somebody else lets an own handshake begin anew under the newest version', () => {
    const { a, b, world, cid } = pair();
    const carol = new TestNode('carol', '192.0.2.3:1003', { vips: ['100.64.0.3'] });
    world.start(a, b, cid);
    world.run((datagram) => kindOf(datagram) !== CDN);
    const versions = [
      version(GROUP_A, 6),
      version(GROUP_A, 5, { state: 'retired', retired: { at: millis(0), cause: 'removal' } }),
    ];
    for (const node of [a, b]) {
      node.groups = [groupView(GROUP_A, [a, b], versions)];
      world.apply(node, node.negotiations.removeMember(GROUP_A, carol.id, world.now));
    }
    world.run();
    expect(a.of('failed')).toEqual([]);
    expect(a.of('install-send')).toHaveLength(1);
    expect(a.of('negotiated')).toHaveLength(1);
    expect(a.of('install-receive').map(({ sa }) => sa.version)).toEqual([5, 6]);
  });

  it('R6: equal versions with different roster heads refuse this peer, at either end', () => {
    const { a, b, world, cid } = pair();
    b.groups = [groupView(GROUP_A, [a, b], [version(GROUP_A, 5, { rosterHead: new Uint8Array(32) })])];
    world.start(a, b, cid);
    world.run();
    expect(a.counters()).toEqual(['rgi-roster-differs']);
    const later = pair();
    later.world.start(later.a, later.b, later.cid);
    later.world.deliver();
    later.b.groups = [groupView(GROUP_A, [later.a, later.b], [version(GROUP_A, 5, { rosterSeq: 4 })])];
    later.world.run();
    expect(later.b.counters()).toEqual(['mpit-roster-differs']);
  });

  it('C2: NOGROUP decides the shown reason only; an RGI that comes after it is still taken', () => {
    const { a, b, world, cid } = pair();
    const stranger = pair().b;
    stranger.groups = [groupView(GROUP_B, [stranger], [version(GROUP_B, 1)])];
    world.start(a, b, cid);
    const dde = world.take();
    const nogroup = stranger.negotiations.handleDatagram(dde.bytes, a.path, world.now);
    for (const effect of nogroup)
      if (effect.kind === 'send') world.apply(a, a.negotiations.handleDatagram(effect.bytes, b.path, world.now));
    expect(a.of('trace').map(({ message }) => message)).toContain('NOGROUP');
    expect(a.of('failed')).toEqual([]);
    world.deliver(dde);
    world.run();
    expect(installs(a)).toBe(2);
  });

  it('an index that is not ours in the SA set is no SA to rekey', () => {
    const { a, b, world, cid } = pair();
    world.start(a, b, cid, 'rekey', saIndex(8));
    expect(a.of('failed')).toMatchObject([{ reason: 'dropped', purpose: 'rekey' }]);
    expect(world.log).toEqual([]);
  });
});
