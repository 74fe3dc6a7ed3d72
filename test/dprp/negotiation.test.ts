import { describe, expect, it } from 'vitest';
import { millis } from '../../src/base/brands.ts';
import { toHex } from '../../src/base/bytes.ts';
import { SUITE } from '../../src/base/primitives.ts';
import { agreedKeys, flow, GROUP_A, kindOf, pair, type TestNode } from './negotiation-world.ts';

const [DDE, RGI, MPIT, CDN] = [1, 2, 3, 4];

function installed(...nodes: readonly TestNode[]): number {
  return nodes.flatMap((node) => [...node.of('install-receive'), ...node.of('install-send')]).length;
}

describe('the four messages', () => {
  it('give both ends the same keys, and nothing is on the wire afterwards', () => {
    const { a, b, world, cid } = pair();
    world.start(a, b, cid);
    world.run();
    expect(world.log.map((d) => [d.from.name, kindOf(d), d.bytes.length])).toEqual([
      ['alice', DDE, 284],
      ['bob', RGI, 448],
      ['alice', MPIT, 460],
      ['bob', CDN, 76],
    ]);
    const keys = agreedKeys(a, b);
    expect(keys.startSends).toEqual(keys.endReceives);
    expect(keys.startReceives).toEqual(keys.endSends);
    expect(keys.startSends).not.toEqual(keys.startReceives);
    expect([...a.counters(), ...b.counters()]).toEqual([]);
    world.pass(30_000);
    expect(world.log).toHaveLength(4);
  });

  it('describe one SA from both sides, with the same exporter', () => {
    const { a, b, world, cid } = pair({ lanes: 3 }, { lanes: 2, mode: 'cl', suites: [SUITE.chacha20poly1305] });
    world.start(a, b, cid);
    world.run();
    const [atStart] = a.of('install-receive');
    const [atEnd] = b.of('install-receive');
    const same = { group: GROUP_A, version: 5, r: 0, chain: 0, suite: SUITE.chacha20poly1305, lanes: 2, replaces: 0 };
    expect(atStart.sa).toMatchObject({ ...same, role: 'initiator', peer: b.id, peerMode: 'cl', path: b.path });
    expect(atEnd.sa).toMatchObject({ ...same, role: 'responder', peer: a.id, peerMode: 'op', path: a.path });
    expect(atStart.sa.local).toBe(atEnd.sa.remote);
    expect(atStart.sa.remote).toBe(atEnd.sa.local);
    expect(toHex(atStart.sa.exporter)).toBe(toHex(atEnd.sa.exporter));
    expect(atStart.lanes).toHaveLength(2);
    expect(new Set(agreedKeys(a, b).startSends).size).toBe(2);
  });

  it('write one entry at each end: provisional with MPIT, confirmed with CDN', () => {
    const { a, b, world, cid } = pair();
    world.start(a, b, cid);
    world.run();
    expect(a.of('entry').map(({ state }) => state)).toEqual(['provisional', 'confirmed']);
    expect(b.of('entry').map(({ state }) => state)).toEqual(['confirmed']);
    const common = { cid, action: 'encrypt', group: GROUP_A, version: 5, lifetime: 3_600 };
    expect(a.of('entry')[1]).toMatchObject({ ...common, peer: b.id });
    expect(b.of('entry')[0]).toMatchObject({ ...common, peer: a.id, pitId: a.of('entry')[1].pitId });
  });

  it('work over IPv6 addresses', () => {
    const { a, b, world } = pair();
    world.start(a, b, flow('fd00::1', 'fd00::2'));
    world.run();
    expect(installed(a, b)).toBe(4);
  });

  it('make other keys each time', () => {
    const { a, b, world, cid } = pair();
    world.start(a, b, cid);
    world.run();
    const first = agreedKeys(a, b);
    world.start(a, b, cid);
    world.run();
    const second = agreedKeys(a, b);
    expect(second.startSends).toEqual(second.endReceives);
    expect(second.startSends).not.toEqual(first.startSends);
  });
});

