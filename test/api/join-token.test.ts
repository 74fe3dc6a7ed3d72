import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeJoinToken, encodeJoinToken, isServerAddress, type JoinToken } from '../../src/api/join-token.ts';
import { toHex } from '../../src/base/bytes.ts';
import { nobleProvider } from '../../src/crypto/noble-provider.ts';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const server = fc.constantFrom('10.0.0.1:47247', '[2001:db8::1]:443', 'gms.example:47247', 'a-b.c1.example:1');
const tokens: fc.Arbitrary<JoinToken> = fc.record({
  fingerprint: bytes(16),
  id: bytes(8).map(toHex),
  secret: bytes(32),
  servers: fc.array(server, { minLength: 1, maxLength: 8 }),
});
const ZERO: JoinToken = {
  fingerprint: new Uint8Array(16),
  id: '00'.repeat(8),
  secret: new Uint8Array(32),
  servers: ['server.example:47247'],
};

describe('a join token', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(tokens, (token) => {
        expect(decodeJoinToken(nobleProvider, encodeJoinToken(nobleProvider, token))).toEqual(token);
      }),
    );
  });

  it('is read with spaces around it and a broken line inside', () => {
    const text = encodeJoinToken(nobleProvider, ZERO);
    expect(decodeJoinToken(nobleProvider, `  ${text.slice(0, 40)}\n  ${text.slice(40)}\n`)).toEqual(ZERO);
  });

  it('has this text, which tokens printed by earlier servers rely on', () => {
    expect(encodeJoinToken(nobleProvider, ZERO)).toBe(`gsj1.${'A'.repeat(74)}DebqbV@server.example:47247`);
  });

  it('with any one letter changed is refused', () => {
    const letter = fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_');
    fc.assert(
      fc.property(tokens, fc.integer({ min: 5, max: 84 }), letter, (token, at, other) => {
        const text = encodeJoinToken(nobleProvider, token);
        fc.pre(text[at] !== other);
        expect(decodeJoinToken(nobleProvider, text.slice(0, at) + other + text.slice(at + 1))).toBe('checksum');
      }),
    );
  });

  it('is never a throw, whatever was pasted', () => {
    const near = fc.tuple(fc.constantFrom('gsj1.', '', 'gsj2.'), fc.string(), fc.string());
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          near.map(([a, b, c]) => `${a}${b}@${c}`),
        ),
        (text) => {
          expect(typeof decodeJoinToken(nobleProvider, text)).toBe('string');
        },
      ),
    );
  });

  const good = encodeJoinToken(nobleProvider, ZERO);
  const [letters = ''] = good.split('@');
  it.each([
    ['', 'prefix'],
    ['gsk1-7K3QD', 'prefix'],
    [good.replace('gsj1.', 'gsj2.'), 'newer'],
    [good.replace('gsj1.', 'gsj0.'), 'prefix'],
    ['gsj1.', 'too-short'],
    [good.slice(0, 50), 'too-short'],
    [good.replace('@', 'A@'), 'too-long'],
    [good.replace('AA', 'A+'), 'letter'],
    [good.replace('AA', 'AB'), 'checksum'],
    [letters, 'server'],
    [`${letters}@`, 'server'],
    [`${letters}@server.example`, 'server'],
    [`${letters}@a.example:1,`, 'server'],
    [`${letters}@${Array.from({ length: 9 }, () => 'a:1').join(',')}`, 'server'],
  ])('%s is refused: %s', (text, fault) => {
    expect(decodeJoinToken(nobleProvider, text)).toBe(fault);
  });

  it.each([
    [{ ...ZERO, fingerprint: new Uint8Array(15) }],
    [{ ...ZERO, id: 'AB'.repeat(8) }],
    [{ ...ZERO, secret: new Uint8Array(33) }],
    [{ ...ZERO, servers: [] }],
  ])('is not written from fields that nobody could read', (token) => {
    expect(() => encodeJoinToken(nobleProvider, token)).toThrow(RangeError);
  });
});

describe('the address of a server', () => {
  it.each([
    ['10.0.0.1:1', true],
    ['[::1]:65535', true],
    ['Server.Example:443', true],
    ['localhost:47247', true],
    ['10.0.0.256:1', false],
    ['10.0.1:1', false],
    ['::1:443', false],
    ['[10.0.0.1]:443', false],
    ['[fe80::1%eth0]:443', false],
    ['a:0', false],
    ['a:65536', false],
    ['a:01', false],
    ['-a:1', false],
    ['a..b:1', false],
    ['https://a:1', false],
    ['a:1/', false],
    [':1', false],
  ])('%s: %s', (text, expected) => {
    expect(isServerAddress(text)).toBe(expected);
  });
});
