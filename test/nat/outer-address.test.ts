import { describe, expect, it } from 'vitest';
import { parseAddress } from '../../src/base/ip-address.ts';
import { pathAddress } from '../../src/base/path-address.ts';
import type { Candidate } from '../../src/nat/candidate.ts';
import { learntPair, pairCandidates } from '../../src/nat/candidate-order.ts';
import { type OwnPlace, outerFault } from '../../src/nat/outer-address.ts';

const address = (text: string) => parseAddress(text) ?? new Uint8Array(0);

const PLACE: OwnPlace = {
  interfaces: [
    { address: address('192.168.1.10'), length: 24 },
    { address: address('2001:db8:5::10'), length: 64 },
  ],
  overlay: [
    { address: address('100.64.0.0'), length: 10 },
    { address: address('fd00:6753::'), length: 48 },
    { address: address('10.77.0.0'), length: 16 },
  ],
  outer: [pathAddress('203.0.113.5:47247')],
};

const ROWS: readonly (readonly [path: string, fault: string | undefined])[] = [
  ['192.0.2.1:0', 'port'],
  ['0.0.0.0:5', 'unspecified'],
  ['0.1.2.3:5', 'unspecified'],
  ['[::]:5', 'unspecified'],
  ['127.0.0.1:5', 'loopback'],
  ['127.255.0.1:5', 'loopback'],
  ['[::1]:5', 'loopback'],
  ['169.254.3.4:5', 'link-local'],
  ['[fe80::1]:5', 'link-local'],
  ['[febf::1]:5', 'link-local'],
  ['224.0.0.1:5', 'multicast'],
  ['239.255.255.250:1900', 'multicast'],
  ['[ff02::1]:5', 'multicast'],
  ['255.255.255.255:5', 'broadcast'],
  ['192.168.1.255:5', 'broadcast'],
  ['240.0.0.1:5', 'reserved'],
  ['[::7]:5', 'reserved'],
  ['[::ffff:127.0.0.1]:5', 'mapped-address'],
  ['[::ffff:192.0.2.1]:5', 'mapped-address'],
  ['100.64.0.9:5', 'overlay'],
  ['100.127.255.255:5', 'overlay'],
  ['[fd00:6753::1]:5', 'overlay'],
  ['10.77.3.4:5', 'overlay'],
  ['192.168.1.10:5', 'own-address'],
  ['[2001:db8:5::10]:5', 'own-address'],
  ['203.0.113.5:47247', 'own-address'],
  // another node behind the same router
  ['203.0.113.5:47248', undefined],
  ['192.168.1.11:5', undefined],
  ['192.168.2.255:5', undefined],
  ['100.128.0.1:5', undefined],
  ['10.78.3.4:5', undefined],
  ['192.0.2.1:1', undefined],
  ['223.255.255.255:1', undefined],
  ['[2001:db8::1]:5', undefined],
  ['[fd00:6754::1]:5', undefined],
];

describe('an outer address', () => {
  it.each(ROWS)('N2: %s: %s', (path, fault) => {
    expect(outerFault(pathAddress(path), PLACE)).toBe(fault);
  });

  it('N4: a relay refuses the same, as its targets', () => {
    const relay: OwnPlace = { interfaces: [{ address: address('198.51.100.3'), length: 24 }], overlay: [], outer: [] };
    for (const path of ['198.51.100.3:9', '127.0.0.1:9', '224.0.0.1:9', '198.51.100.255:9', '0.0.0.0:9'])
      expect(outerFault(pathAddress(path), relay)).toBeDefined();
  });
});

const candidate = (kind: Candidate['kind'], path: string, seen = false): Candidate => ({
  kind,
  address: pathAddress(path),
  seen,
});

describe('the candidates of a peer', () => {
  it('are probed in this order: same network, IPv6, public host, mapping, as seen, private elsewhere', () => {
    const { pairs, refused } = pairCandidates(
      [
        candidate('reflexive', '198.51.100.1:3', true),
        candidate('host', '10.1.1.1:6'),
        candidate('mapped', '198.51.100.1:4', true),
        candidate('host', '[2001:db8:9::1]:1'),
        candidate('host', '192.168.1.77:2'),
        candidate('host', '198.51.100.9:5'),
      ],
      PLACE,
    );
    expect(refused).toEqual([]);
    expect(pairs.map(({ address: path, class: pathClass }) => [path, pathClass])).toEqual([
      ['192.168.1.77:2', 'lan'],
      ['[2001:db8:9::1]:1', 'direct'],
      ['198.51.100.9:5', 'direct'],
      ['198.51.100.1:4', 'direct'],
      ['198.51.100.1:3', 'direct'],
      ['10.1.1.1:6', 'lan'],
    ]);
  });

  it('N2: are eight at most', () => {
    const many = Array.from({ length: 12 }, (_, at) => candidate('reflexive', `198.51.100.1:${at + 1}`, true));
    const { pairs, refused } = pairCandidates(many, PLACE);
    expect(pairs).toHaveLength(8);
    expect(refused.map(({ reason }) => reason)).toEqual(Array(4).fill('too-many'));
  });

  it('N2: hold two distinct public addresses at most that the coordinator has not seen', () => {
    const { pairs, refused } = pairCandidates(
      [
        candidate('reflexive', '198.51.100.1:1', true),
        candidate('mapped', '198.51.100.1:2'),
        candidate('host', '198.51.100.2:1'),
        candidate('host', '198.51.100.3:1'),
        candidate('host', '198.51.100.2:9'),
        candidate('host', '198.51.100.4:1'),
        candidate('host', '10.0.0.1:1'),
      ],
      PLACE,
    );
    expect(refused).toEqual([{ address: '198.51.100.4:1', reason: 'unseen-public' }]);
    expect(pairs).toHaveLength(6);
  });

  it('N2: are refused with a reason where datagrams must not go', () => {
    const { pairs, refused } = pairCandidates(
      [candidate('host', '127.0.0.1:9'), candidate('reflexive', '100.64.0.1:9', true), candidate('host', '10.1.1.1:6')],
      { ...PLACE, interfaces: [PLACE.interfaces[1]] },
    );
    expect(pairs).toEqual([]);
    expect(refused.map(({ reason }) => reason)).toEqual(['loopback', 'overlay', 'no-such-family']);
  });

  it('N2: are not learnt from a source that is forbidden', () => {
    expect(learntPair(pathAddress('127.0.0.1:9'), PLACE)).toBeUndefined();
    expect(learntPair(pathAddress('198.51.100.1:9'), PLACE)).toMatchObject({ kind: 'learnt', class: 'direct' });
  });
});