describe('loss, repetition and disorder', () => {
  it.each([
    [DDE, 'DDE'],
    [RGI, 'RGI'],
    [MPIT, 'MPIT'],
    [CDN, 'CDN'],
  ])('a lost %i (%s) is made good by a repeat', (kind) => {
    const { a, b, world, cid } = pair();
    let lost = 0;
    world.start(a, b, cid);
    world.run((datagram) => kindOf(datagram) !== kind || lost++ > 0);
    world.pass(5_000);
    const keys = agreedKeys(a, b);
    expect(keys.startSends).toEqual(keys.endReceives);
    expect(a.of('install-receive')).toHaveLength(1);
    expect(b.of('install-receive')).toHaveLength(1);
    expect(a.of('negotiated')).toHaveLength(1);
  });

  it('every datagram twice changes nothing', () => {
    const { a, b, world, cid } = pair();
    world.start(a, b, cid);
    for (let i = 0; i < 50 && world.wire.length > 0; i++) {
      const next = world.take();
      world.deliver(next);
      world.deliver(next);
    }
    expect(installed(a, b)).toBe(4);
    expect(b.of('entry')).toHaveLength(1);
    expect(a.of('negotiated')).toHaveLength(1);
  });

  it('late repeats of all four messages change nothing', () => {
    const { a, b, world, cid } = pair();
    world.start(a, b, cid);
    world.run();
    for (const old of world.log.slice().reverse()) world.deliver(old);
    world.run();
    expect(installed(a, b)).toBe(4);
    expect(a.of('entry')).toHaveLength(2);
    expect(b.of('entry')).toHaveLength(1);
  });

  it('retries double from 250 ms with jitter, and end after 15 s with a reason', () => {
    const { a, b, world, cid } = pair();
    world.start(a, b, cid);
    const times: number[] = [];
    const lose = () => {
      times.push(world.now);
      return false;
    };
    world.run(lose);
    world.pass(20_000, lose);
    const gaps = times.slice(1).map((time, i) => time - times[i]);
    for (const [i, gap] of gaps.entries()) {
      expect(gap).toBeGreaterThanOrEqual(250 * 2 ** i);
      expect(gap).toBeLessThanOrEqual(250 * 2 ** i * 1.25);
    }
    expect(times.length).toBeGreaterThanOrEqual(5);
    expect(a.of('failed')).toMatchObject([{ reason: 'timeout', cid, purpose: 'flow' }]);
    expect(a.of('refresh')).toEqual([{ kind: 'refresh', what: 'domain' }]);
    expect(a.negotiations.nextDeadline()).toBeUndefined();
  });

  it('MPIT without CDN is given up, and leaves the receive keys in place', () => {
    const { a, b, world, cid } = pair();
    world.start(a, b, cid);
    world.run((datagram) => kindOf(datagram) !== CDN);
    world.pass(20_000, (datagram) => kindOf(datagram) !== CDN);
    expect(a.of('failed')).toMatchObject([{ reason: 'timeout' }]);
    expect(a.of('install-receive')).toHaveLength(1);
    expect(a.of('install-send')).toHaveLength(0);
    expect(a.freed).toEqual([]);
  });

  it('the first authentic datagram confirms the SA where CDN is late; CDN then confirms the flow', () => {
    const { a, b, world, cid } = pair();
    world.start(a, b, cid);
    world.deliver(); // DDE
    world.deliver(); // RGI
    world.deliver(); // MPIT
    const [{ sa }] = a.of('install-receive');
    world.apply(a, a.negotiations.confirmedByData(sa.local, world.now));
    expect(a.of('install-send')).toMatchObject([{ localIndex: sa.local, remoteIndex: sa.remote, mtu: 1_280 }]);
    expect(a.of('negotiated')).toHaveLength(1);
    expect(a.of('entry').at(-1)?.state).toBe('provisional');
    world.run(); // CDN
    expect(a.of('install-send')).toHaveLength(1);
    expect(a.of('entry').at(-1)?.state).toBe('confirmed');
    expect(a.of('peer-mtu')).toMatchObject([{ mtu: 1_400 }]);
    expect(a.of('negotiated')).toHaveLength(1);
  });

  it('DDE is repeated 250 ms after a path was found, however long there was none', () => {
    const { a, b, world, cid } = pair();
    world.apply(a, a.negotiations.start({ cid, paths: [], purpose: 'flow' }, world.now));
    world.pass(2_000);
    world.apply(a, a.negotiations.pathFound(b.id, b.path, world.now));
    world.run(() => false);
    world.pass(320, () => false);
    expect(a.of('send')).toHaveLength(2);
  });

  it('DDE goes byte-identical on every path, also on one that is found later; the first valid RGI wins', () => {
    const { a, b, world, cid } = pair();
    const paths = [b.path, b.path];
    world.apply(a, a.negotiations.start({ cid, paths: [paths[0]], purpose: 'flow' }, world.now));
    world.apply(a, a.negotiations.pathFound(b.id, a.path, world.now));
    expect(world.wire.map(({ to }) => to)).toEqual([b.path, a.path]);
    expect(toHex(world.wire[0].bytes)).toBe(toHex(world.wire[1].bytes));
    world.run();
    expect(a.of('install-receive')).toHaveLength(1);
    expect(a.counters()).toContain('dde-reflected');
  });
});

