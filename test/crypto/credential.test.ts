import { assert, property, uint8Array } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type UnixSeconds, unixSeconds } from '../../src/base/brands.ts';
import { compareBytes, concat, fromHex } from '../../src/base/bytes.ts';
import { decodePrefix, encodePrefix, prefixCovers } from '../../src/crypto/address-prefix.ts';
import {
  type CaPart,
  CREDENTIAL_SIZE,
  caPartCovers,
  decodeCaPart,
  decodeCredential,
  encodeCaPart,
  encodeKeyPart,
  KEY_PART_MAX_LIFE,
  nodeIdOf,
  verifyCaPart,
  verifyCredential,
} from '../../src/crypto/credential.ts';
import { createIdentity, type Identity, renewalDue, renewIdentity, wipeIdentity } from '../../src/crypto/identity.ts';
import { nodeProvider as provider } from '../../src/crypto/node-provider.ts';
import { edKey, NOW, ok, seedOf, vip4 } from './fixtures.ts';

const caPk = edKey('ca').publicKey;
const later = (seconds: number): UnixSeconds => unixSeconds(NOW + seconds);
const DAY = 86_400;
const route = { family: 4, address: fromHex('0000000000000000000000000a010000'), length: 16 } as const;

const fields: Omit<CaPart, 'nodeId' | 'issuer'> = {
  type: 2,
  mode: 1,
  edPk: edKey('node').publicKey,
  vip6: fromHex('fd00000000000000000000000000000a'),
  vip4: Uint8Array.of(100, 64, 0, 10),
  notBefore: NOW,
  notAfter: later(90 * DAY),
  serial: fromHex('0000000000000007'),
  routes: [route],
  moreRoutes: false,
};
const caPart = encodeCaPart(provider, fields, seedOf('ca'));
const identity = ok<Identity>(createIdentity(provider, seedOf('node'), caPart, seedOf('x'), NOW));

describe('a CA part', () => {
  it('has 200 bytes and gives its fields back', () => {
    expect(caPart.length).toBe(CREDENTIAL_SIZE.caPart);
    const { nodeId, issuer, ...rest } = ok<CaPart>(
      verifyCaPart(provider, caPart, [edKey('other').publicKey, caPk], NOW),
    );
    expect(rest).toEqual(fields);
    expect(nodeId).toBe(nodeIdOf(provider, fields.edPk));
    expect(issuer.length).toBe(8);
  });

  it('without vips and routes leaves them out', () => {
    const bare = { ...fields, vip6: undefined, vip4: undefined, routes: [], moreRoutes: true };
    const part = ok<CaPart>(decodeCaPart(encodeCaPart(provider, bare, seedOf('ca'))));
    expect([part.vip6, part.vip4, part.routes, part.moreRoutes]).toEqual([undefined, undefined, [], true]);
  });

  const at = (offset: number, ...values: number[]) => {
    const bytes = caPart.slice();
    bytes.set(values, offset);
    return bytes;
  };
  it.each([
    ['length', caPart.slice(1)],
    ['length', concat(caPart, Uint8Array.of(0))],
    ['version', at(0, 2)],
    ['node-type', at(1, 0)],
    ['node-type', at(1, 6)],
    ['mode', at(2, 2)],
    ['flags', at(3, 0x02)],
    ['validity', at(76, 0, 0, 0, 0)],
    ['route', at(96, 3)],
    ['route', at(97, 129)],
    ['route', at(96, 0)],
    ['pad', at(135, 1)],
    ['ca-signature', at(136, caPart[136] ^ 1)],
    ['ca-signature', at(80, 9)],
    ['unknown-issuer', at(88, caPart[88] ^ 1)],
  ])('W1, A5: is refused by its %s', (fault, bytes) => {
    expect(verifyCaPart(provider, bytes, [caPk], NOW)).toBe(fault);
  });

  it('is refused when another key’s id stands in it, though the CA signed', () => {
    const stolen = at(4, ...fromHex(nodeIdOf(provider, edKey('victim').publicKey)));
    const head = concat(new TextEncoder().encode('gscip1 ca'), stolen.subarray(0, 136));
    stolen.set(provider.ed25519Sign(seedOf('ca'), head), 136);
    expect(verifyCaPart(provider, stolen, [caPk], NOW)).toBe('node-id');
  });

  it.each([
    [-1, 'not-yet-valid'],
    [90 * DAY, 'expired'],
  ])('at %d seconds is %s', (seconds, fault) => {
    expect(verifyCaPart(provider, caPart, [caPk], later(seconds))).toBe(fault);
  });

  it.each([
    ['its IPv4 vip', vip4(10), true],
    ['its IPv6 vip', fields.vip6 ?? vip4(0), true],
    ['an address in its route', fromHex('0000000000000000000000000a01ff01'), true],
    ['a neighbour', vip4(11), false],
    ['an address outside its route', fromHex('0000000000000000000000000a020001'), false],
  ])('covers %s: %#', (_, address, expected) => {
    expect(caPartCovers(ok<CaPart>(decodeCaPart(caPart)), address)).toBe(expected);
  });
});

