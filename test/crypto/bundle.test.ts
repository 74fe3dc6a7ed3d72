import { array, assert, integer, property, tuple, uint8Array } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groupId, millis, unixSeconds } from '../../src/base/brands.ts';
import { concat, toHex, utf8 } from '../../src/base/bytes.ts';
import { cborMap, encodeCbor } from '../../src/base/cbor.ts';
import {
  type Bundle,
  decodeBundle,
  decodeEnvelope,
  encodeBundle,
  encodePeer,
  wipeBundle,
} from '../../src/crypto/bundle.ts';
import { fillDomainRing, fillRing, openBundle, type VerifiedBundle } from '../../src/crypto/bundle-verify.ts';
import { nodeIdOf } from '../../src/crypto/credential.ts';
import { DomainRing } from '../../src/crypto/domain-ring.ts';
import { deriveDomainKeys, deriveGroupKeys, domainGroupId } from '../../src/crypto/group-key.ts';
import { KeyRing } from '../../src/crypto/key-ring.ts';
import { nodeProvider as provider } from '../../src/crypto/node-provider.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import type { Roster } from '../../src/crypto/roster.ts';
import { add, bundle, group, never, roster, version } from './bundle-fixtures.ts';
import { chainOf, edKey, genesis, NOW, ok, seedOf } from './fixtures.ts';

const bodyOf = (bytes: Uint8Array): Uint8Array => ok<{ body: Uint8Array }>(decodeEnvelope(bytes)).body;
const file = encodeBundle(provider, bundle(), seedOf('admin'));
const openOf = (given: Partial<Bundle>, trust = {}) =>
  openBundle(provider, encodeBundle(provider, bundle(given), seedOf('admin')), NOW, trust);

describe('a bundle', () => {
  it('gives back what the authority wrote, with certificate and rosters verified', () => {
    const opened = ok<VerifiedBundle>(openBundle(provider, file, NOW));
    expect(opened.bundle).toEqual(bundle());
    expect(opened.caPart.nodeId).toBe(nodeIdOf(provider, edKey('node').publicKey));
    expect(opened.groups.map((each) => [each.roster.name, each.roster.head])).toEqual([['office two', roster.head]]);
  });

  it('keeps what is stated of versions that were retired before', () => {
    const versions = [{ ...version(1, 2), retired: 'schedule' } as const, version(2, 3)];
    const opened = ok<VerifiedBundle>(openOf({ groups: [group({ versions })] }));
    expect(opened.groups[0]?.versions[0]?.retired).toBe('schedule');
  });

  it('of an offline authority keeps its bytes: fields that it does not use leave no trace', () => {
    const digest = toHex(provider.sha256(file));
    expect(digest).toBe('d28a11f1aae844b4fe3d4ad9dc8f55aab5a7f487c5170a4ad6845b213110fd4a');
    expect(decodeBundle(bodyOf(file))).toEqual(bundle());
  });

  it('is the same with peers that were encoded before', () => {
    const peers = bundle().peers.map(encodePeer);
    expect(peers.length).toBeGreaterThan(0);
    expect(encodeBundle(provider, { ...bundle(), peers }, seedOf('admin'))).toEqual(file);
  });

  it('of a server gives back what it builds on, which groups were left, where a chain begins, and the time', () => {
    const news = {
      ...{ base: 6, left: [groupId('ab'.repeat(16))], serverTime: unixSeconds(NOW + 5), domain: [], peers: [] },
      ...{ node: { ...bundle().node, edSeed: new Uint8Array(0) } },
      groups: [group({ from: 3, chain: roster.entries.slice(3), versions: [] })],
    };
    const written = encodeBundle(provider, bundle(news), seedOf('admin'));
    expect(decodeBundle(bodyOf(written))).toEqual(bundle(news));
  });

  it('is taken again with the same number, and refused with a lower one or another authority', () => {
    const rows = [
      [{ number: 7 }, 'ok'],
      [{ number: 8 }, 'bundle-rolled-back'],
      [{ pin: edKey('admin').publicKey }, 'ok'],
      [{ pin: edKey('other').publicKey }, 'bundle-other-authority'],
    ] as const;
    for (const [trust, expected] of rows) {
      const opened = openBundle(provider, file, NOW, trust);
      expect(typeof opened === 'string' ? opened : 'ok').toBe(expected);
    }
  });

  it('gives a ring the keys of each version, under the name that the group had then', () => {
    const opened = ok<VerifiedBundle>(openBundle(provider, file, NOW));
    const ring = new KeyRing({ retain: 'migrate', longGrace: true });
    const now = { monotonic: millis(0), unix: NOW, corrected: NOW };
    const [verified] = opened.groups;
    expect(fillRing(provider, ring, verified, now).map(({ type }) => type)).toEqual(['current', 'current']);
    const names = ['office', 'office two'];
    for (const [i, { v, rn1, rn2 }] of verified.versions.entries()) {
      const keys = deriveGroupKeys(provider, { groupId: roster.groupId, name: names[i], r: 0, v, rn1, rn2 });
      expect(ring.find(v)?.kPsk).toEqual(keys.kPsk);
    }
    expect(ring.versions().map(({ v, state }) => [v, state])).toEqual([
      [2, 'current'],
      [1, 'retired'],
    ]);
  });

  it('gives the domain ring the keys of D', () => {
    const ring = new DomainRing();
    fillDomainRing(provider, ring, bundle());
    const groupId = domainGroupId(provider, edKey('ca').publicKey);
    const keys = deriveDomainKeys(provider, { groupId, v: 3, rn2: seedOf('domain rn2') });
    expect(ring.versions(NOW)).toEqual([{ ...keys, v: 3, r: 0, activateAt: never }]);
  });

  it('has its secrets overwritten after use, not the rest', () => {
    const opened = ok<VerifiedBundle>(openBundle(provider, file, NOW)).bundle;
    wipeBundle(opened);
    const secrets = [opened.node.edSeed, ...opened.domain.map(({ rn2 }) => rn2)];
    for (const { versions } of opened.groups) for (const { rn1, rn2 } of versions) secrets.push(rn1, rn2);
    expect(secrets).toEqual(secrets.map(() => new Uint8Array(32)));
    expect(opened.node.caPart).toEqual(bundle().node.caPart);
  });
});