describe('several handshakes at once', () => {
  it('crossing handshakes both complete (protocol.md 3.3)', () => {
    const { a, b, world, cid } = pair();
    world.start(a, b, cid);
    world.start(b, a, flow('100.64.0.2', '100.64.0.1'));
    world.run();
    expect(installed(a, b)).toBe(8);
    expect([...a.of('negotiated'), ...b.of('negotiated')].map(({ role }) => role).sort()).toEqual([
      'initiator',
      'initiator',
      'responder',
      'responder',
    ]);
  });

  it('a second flow to the same peer waits for the handshake that is open', () => {
    const { a, b, world, cid } = pair();
    const second = flow('100.64.0.1', '100.64.0.2', 443);
    world.start(a, b, cid);
    world.start(a, b, second);
    world.run();
    expect(world.log).toHaveLength(4);
    expect(a.of('negotiated')).toMatchObject([{ cid, waiting: [second] }]);
    expect(a.of('entry').every((entry) => entry.cid === cid)).toBe(true);
  });

  it('flows that waited in vain fail together', () => {
    const { a, b, world, cid } = pair();
    const second = flow('100.64.0.1', '100.64.0.2', 443);
    world.start(a, b, cid);
    world.start(a, b, second);
    world.pass(16_000, () => false);
    expect(a.of('failed')).toMatchObject([{ cid, waiting: [second], reason: 'timeout' }]);
  });

  it('K4: dropping all ends every half-open handshake and gives their indices back', () => {
    const { a, b, world, cid } = pair();
    world.start(a, b, cid);
    world.deliver();
    world.apply(a, a.negotiations.dropAll('dropped', world.now));
    world.apply(b, b.negotiations.dropAll('dropped', world.now));
    expect(a.of('failed')).toMatchObject([{ reason: 'dropped' }]);
    expect([a.freed.length, b.freed.length]).toEqual([1, 1]);
    world.run();
    expect(installed(a, b)).toBe(0);
    expect(a.negotiations.open).toEqual({ answered: 0, started: 0 });
    expect(b.negotiations.open).toEqual({ answered: 0, started: 0 });
  });
});

describe('what cannot begin', () => {
  it.each([
    ['no group covers the destination', flow('100.64.0.1', '100.64.0.9'), 'no-group-covers'],
    ['the destination is its own', flow('100.64.0.1', '100.64.0.1'), 'no-group-covers'],
  ])('fails at once when %s', (_why, cid, reason) => {
    const { a, b, world } = pair();
    world.start(a, b, cid);
    expect(a.of('failed')).toMatchObject([{ reason }]);
    expect(world.log).toEqual([]);
  });

  it('fails at once without a free index, without a domain key, and without a lease', () => {
    const rows: [(node: TestNode) => void, string][] = [
      [(node) => (node.freeIndices = 0), 'no-free-index'],
      [(node) => (node.domain = []), 'domain-stale'],
      [(node) => (node.unix = node.groups[0].versions[0].notAfter), 'lease-expired'],
    ];
    for (const [change, reason] of rows) {
      const { a, b, world, cid } = pair();
      change(a);
      world.start(a, b, cid);
      expect(a.of('failed')).toMatchObject([{ reason }]);
      expect(a.negotiations.open.started).toBe(0);
    }
  });

  it('an end GE without room for the flow still makes the SA, and says so', () => {
    const { a, b, world, cid } = pair();
    b.room = false;
    world.start(a, b, cid);
    world.run();
    expect(installed(a, b)).toBe(4);
    expect(b.of('entry')).toEqual([]);
    expect(a.of('entry').map(({ state }) => state)).toEqual(['provisional']);
    expect(a.of('failed')).toMatchObject([{ reason: 'refused', cid }]);
  });

  it('half-open handshakes end after 20 s and give their index back', () => {
    const { a, b, world, cid } = pair();
    world.start(a, b, cid);
    world.deliver();
    world.wire.length = 0;
    expect(b.negotiations.open.answered).toBe(1);
    world.now = millis(world.now + 20_000);
    world.apply(b, b.negotiations.tick(world.now));
    expect(b.negotiations.open.answered).toBe(0);
    expect(b.freed).toHaveLength(1);
  });
});
