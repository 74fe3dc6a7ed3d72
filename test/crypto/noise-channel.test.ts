import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, toHex, utf8 } from '../../src/base/bytes.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import { HandshakeState } from '../../src/crypto/noise.ts';
import { answerHandshake, ChannelHandshake } from '../../src/crypto/noise-channel.ts';
import { noisePattern } from '../../src/crypto/noise-pattern.ts';
import { ok, seedOf } from './fixtures.ts';
import { GREETING, HEADER, joined, nodeSide, openingOf, serverSide } from './noise-channel-kit.ts';
import { PATTERNS } from './noise-patterns.ts';
import { PROVIDERS } from './providers.ts';

const NODE_KEY = nodeProvider.x25519KeyPair(seedOf('node')).publicKey;

describe.each(PROVIDERS)('the handshake of a channel (%s)', (_, provider) => {
  it.each(['enrol', 'session'] as const)('gives both ends of a channel to %s the same hash and keys', (purpose) => {
    const { node, server } = joined(provider, purpose);
    expect(node.hash).toEqual(server.hash);
    const [record] = ok<readonly Uint8Array[]>(node.seal(utf8('up')));
    expect(server.open(record)).toEqual({ message: utf8('up') });
  });

  it.each([
    ['enrol', 'Noise_NK_25519_ChaChaPoly_SHA256', 48],
    ['session', 'Noise_IK_25519_ChaChaPoly_SHA256', 96],
  ] as const)('to %s is %s as the specification has it', (purpose, name, length) => {
    const message = ok<Uint8Array>(nodeSide(provider, openingOf(purpose)).message);
    expect(message).toHaveLength(length);
    const plain = new HandshakeState(provider, noisePattern(name, PATTERNS[name.slice(6, 8)]), 'responder', {
      prologue: concat(utf8('gscip1 channel'), GREETING, HEADER),
      static: provider.x25519KeyPair(seedOf('server')),
    });
    expect(plain.readMessage(message)).toEqual(new Uint8Array(0));
  });

  it('tells the server the key of the node in a session, and of none in an enrolment', () => {
    const keyOf = (purpose: 'enrol' | 'session') => {
      const message = ok<Uint8Array>(nodeSide(provider, openingOf(purpose)).message);
      return ok(serverSide(provider, openingOf(purpose), message)).remoteStatic;
    };
    expect(keyOf('session')).toEqual(NODE_KEY);
    expect(keyOf('enrol')).toBeUndefined();
  });

  it.each([
    ['another greeting', { greeting: new Uint8Array(68).fill(8) }],
    ['a greeting one byte longer', { greeting: new Uint8Array(69).fill(7) }],
    ['another header', { header: Uint8Array.of(1, 3, 0, 0) }],
  ])('fails when the sides saw %s', (_what, change) => {
    const message = ok<Uint8Array>(nodeSide(provider, openingOf('session')).message);
    expect(serverSide(provider, openingOf('session', change), message)).toBe('auth');
  });

  it('fails at a server that has another key', () => {
    const message = ok<Uint8Array>(nodeSide(provider, openingOf('enrol'), 'another server').message);
    expect(serverSide(provider, openingOf('enrol'), message)).toBe('auth');
  });

  it('fails without a throw on any changed bit of either message, and on any length', () => {
    const opening = openingOf('session');
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 255 }), fc.nat(200), (at, flip, length) => {
        const handshake = nodeSide(provider, opening);
        const message = ok<Uint8Array>(handshake.message);
        const { reply } = ok(serverSide(provider, opening, message));
        for (const bad of [flipped(message, at, flip), resized(message, length)])
          expect(['auth', 'short', 'weak-key']).toContain(serverSide(provider, opening, bad));
        const badReply = at % 2 === 0 ? flipped(reply, at >> 1, flip) : resized(reply, length);
        expect(['auth', 'short', 'weak-key']).toContain(handshake.finish(badReply, 100));
      }),
      { numRuns: 30 },
    );
  });

  it('A5: refuses an ephemeral key of small order from either side', () => {
    const opening = openingOf('enrol');
    const handshake = nodeSide(provider, opening);
    expect(serverSide(provider, opening, new Uint8Array(48))).toBe('weak-key');
    expect(handshake.finish(new Uint8Array(48), 100)).toBe('weak-key');
  });

  it('is over for the node after one reply, good or bad', () => {
    const opening = openingOf('session');
    const handshake = nodeSide(provider, opening);
    const { reply } = ok(serverSide(provider, opening, ok<Uint8Array>(handshake.message)));
    expect(handshake.finish(flipped(reply, 50, 1), 100)).toBe('auth');
    expect(handshake.finish(reply, 100)).toBe('closed');
  });
});

describe('the ephemeral keys', () => {
  const opening = openingOf('enrol');
  const start = (ephemeral = keyPair('a')) =>
    new ChannelHandshake(nodeProvider, opening, { remoteStatic: keyPair('server').publicKey, ephemeral });

  it.each([
    ['of a node that gives up', 'abandon'],
    ['of a node that got its reply', 'finish'],
  ] as const)('%s are overwritten', (_what, how) => {
    const ephemeral = keyPair('a');
    const handshake = start(ephemeral);
    if (how === 'finish') handshake.finish(new Uint8Array(48), 100);
    else handshake.abandon();
    expect(toHex(ephemeral.secretKey)).toBe('00'.repeat(32));
  });

  it.each([
    ['answered', 0],
    ['refused', 1],
  ])('of a server that %s are overwritten, and its static key is not', (_what, flip) => {
    const keys = { static: keyPair('server'), ephemeral: keyPair('b') };
    const message = flipped(ok<Uint8Array>(start().message), 40, flip);
    const answered = answerHandshake(nodeProvider, opening, keys, message, 100);
    expect(typeof answered).toBe(flip === 0 ? 'object' : 'string');
    expect(toHex(keys.ephemeral.secretKey)).toBe('00'.repeat(32));
    expect(keys.static).toEqual(keyPair('server'));
  });
});

function keyPair(name: string) {
  return nodeProvider.x25519KeyPair(seedOf(name));
}

function flipped(bytes: Uint8Array, at: number, flip: number): Uint8Array {
  const out = bytes.slice();
  out[at % out.length] ^= flip;
  return out;
}

/** Another length: never the same. */
function resized(bytes: Uint8Array, length: number): Uint8Array {
  const out = new Uint8Array(length === bytes.length ? length + 1 : length);
  out.set(bytes.subarray(0, out.length));
  return out;
}
