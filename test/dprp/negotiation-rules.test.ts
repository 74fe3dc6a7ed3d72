import { describe, expect, it } from 'vitest';
import { unixSeconds } from '../../src/base/brands.ts';
import { toHex, utf8 } from '../../src/base/bytes.ts';
import { SUITE } from '../../src/base/primitives.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import {
  address,
  CA_SEED,
  flow,
  GROUP_A,
  groupView,
  kindOf,
  NOW_UNIX,
  pair,
  TestNode,
  version,
  World,
} from './negotiation-world.ts';

const CDN = 4;
const otherCa = nodeProvider.sha256(utf8('another CA'));

function installs(node: TestNode): number {
  return node.of('install-receive').length + node.of('install-send').length;
}

describe('addresses', () => {
  it('A1: a DDE whose destination the CA part does not give to R is answered by nothing at all', () => {
    const { a, b, world } = pair();
    // Alice's roster says that Bob has a third address, his certificate does not.
    const claimed = { ...b.member, vips: [...b.member.vips, address('100.64.0.7')] };
    a.groups = [groupView(GROUP_A, [a, Object.assign(Object.create(b), { member: claimed })], [version(GROUP_A, 5)])];
    world.start(a, b, flow('100.64.0.1', '100.64.0.7'));
    world.deliver();
    expect(world.wire).toEqual([]);
    expect(b.counters()).toEqual(['dde-not-mine']);
  });

  it('A2: R refuses an MPIT of a node that is not in the roster any more, or has another key there', () => {
    const rows: [string, (b: TestNode, a: TestNode) => void][] = [
      ['mpit-not-in-roster', (b) => (b.groups = [groupView(GROUP_A, [b], [version(GROUP_A, 5)])])],
      [
        'mpit-not-in-roster',
        (b, a) => {
          const twin = Object.assign(Object.create(a), { member: { ...a.member, edPk: b.member.edPk } });
          b.groups = [groupView(GROUP_A, [twin, b], [version(GROUP_A, 5)])];
        },
      ],
      [
        'mpit-foreign-address',
        (b, a) => {
          const moved = Object.assign(Object.create(a), { member: { ...a.member, vips: [address('100.64.0.9')] } });
          b.groups = [groupView(GROUP_A, [moved, b], [version(GROUP_A, 5)])];
        },
      ],
      [
        'mpit-not-own-address',
        (b, a) => {
          const moved = Object.assign(Object.create(b), { member: { ...b.member, vips: [address('100.64.0.9')] } });
          b.groups = [groupView(GROUP_A, [a, moved], [version(GROUP_A, 5)])];
        },
      ],
    ];
    for (const [counter, change] of rows) {
      const { a, b, world, cid } = pair();
      world.start(a, b, cid);
      world.deliver();
      change(b, a);
      world.run();
      expect(b.counters()).toEqual([counter]);
      expect(installs(b)).toBe(0);
      expect(b.of('entry')).toEqual([]);
    }
  });

  it('A2: an entry needs addresses that may be ends of a flow', () => {
    for (const source of ['127.0.0.1', '169.254.1.1', '224.0.0.1', '255.255.255.255', 'fe80::1', 'ff02::1']) {
      const destination = source.includes(':') ? 'fd00::2' : '100.64.0.2';
      const { a, b, world } = pair({ vips: [source, 'fd00::1'] });
      world.start(a, b, flow(source, destination));
      world.run();
      expect([...a.counters(), ...b.counters()]).toEqual(['rgi-foreign-address']);
      expect(installs(a) + installs(b)).toBe(0);
    }
  });

  it('A3: I refuses an RGI of a member that does not own the destination', () => {
    // Carol is a member, her certificate covers Bob's address too, and she gets the DDE.
    const { a, b } = pair();
    const route = { family: 4, address: address('100.64.0.2'), length: 32 } as const;
    const carol = new TestNode('carol', '192.0.2.3:1003', { vips: ['100.64.0.3'], routes: [route] });
    const views = [groupView(GROUP_A, [a, b, carol], [version(GROUP_A, 5)])];
    a.groups = views;
    const hers = { ...carol.member, vips: b.member.vips };
    carol.groups = [groupView(GROUP_A, [a, Object.assign(Object.create(carol), { member: hers })], views[0].versions)];
    const world = new World(a, carol);
    world.start(a, carol, flow('100.64.0.1', '100.64.0.2'));
    world.run();
    expect(kindOf(world.log[1])).toBe(2);
    expect(a.counters()).toEqual(['rgi-foreign-address']);
    expect(installs(a)).toBe(0);
  });

  it('A3, S1: I asks again at CDN, and installs no send key for a node that was removed meanwhile', () => {
    const { a, b, world, cid } = pair();
    world.start(a, b, cid);
    world.run((datagram) => kindOf(datagram) !== CDN);
    a.groups = [groupView(GROUP_A, [a], [version(GROUP_A, 5)])];
    world.deliver(world.log[3]);
    expect(a.of('install-send')).toEqual([]);
    expect(a.of('failed')).toMatchObject([{ reason: 'removed' }]);
    expect(a.of('entry').every(({ state }) => state === 'provisional')).toBe(true);
  });

  it('A3, S1: the same holds where data comes before CDN', () => {
    const { a, b, world, cid } = pair();
    world.start(a, b, cid);
    world.run((datagram) => kindOf(datagram) !== CDN);
    a.unix = unixSeconds(NOW_UNIX + 400 * 86_400);
    world.apply(a, a.negotiations.confirmedByData(a.of('install-receive')[0].sa.local, world.now));
    expect(a.of('install-send')).toEqual([]);
    expect(a.of('failed')).toMatchObject([{ reason: 'lease-expired' }]);
  });
});