describe('a bundle that does not hold together is refused', () => {
  const without = chainOf([[genesis(['admin']), ['admin']]]);
  const foreign = chainOf([
    [genesis(['someone']), ['someone']],
    [add('node', 1), ['someone']],
  ]);
  const moved = chainOf([
    [genesis(['admin']), ['admin']],
    [add('node', 9), ['admin']],
  ]);
  const of = (other: Roster) => ({
    groupId: other.groupId,
    chain: other.entries,
    versions: [version(1, other.seq, other)],
  });
  const truncated = (length: number) => openBundle(provider, file.slice(0, length), NOW);
  const flipped = (at: number) => {
    const bytes = file.slice();
    bytes[at] ^= 1;
    return openBundle(provider, bytes, NOW);
  };

  it.each([
    ['bundle-truncated', truncated(0)],
    ['bundle-truncated', truncated(10)],
    ['bundle-truncated', truncated(file.length - 1)],
    ['bundle-trailing-bytes', openBundle(provider, concat(file, Uint8Array.of(0)), NOW)],
    ['bundle-not-ours', openBundle(provider, utf8('[Interface]'), NOW)],
    ['bundle-not-ours', openBundle(provider, encodeCbor(cborMap({ bundle: new Uint8Array(3) })), NOW)],
    ['bundle-signature', flipped(file.length - 1)],
    ['bundle-signature', openBundle(provider, encodeBundle(provider, bundle(), seedOf('ca')), NOW)],
    ['bundle-node-key', openOf({ node: { ...bundle().node, edSeed: seedOf('peer') } })],
    ['bundle-ca-part-unknown-issuer', openOf({ ca: edKey('other').publicKey })],
    ['bundle-ca-part-expired', openBundle(provider, file, unixSeconds(NOW + 1000))],
    ['bundle-ca-part-not-yet-valid', openBundle(provider, file, unixSeconds(NOW - 1))],
    ['bundle-no-domain', openOf({ domain: [] })],
    ['bundle-domain-order', openOf({ domain: [...bundle().domain, ...bundle().domain] })],
    ['bundle-group-twice', openOf({ groups: [group(), group()] })],
    ['bundle-not-a-member', openOf({ groups: [group(of(without))] })],
    ['bundle-roster-not-by-authority', openOf({ groups: [group(of(foreign))] })],
    ['bundle-addresses-differ', openOf({ groups: [group(of(moved))] })],
    ['bundle-roster-other-group', openOf({ groups: [group({ groupId: foreign.groupId })] })],
    ['bundle-roster-sequence', openOf({ groups: [group({ chain: roster.entries.slice(1) })] })],
    ['bundle-roster-empty-chain', openOf({ groups: [group({ chain: [] })] })],
    ['bundle-no-version', openOf({ groups: [group({ versions: [] })] })],
    ['bundle-version-order', openOf({ groups: [group({ versions: [version(2, 3), version(1, 3)] })] })],
    ['bundle-version-roster', openOf({ groups: [group({ versions: [version(1, 3), version(2, 2)] })] })],
    ['bundle-version-roster', openOf({ groups: [group({ versions: [{ ...version(1, 2), rosterSeq: 9 }] })] })],
    ['bundle-version-roster', openOf({ groups: [group({ versions: [{ ...version(1, 2), rosterSeq: 3 }] })] })],
    ['bundle-version-epoch', openOf({ groups: [group({ versions: [{ ...version(1, 2), r: 1 }] })] })],
    [
      'bundle-domain-key-as-group-key',
      openOf({ groups: [group({ versions: [{ ...version(1, 2), rn1: new Uint8Array(32) }] })] }),
    ],
  ])('with %s, row %#', (fault, result) => {
    expect(result).toBe(fault);
  });

  const fields = {
    ...{ format: 1, number: 1, issuedAt: 1, network: 'lab', admin: seedOf('a'), ca: seedOf('b') },
    ...{ node: ['alice', seedOf('c'), new Uint8Array(200)], pool: [], domain: [], groups: [], peers: [] },
  };
  it.each([
    ['format', 2],
    ['number', -1],
    ['issuedAt', 'now'],
    ['network', ''],
    ['admin', new Uint8Array(31)],
    ['ca', null],
    ['node', ['alice', seedOf('c'), new Uint8Array(199)]],
    ['pool', [new Uint8Array(16)]],
    ['domain', [[1, seedOf('d')]]],
    ['groups', [new Map()]],
    ['peers', [[new Uint8Array(16), 'bob', 'router', 'op']]],
  ])('that names the field %s', (field, value) => {
    expect(typeof decodeBundle(encodeCbor(cborMap(fields)))).toBe('object');
    expect(decodeBundle(encodeCbor(cborMap({ ...fields, [field]: value })))).toBe(`bundle-field-${field}`);
    expect(decodeBundle(encodeCbor(cborMap({ ...fields, [field]: undefined })))).toBe(`bundle-field-${field}`);
  });

  it.each([
    ['base', -1],
    ['left', [seedOf('no id')]],
    ['serverTime', 'noon'],
  ])('that gives the field %s, which may be left out, another form', (field, value) => {
    expect(decodeBundle(encodeCbor(cborMap({ ...fields, [field]: value })))).toBe(`bundle-field-${field}`);
  });

  it('with a seed that is neither empty nor whole', () => {
    for (const [length, fault] of [
      [31, 'bundle-field-node'],
      [0, undefined],
    ] as const) {
      const node = ['alice', new Uint8Array(length), new Uint8Array(200)];
      const decoded = decodeBundle(encodeCbor(cborMap({ ...fields, node })));
      expect(typeof decoded === 'string' ? decoded : undefined).toBe(fault);
    }
  });

  it('W2: whatever was changed in it, without a throw', () => {
    const changes = array(tuple(integer({ min: 0, max: file.length - 1 }), integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 4,
    });
    assert(
      property(changes, (rows) => {
        const bytes = file.slice();
        for (const [at, by] of rows) bytes[at] ^= by;
        const same = bytes.every((byte, i) => byte === file[i]);
        expect(typeof openBundle(provider, bytes, NOW) === 'string').toBe(!same);
      }),
    );
    assert(property(uint8Array({ maxLength: 300 }), (bytes) => void expect(typeof decodeBundle(bytes)).toBe('string')));
  });
});

describe('the secrets of a refused bundle', () => {
  it('are overwritten', () => {
    const seeds: Uint8Array[] = [];
    const watching: CryptoProvider = {
      ...provider,
      ed25519KeyPair(seed) {
        seeds.push(seed);
        return provider.ed25519KeyPair(seed);
      },
    };
    const mixed = bundle({ node: { ...bundle().node, edSeed: seedOf('peer') } });
    expect(openBundle(watching, encodeBundle(provider, mixed, seedOf('admin')), NOW)).toBe('bundle-node-key');
    expect(seeds).toEqual([new Uint8Array(32)]);
  });
});
