import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groupId, unixSeconds } from '../../../src/base/brands.ts';
import { pathAddress } from '../../../src/base/path-address.ts';
import { type CachedKeys, decodeCachedKeys, encodeCachedKeys } from '../../../src/node/cached-keys.ts';
import { nameFrom } from '../../../src/node/server-link/identity-store.ts';
import {
  decodeLinkCache,
  decodeLinkIdentity,
  encodeLinkCache,
  encodeLinkIdentity,
  type LinkCache,
  type LinkIdentity,
} from '../../../src/node/server-link/link-memory.ts';
import { ownEndpoints } from '../../../src/node/server-link/own-endpoints.ts';
import { parsePrefix } from '../../../src/tun/prefix.ts';
import { bundle, roster } from '../../crypto/bundle-fixtures.ts';
import { NOW, seedOf } from '../../crypto/fixtures.ts';

const { admin, ca, node, pool, peers } = bundle();
const keys = Object.fromEntries(
  ['kTag', 'kPsk', 'kStale', 'kDde', 'kChat', 'kMbox', 'kMc'].map((name) => [name, seedOf(name)]),
);
const { kTag, kPsk, kStale, kDde, kChat, kMbox, kMc } = keys;
const CACHED: CachedKeys = {
  facts: {
    ...{ number: 7, network: 'lab', admin, ca, name: 'alice', caPart: node.caPart, pool },
    peers: new Map(peers.map((peer) => [peer.nodeId, peer])),
  },
  domain: [{ v: 3, activateAt: NOW, kDde, kTag, kStale }],
  groups: [
    {
      ...{ id: groupId('ab'.repeat(16)), retain: 'flow', chain: roster.entries, bundled: 3, stopped: true },
      versions: [
        {
          ...{ v: 4, r: 0, activateAt: NOW, notAfter: unixSeconds(NOW + 9), reason: 'manual', rosterSeq: 2 },
          ...{ rosterHead: roster.heads[2], tagsOnly: false, keys: { kTag, kPsk, kStale, kDde, kChat, kMbox, kMc } },
        },
      ],
    },
  ],
};
const IDENTITY: LinkIdentity = {
  ...{ edSeed: seedOf('node'), servers: ['a.test:1', '[2001:db8::1]:2'], tokenId: '0011223344556677' },
  ...{ token: 'gsj1.x', removed: undefined },
  enrolment: { network: 'lab', name: 'alice', ca, admin, gmsKey: seedOf('gms'), caPart: node.caPart, caPartAt: NOW },
};
const CACHE: LinkCache = {
  ...{ keys: CACHED, keysAt: NOW, endpointsAt: unixSeconds(NOW + 1), lastContact: unixSeconds(NOW + 2) },
  endpoints: { ['cd'.repeat(16)]: [pathAddress('192.0.2.1:47247'), pathAddress('[2001:db8::1]:5')] },
};

describe('what a node keeps of its server', () => {
  it('comes back as it was', () => {
    expect(decodeCachedKeys(encodeCachedKeys(CACHED))).toEqual(CACHED);
    expect(decodeLinkIdentity(encodeLinkIdentity(IDENTITY))).toEqual(IDENTITY);
    expect(decodeLinkCache(encodeLinkCache(CACHE))).toEqual(CACHE);
    const fresh = { ...IDENTITY, enrolment: undefined, removed: 'an administrator said so' };
    expect(decodeLinkIdentity(encodeLinkIdentity(fresh))).toEqual(fresh);
  });

  it('W2: is nothing where it was changed or cut off, without a throw', () => {
    const files = [encodeCachedKeys(CACHED), encodeLinkIdentity(IDENTITY), encodeLinkCache(CACHE)];
    const decoders = [decodeCachedKeys, decodeLinkIdentity, decodeLinkCache];
    for (const [i, file] of files.entries())
      for (let length = 0; length < file.length; length++) expect(decoders[i](file.slice(0, length))).toBeUndefined();
    fc.assert(
      fc.property(fc.nat(2), fc.uint8Array({ maxLength: 200 }), (i, bytes) => {
        expect(decoders[i](bytes)).toBeUndefined();
      }),
    );
    fc.assert(
      fc.property(fc.nat(2), fc.nat(), fc.integer({ min: 1, max: 255 }), (i, where, by) => {
        const bytes = files[i].slice();
        bytes[where % bytes.length] ^= by;
        decoders[i](bytes);
      }),
    );
  });
});

describe('the name of a new node', () => {
  it.each([
    ['laptop', 'laptop'],
    ['Anna-PC.example.org', 'anna-pc'],
    ['web_1', 'web-1'],
    ['-x-', 'x'],
    ['ÄÖ', /^node-[0-9a-f]{8}$/],
  ])('of the machine %s is %s', (host, name) => expect(nameFrom(host)).toMatch(name));
});

describe('the endpoints of a machine', () => {
  it('are its addresses in the underlay, with the port of its socket', () => {
    const info = (address: string, internal = false) => ({
      ...{ address, netmask: '', mac: '', internal, cidr: null },
      ...(address.includes(':') ? { family: 'IPv6' as const, scopeid: 0 } : { family: 'IPv4' as const }),
    });
    const interfaces = {
      lo: [info('127.0.0.1', true)],
      eth0: [info('192.0.2.1'), info('2001:db8::1'), info('fe80::1'), info('169.254.0.9')],
      gscip0: [info('100.64.0.1')],
    };
    const found = ownEndpoints(5, 'gscip0', [], { interfaces, inet6: '' });
    expect(found).toEqual(['192.0.2.1:5', '[2001:db8::1]:5']);
    const behind = [parsePrefix('192.0.2.0/24')];
    expect(ownEndpoints(5, 'gscip0', behind, { interfaces, inet6: '' })).toEqual(['[2001:db8::1]:5']);
  });
});
