import { describe, expect, it } from 'vitest';
import { toHex, utf8 } from '../../src/base/bytes.ts';
import { nodeProvider as provider } from '../../src/crypto/node-provider.ts';
import { HandshakeState } from '../../src/crypto/noise.ts';
import { noisePattern } from '../../src/crypto/noise-pattern.ts';
import { SymmetricState } from '../../src/crypto/noise-symmetric.ts';
import { ok, seedOf } from './fixtures.ts';
import { PATTERNS, withPsks } from './noise-patterns.ts';

const NAME = 'Noise_XXpsk3_25519_ChaChaPoly_SHA256';
const PATTERN = noisePattern(NAME, withPsks(PATTERNS['XX'] ?? '', ['psk3']));

function pair(psks = [seedOf('psk'), seedOf('psk')] as const) {
  const side = (role: 'initiator' | 'responder', psk: Uint8Array) => {
    const [fixed, fresh] = [provider.x25519KeyPair(seedOf(`${role} s`)), provider.x25519KeyPair(seedOf(`${role} e`))];
    return new HandshakeState(provider, PATTERN, role, { static: fixed, ephemeral: fresh, psks: [psk] });
  };
  return { i: side('initiator', psks[0]), r: side('responder', psks[1]) };
}

const nothing = new Uint8Array(0);

describe('a handshake', () => {
  it('goes on with the true message after any number of forged ones', () => {
    const { i, r } = pair();
    const first = ok<Uint8Array>(i.writeMessage(utf8('one')));
    expect(r.readMessage(first)).toEqual(utf8('one'));
    const second = ok<Uint8Array>(r.writeMessage(utf8('two')));
    const before = toHex(i.symmetric.h);
    for (let at = 0; at < second.length; at += 7) {
      const forged = second.slice();
      forged[at] ^= 1;
      expect(i.readMessage(forged)).toBe('auth');
      expect(toHex(i.symmetric.h)).toBe(before);
    }
    for (const length of [0, 31, 32, 79, second.length - 1])
      expect(typeof i.readMessage(second.slice(0, length))).toBe('string');
    expect(i.readMessage(second)).toEqual(utf8('two'));
    expect(r.readMessage(ok<Uint8Array>(i.writeMessage(utf8('three'))))).toEqual(utf8('three'));
    expect([i.finished, r.finished, toHex(r.symmetric.h)]).toEqual([true, true, toHex(i.symmetric.h)]);
  });

  it('A5: refuses an ephemeral key of small order as a weak key', () => {
    const plain = noisePattern('Noise_NN_25519_ChaChaPoly_SHA256', PATTERNS['NN'] ?? '');
    const ephemeral = provider.x25519KeyPair(seedOf('e'));
    const r = new HandshakeState(provider, plain, 'responder', { ephemeral });
    expect(r.readMessage(new Uint8Array(32))).toEqual(nothing);
    expect(r.writeMessage(nothing)).toBe('weak-key');
  });

  it('with different psks fails at the message that mixes them', () => {
    const { i, r } = pair([seedOf('psk'), seedOf('another')]);
    r.readMessage(ok<Uint8Array>(i.writeMessage(nothing)));
    expect(i.readMessage(ok<Uint8Array>(r.writeMessage(nothing)))).toEqual(nothing);
    expect(r.readMessage(ok<Uint8Array>(i.writeMessage(nothing)))).toBe('auth');
  });

  it('token by token is the same as by whole messages', () => {
    const [whole, steps] = [pair().i, pair().i];
    const message = ok<Uint8Array>(whole.writeMessage(utf8('payload')));
    const e = ok<Uint8Array>(steps.writeToken('e'));
    expect([...e, ...steps.symmetric.encryptAndHash(utf8('payload'))]).toEqual([...message]);
    expect(steps.symmetric.h).toEqual(whole.symmetric.h);
    expect(steps.symmetric.ck).toEqual(whole.symmetric.ck);
  });

  it('throws when a side speaks out of turn or lacks a key', () => {
    const { i, r } = pair();
    expect(() => r.writeMessage(nothing)).toThrow("responder's turn");
    expect(() => i.readMessage(nothing)).toThrow("responder's turn");
    const bare = new HandshakeState(provider, PATTERN, 'initiator', {});
    expect(() => bare.writeMessage(nothing)).toThrow('own ephemeral');
    const late = pair().i;
    expect(() => late.writeToken('ee')).toThrow("peer's key for ee");
  });

  it('overwrites its secrets when wiped', () => {
    const ephemeral = provider.x25519KeyPair(seedOf('e'));
    const handshake = new HandshakeState(provider, PATTERN, 'initiator', { ephemeral });
    handshake.writeMessage(nothing);
    const { ck } = handshake.symmetric;
    handshake.wipe();
    expect([toHex(ck), toHex(ephemeral.secretKey)]).toEqual(['00'.repeat(32), '00'.repeat(32)]);
  });
});

describe('a symmetric state', () => {
  it('starts from the name itself up to 32 bytes and from its hash beyond', () => {
    const [short, long] = ['n'.repeat(32), 'n'.repeat(33)];
    expect(new SymmetricState(provider, short).h).toEqual(utf8(short));
    expect(new SymmetricState(provider, long).h).toEqual(provider.sha256(utf8(long)));
  });

  it('leaves everything as it was when a tag is wrong', () => {
    const states = [0, 1].map(() => new SymmetricState(provider, NAME));
    for (const state of states) state.mixKey(seedOf('secret'));
    const [writer, reader] = states;
    const sealed = writer.encryptAndHash(utf8('text'));
    expect(reader.decryptAndHash(new Uint8Array(20))).toBeNull();
    expect(reader.decryptAndHash(sealed)).toEqual(utf8('text'));
  });
});

describe('a pattern', () => {
  it.each([
    ['no arrow', 'e, s'],
    ['an unknown token', '-> e, x'],
    ['an empty message', '->'],
  ])('is refused with %s', (_, text) => {
    expect(() => noisePattern('name', text)).toThrow(RangeError);
  });
});