describe('identity', () => {
  it('A5: a key of small order is refused in every place where a peer names one', () => {
    const { a, b, world, cid } = pair();
    world.start(a, b, cid);
    world.deliver();
    const rgi = world.take();
    const weak = rgi.bytes.slice();
    weak.fill(0, 16, 48);
    world.deliver(rgi, weak);
    expect(a.counters()).toEqual(['rgi-weak-key']);
  });

  it('A6: what RGI states must not be laxer than the certificate', () => {
    const rows: [Parameters<typeof pair>[1], object, number][] = [
      [{ mode: 'cl' }, { mode: 'op' }, 0],
      [{ mode: 'op' }, { mode: 'cl' }, 2],
      [{ type: 'ges' }, { type: 'gen' }, 0],
    ];
    for (const [certified, stated, gained] of rows) {
      const { a, b, world, cid } = pair({}, certified);
      b.settings = { ...b.settings, ...stated };
      world.start(a, b, cid);
      world.run();
      expect(installs(a)).toBe(gained);
      expect(a.counters()).toEqual(gained === 0 ? ['rgi-laxer-than-certificate'] : []);
    }
  });

  it('a certificate of an unknown CA, or one that has ended, is refused by either end', () => {
    const foreign = pair({}, { caSeed: otherCa });
    foreign.world.start(foreign.a, foreign.b, foreign.cid);
    foreign.world.run();
    expect(foreign.a.counters()).toEqual(['rgi-unknown-issuer']);
    const guest = pair({ caSeed: otherCa });
    guest.a.authorities = [nodeProvider.ed25519KeyPair(CA_SEED).publicKey];
    guest.world.start(guest.a, guest.b, guest.cid);
    guest.world.run();
    expect(guest.b.counters()).toEqual(['mpit-unknown-issuer']);
    const late = pair();
    late.b.unix = unixSeconds(NOW_UNIX + 7 * 86_400);
    late.world.start(late.a, late.b, late.cid);
    late.world.run();
    expect(late.b.counters()).toEqual(['mpit-key-expired']);
    for (const { a, b } of [foreign, guest, late]) expect(installs(b) + a.of('install-send').length).toBe(0);
  });

  it('A6: a server has no place in DPRP, even as a member of the group', () => {
    for (const certifiedType of ['gms', 'rs'] as const) {
      const start = pair({ certifiedType });
      start.world.start(start.a, start.b, start.cid);
      start.world.run();
      expect(start.b.counters()).toEqual(['mpit-node-type']);
      const end = pair({}, { certifiedType });
      end.world.start(end.a, end.b, end.cid);
      end.world.run();
      expect(end.a.counters()).toEqual(['rgi-laxer-than-certificate']);
      expect(installs(start.b) + installs(end.a)).toBe(0);
    }
  });

  it('verifies each credential once: a second handshake with a peer costs no signature check', () => {
    let checks = 0;
    const counting = {
      ...nodeProvider,
      ed25519Verify: (...args: Parameters<typeof nodeProvider.ed25519Verify>) => {
        checks += 1;
        return nodeProvider.ed25519Verify(...args);
      },
    };
    const { a, b, world, cid } = pair({ provider: counting }, { provider: counting });
    world.start(a, b, cid);
    world.run();
    expect(checks).toBe(4);
    world.start(a, b, cid);
    world.run();
    expect(installs(a) + installs(b)).toBe(8);
    expect(checks).toBe(4);
    // What was verified still ends with its certificate, and with its CA.
    a.authorities = [];
    b.authorities = [];
    world.start(a, b, cid);
    world.run();
    expect(installs(a) + installs(b)).toBe(8);
  });
});

