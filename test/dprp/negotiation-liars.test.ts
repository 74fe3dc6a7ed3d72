import { describe, expect, it } from 'vitest';
import { keyVersion, millis, unixSeconds } from '../../src/base/brands.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import { admitsNow } from '../../src/dprp/admission.ts';
import {
  address,
  flow,
  GROUP_A,
  groupView,
  kindOf,
  NOW_UNIX,
  pair,
  retired,
  TestNode,
  version,
  World,
} from './negotiation-world.ts';

/*
 * Members that hold every key and follow the transcript, but state something false inside a sealed payload. The payloads
 * are told apart by their lengths; offsets are those of the layouts in protocol.md 2.2.
 */

const MPIT = {
  length: 384,
  cred: 0,
  cid: 268,
  group: 306,
  r: 322,
  v: 326,
  suite: 330,
  action: 331,
  seq: 344,
  head: 348,
  hops: 380,
};
const RGI = {
  length: 336,
  cred: 0,
  group: 268,
  r: 284,
  v: 288,
  suite: 292,
  seq: 295,
  head: 299,
  caps: 331,
  oldSlot: 333,
};
const CDN = { length: 48, pitId: 0, status: 8, action: 9, lanes: 11 };

/** Adds one to a byte of each payload of this length before it is sealed. */
function liar(length: number, at: number): CryptoProvider {
  return {
    ...nodeProvider,
    chachaSeal: (key, nonce, aad, plaintext) => {
      const said = plaintext.slice();
      if (said.length === length) said[at] += 1;
      return nodeProvider.chachaSeal(key, nonce, aad, said);
    },
  };
}

function gains(...nodes: readonly TestNode[]): number {
  return nodes.flatMap((node) => [...node.of('install-receive'), ...node.of('install-send'), ...node.of('entry')])
    .length;
}

describe('a start GE that lies in MPIT gains nothing', () => {
  it.each([
    ['A2: another port in the CID than in DDE', MPIT.cid + 37, 'mpit-cid'],
    ['A2: another source address', MPIT.cid + 17, 'mpit-cid'],
    ['a certificate with another mode', MPIT.cred + 2, 'mpit-ca-signature'],
    ['a key part with another end', MPIT.cred + 203, 'mpit-key-signature'],
    ['another group', MPIT.group, 'mpit-group'],
    ['another r', MPIT.r + 3, 'mpit-group'],
    ['another version', MPIT.v + 3, 'mpit-group'],
    ['another suite', MPIT.suite, 'mpit-suite'],
    ['an order to relay', MPIT.action, 'mpit-action'],
    ['R6: another roster seq', MPIT.seq + 3, 'mpit-roster-differs'],
    ['R6: another roster head', MPIT.head, 'mpit-roster-differs'],
    ['an element that is not on the path', MPIT.hops, 'mpit-length'],
  ])('%s', (_what, at, counter) => {
    const { a, b, world, cid } = pair({ provider: liar(MPIT.length, at) });
    world.start(a, b, cid);
    world.run();
    expect(b.counters()).toEqual([counter]);
    expect(gains(b)).toBe(0);
    expect(world.log.map(kindOf)).toEqual([1, 2, 3]);
  });
});

describe('an end GE that lies in RGI or CDN gains nothing', () => {
  it.each([
    ['another group', RGI.group, 'rgi-group'],
    ['another r', RGI.r + 3, 'rgi-group'],
    ['another version', RGI.v + 3, 'rgi-group'],
    ['a certificate with another type', RGI.cred + 1, 'rgi-ca-signature'],
    ['R6: another roster seq', RGI.seq + 3, 'rgi-roster-differs'],
    ['R6: another roster head', RGI.head + 31, 'rgi-roster-differs'],
    ['an old slot that there is not', RGI.oldSlot, null],
  ])('RGI: %s', (_what, at, counter) => {
    const { a, b, world, cid } = pair({}, { provider: liar(RGI.length, at) });
    world.start(a, b, cid);
    world.run();
    if (counter !== null) expect(a.counters()).toEqual([counter]);
    expect(a.of('install-receive')).toHaveLength(counter === null ? 1 : 0);
    expect(a.of('refresh')).toEqual([]);
  });

  it('RGI: a suite that was not offered', () => {
    const { a, b, world, cid } = pair({ suites: [1] }, { suites: [1], provider: liar(RGI.length, RGI.suite) });
    world.start(a, b, cid);
    world.run();
    expect(a.counters()).toEqual(['rgi-suite']);
    expect(gains(a)).toBe(0);
  });

  it.each([
    ['another pit_id', CDN.pitId, 'cdn-pit-id'],
    ['another action', CDN.action, 'cdn-terms'],
    ['more lanes', CDN.lanes, 'cdn-terms'],
  ])('CDN: %s', (_what, at, counter) => {
    const { a, b, world, cid } = pair({}, { provider: liar(CDN.length, at) });
    world.start(a, b, cid);
    world.run();
    expect(a.counters()).toEqual([counter]);
    expect(a.of('install-send')).toEqual([]);
  });

  it('a rekey is answered by the node of the old SA only, though another owns the address as well', () => {
    const route = { family: 4, address: address('10.1.0.0'), length: 16 } as const;
    const a = new TestNode('alice', '192.0.2.1:1001', { vips: ['100.64.0.1'] });
    const gateways = ['bob', 'carol'].map(
      (name, i) =>
        new TestNode(name, `192.0.2.${i + 2}:1002`, { vips: [`100.64.0.${i + 2}`], routes: [route], type: 'gen' }),
    );
    const [b, c] = gateways;
    const world = new World(a, b, c);
    for (const node of world.nodes) node.groups = [groupView(GROUP_A, [a, b, c], [version(GROUP_A, 5)])];
    const cid = flow('100.64.0.1', '10.1.2.3');
    world.start(a, c, cid); // side by side gateways: either may answer a flow
    world.run();
    const [{ sa }] = a.of('install-receive');
    expect(sa.peer).toBe(c.id);
    world.start(a, b, cid, 'rekey', sa.local);
    world.run();
    expect(a.counters()).toEqual(['rgi-other-peer']);
    expect(a.of('install-receive')).toHaveLength(1);
  });
});