describe('a credential', () => {
  const { credential, xPublic } = identity;
  const changed = (offset: number) => {
    const bytes = credential.slice();
    bytes[offset] ^= 1;
    return bytes;
  };
  const keyPart = (seconds: number, seed = seedOf('node')) =>
    concat(caPart, encodeKeyPart(provider, seed, identity.caPart.nodeId, xPublic, later(seconds)));

  it('has 268 bytes and is accepted with the X25519 key that it names', () => {
    expect(credential.length).toBe(CREDENTIAL_SIZE.credential);
    expect(typeof verifyCredential(provider, credential, xPublic, [caPk], NOW)).toBe('object');
    expect(typeof decodeCredential(credential)).toBe('object');
  });

  it.each([
    ['key-signature', credential, edKey('another').publicKey, 0],
    ['key-signature', changed(210), xPublic, 0],
    ['key-signature', keyPart(60, seedOf('ca')), xPublic, 0],
    ['key-expired', credential, xPublic, 6 * DAY],
    ['key-life', keyPart(KEY_PART_MAX_LIFE + 1), xPublic, 0],
    ['ca-signature', changed(60), xPublic, 0],
    ['length', credential.slice(0, 200), xPublic, 0],
  ])('A5: is refused with %s', (fault, bytes, xPk, seconds) => {
    expect(verifyCredential(provider, bytes, xPk, [caPk], later(seconds))).toBe(fault);
  });

  it('W2: of any bytes never throws', () => {
    assert(property(uint8Array({ minLength: 260, maxLength: 272 }), (bytes) => void decodeCredential(bytes)));
    assert(
      property(uint8Array({ minLength: 1, maxLength: 12 }), (noise) => {
        const bytes = credential.slice();
        for (const value of noise) bytes[(value * 31) % bytes.length] ^= value;
        const result = verifyCredential(provider, bytes, xPublic, [caPk], NOW);
        expect(typeof result === 'string' || compareBytes(bytes, credential) === 0).toBe(true);
      }),
    );
  });
});

describe('an identity', () => {
  it('renews its X25519 key alone before the key part ends', () => {
    expect([0, 3, 5].map((days) => renewalDue(identity, later(days * DAY)))).toEqual([false, false, true]);
    const renewed = ok<Identity>(renewIdentity(provider, identity, seedOf('x2'), later(5 * DAY)));
    expect(renewed.xPublic).not.toEqual(identity.xPublic);
    expect(typeof verifyCredential(provider, renewed.credential, renewed.xPublic, [caPk], later(10 * DAY))).toBe(
      'object',
    );
    expect(renewalDue(renewed, later(6 * DAY))).toBe(false);
  });

  it('never outlives the CA part, and does not renew in vain', () => {
    const last = ok<Identity>(renewIdentity(provider, identity, seedOf('x3'), later(89 * DAY)));
    expect(last.keyNotAfter).toBe(fields.notAfter);
    expect(renewalDue(last, later(89 * DAY + 1))).toBe(false);
    expect(renewIdentity(provider, identity, seedOf('x3'), later(90 * DAY))).toBe('expired');
  });

  it('is refused for the seed of another node', () => {
    expect(createIdentity(provider, seedOf('other'), caPart, seedOf('x'), NOW)).toBe('other-key');
  });

  it('keeps its own copy of the seeds, which wiping overwrites', () => {
    const seed = seedOf('node');
    const own = ok<Identity>(createIdentity(provider, seed, caPart, seedOf('x'), NOW));
    const renewed = ok<Identity>(renewIdentity(provider, own, seedOf('x2'), NOW));
    wipeIdentity(own);
    expect([own.edSecret, own.xSecret]).toEqual([new Uint8Array(32), new Uint8Array(32)]);
    expect([seed, renewed.edSecret]).toEqual([seedOf('node'), seedOf('node')]);
  });
});

describe('a prefix', () => {
  const parse = (text: string) => fromHex(text.replaceAll(' ', ''));
  it.each([
    ['78 0000000000000000000000000a010200', { family: 4, length: 24 }],
    ['60 00000000000000000000000000000000', { family: 4, length: 0 }],
    ['00 00000000000000000000000000000000', { family: 6, length: 0 }],
    ['30 fd0012345678000000000000000000 00', { family: 6, length: 48 }],
    ['80 fd001234567800000000000000000001', { family: 6, length: 128 }],
  ])('%s is read and written the same', (text, expected) => {
    const prefix = decodePrefix(parse(text));
    expect(prefix).toMatchObject(expected);
    expect(prefix && encodePrefix(prefix)).toEqual(parse(text));
  });

  it.each([
    ['a length above 128', '81 fd001234567800000000000000000001'],
    ['a bit behind the prefix', '30 fd001234567800000000000000000001'],
    ['a bit behind a prefix that ends inside a byte', '77 0000000000000000000000000a010100'],
    ['a missing byte', '78 0000000000000000000000000a0102'],
  ])('with %s is refused', (_, text) => {
    expect(decodePrefix(parse(text))).toBeNull();
  });

  it('of everything covers its own family only', () => {
    const [v4, v6] = [vip4(1), fromHex('fd00000000000000000000000000000a')];
    const all = (family: 4 | 6) => ({ family, length: 0, address: new Uint8Array(16) });
    const covered = [v4, v6].map((address) => [prefixCovers(all(4), address), prefixCovers(all(6), address)]);
    expect(covered).toEqual([
      [true, false],
      [false, true],
    ]);
  });
});