describe('the wire', () => {
  it('W2: a stranger without the domain key hears nothing, whatever it sends', () => {
    const { a, b, world, cid } = pair();
    a.domain = [{ ...a.domain[0], kDde: nodeProvider.sha256(utf8('guess')) }];
    world.start(a, b, cid);
    world.deliver();
    expect(world.wire).toEqual([]);
    expect(b.counters()).toEqual(['dde-auth']);
    expect(b.negotiations.open.answered).toBe(0);
  });

  it('without a common traffic suite nothing is answered', () => {
    const { a, b, world, cid } = pair({ suites: [SUITE.aes256gcm] }, { suites: [SUITE.chacha20poly1305] });
    world.start(a, b, cid);
    world.deliver();
    expect(world.wire).toEqual([]);
    expect(b.counters()).toEqual(['dde-no-common-suite']);
  });

  it('S5: an unknown index is answered by nothing', () => {
    const { a, b, world, cid } = pair();
    world.start(a, b, cid);
    world.run();
    const fresh = new TestNode('bob', '192.0.2.2:1002', { vips: ['100.64.0.2'] });
    for (const { bytes } of world.log.slice(1)) {
      const effects = fresh.negotiations.handleDatagram(bytes, a.path, world.now);
      expect(effects).toEqual([{ kind: 'counter', name: 'dprp-unknown-index' }]);
    }
  });

  it('a second answer to a handshake that has made its SA is late, not of an unknown index', () => {
    const { a, b, world, cid } = pair();
    world.start(a, b, cid);
    world.run();
    const [, rgi] = world.log;
    const effects = a.negotiations.handleDatagram(rgi.bytes, b.path, world.now);
    expect(effects).toEqual([{ kind: 'counter', name: 'dprp-late' }]);
  });

  it('H8: a DDE that comes back to its sender, or from its own node id, is dropped', () => {
    const { a, b, world, cid } = pair();
    world.start(a, b, cid);
    const dde = world.take();
    world.apply(a, a.negotiations.handleDatagram(dde.bytes, b.path, world.now));
    expect(a.counters()).toEqual(['dde-reflected']);
    // Bob's twin: the same identity on another machine.
    const twin = new TestNode('bob', '192.0.2.9:1009', { vips: ['100.64.0.2', 'fd00::2'] });
    twin.groups = b.groups.map((view) => ({
      ...view,
      roster: { ...view.roster, covers: () => a.id },
    }));
    const mirrored = new World(twin, b);
    mirrored.start(twin, b, flow('100.64.0.2', '100.64.0.2'));
    mirrored.run();
    expect(installs(twin) + installs(b)).toBe(0);
    expect(twin.counters()).toEqual(['rgi-own-node']);
  });

  it('H6: the same DDE gives the same RGI, another hop count gives another', () => {
    const { a, b, world, cid } = pair();
    world.start(a, b, cid);
    const dde = world.take();
    world.deliver(dde);
    world.deliver(dde);
    const raised = dde.bytes.slice();
    raised[3] = 1;
    world.deliver(dde, raised);
    const [first, second, third] = world.wire.map(({ bytes }) => toHex(bytes));
    expect(second).toBe(first);
    expect(third.slice(32, 96)).not.toBe(first.slice(32, 96));
  });

  it('H2: an RGI whose hop count differs from its records is dropped', () => {
    const { a, b, world, cid } = pair();
    world.start(a, b, cid);
    const dde = world.take();
    const raised = dde.bytes.slice();
    raised[3] = 1;
    world.deliver(dde, raised);
    world.run();
    expect(a.counters()).toEqual(['rgi-hops']);
    expect(installs(a)).toBe(0);
  });

  it('at most 4 answers to one DDE on a path, and 12 in all', () => {
    const { a, b, world, cid } = pair();
    world.start(a, b, cid);
    const dde = world.take();
    for (let i = 0; i < 10; i++) world.deliver(dde);
    expect(world.wire).toHaveLength(4);
    for (let port = 1; port <= 10; port++)
      world.apply(b, b.negotiations.handleDatagram(dde.bytes, `192.0.2.1:${port}` as typeof a.path, world.now));
    expect(world.wire).toHaveLength(12);
    expect(b.negotiations.open.answered).toBe(1);
  });
});