describe('what was verified once', () => {
  it('still ends with its certificate and its key part', () => {
    const rows: [number, string][] = [
      [6 * 86_400, 'mpit-key-expired'],
      [-86_400, 'mpit-not-yet-valid'],
      [366 * 86_400, 'mpit-expired'],
    ];
    for (const [later, counter] of rows) {
      const { a, b, world, cid } = pair();
      world.start(a, b, cid);
      world.run();
      const before = gains(b);
      b.unix = unixSeconds(NOW_UNIX + later);
      b.groups = [groupView(GROUP_A, [a, b], [version(GROUP_A, 5, { notAfter: unixSeconds(0xffff_ffff) })])];
      world.start(a, b, cid);
      world.run();
      expect(b.counters()).toEqual([counter]);
      expect(gains(b)).toBe(before);
    }
  });

  it('does not stand in for another key: the same certificate with a foreign X25519 key is refused', () => {
    const { a, b, world, cid } = pair();
    world.start(a, b, cid);
    world.run();
    const thief = new TestNode('alice', '192.0.2.1:1001', { vips: ['100.64.0.1', 'fd00::1'], seed: 'thief' });
    const own = nodeProvider.x25519KeyPair(nodeProvider.sha256(new Uint8Array(1)));
    Object.assign(thief, { identity: { ...a.identity, xPublic: own.publicKey, xSecret: own.secretKey } });
    thief.groups = a.groups;
    const stolen = new World(thief, b);
    stolen.start(thief, b, cid);
    stolen.run();
    expect(b.counters()).toEqual(['mpit-key-signature']);
  });
});

describe('whom a version admits (protocol.md 3.5, 10.1)', () => {
  const at = millis(100_000);
  const plain = { role: 'responder', noGms: false, chained: false } as const;
  it.each([
    ['CURRENT', version(GROUP_A, 1), plain, true],
    ['NEXT, at the end GE', version(GROUP_A, 1, { state: 'next' }), plain, true],
    ['NEXT, at the start GE', version(GROUP_A, 1, { state: 'next' }), { ...plain, role: 'initiator' }, false],
    ['RETIRED by schedule, in grace', retired(GROUP_A, 1, 40_001), plain, true],
    ['RETIRED by schedule, out of grace', retired(GROUP_A, 1, 40_000), plain, false],
    ['the same without a GMS', retired(GROUP_A, 1, 40_000), { ...plain, noGms: true }, true],
    ['the same for a chain', retired(GROUP_A, 1, 40_000), { ...plain, chained: true }, true],
    ['a chain after 24 h', retired(GROUP_A, 1, 100_000 - 24 * 3_600_000), { ...plain, chained: true }, false],
    ['a chain after a removal', retired(GROUP_A, 1, 99_999, 'removal'), { ...plain, chained: true }, false],
    ['RETIRED by a removal', retired(GROUP_A, 1, 99_999, 'removal'), { ...plain, noGms: true }, false],
    ['TAGONLY', version(GROUP_A, 1, { state: 'tagonly' }), { ...plain, noGms: true, chained: true }, false],
  ] as const)('%s', (_what, held, by, expected) => {
    expect(admitsNow(held, by, at)).toBe(expected);
    expect(held.v).toBe(keyVersion(1));
  });
});
