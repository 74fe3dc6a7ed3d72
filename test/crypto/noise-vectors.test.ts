import { afterAll, describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../src/base/bytes.ts';
import { nobleProvider } from '../../src/crypto/noble-provider.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import { HandshakeState, type NoiseKeys } from '../../src/crypto/noise.ts';
import { noisePattern } from '../../src/crypto/noise-pattern.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import { PATTERNS, withPsks } from './noise-patterns.ts';
import { publishedVectors } from './vectors.ts';

interface Vector {
  readonly protocol_name: string;
  readonly handshake_hash?: string;
  readonly messages: readonly { readonly payload: string; readonly ciphertext: string }[];
  readonly [key: string]: unknown;
}

const SUITE = '_25519_ChaChaPoly_SHA256';

/** The pattern of a vector's protocol name, or why the engine leaves it out. */
function patternOf(name: string) {
  if (!name.startsWith('Noise_') || !name.endsWith(SUITE)) return 'another suite';
  const [, base = '', psks = ''] = /^([A-Z0-9]+)(.*)$/.exec(name.slice('Noise_'.length, -SUITE.length)) ?? [];
  const text = PATTERNS[base];
  if (text === undefined) return 'no such pattern in the table';
  return noisePattern(name, withPsks(text, psks === '' ? [] : psks.split('+')));
}

function keysOf(provider: CryptoProvider, vector: Vector, side: 'init' | 'resp'): NoiseKeys {
  const hex = (key: string) => (typeof vector[key] === 'string' ? fromHex(vector[key]) : undefined);
  const pair = (key: string) => {
    const seed = hex(key);
    return seed && provider.x25519KeyPair(seed);
  };
  const own = pair(`${side}_static`);
  const ephemeral = pair(`${side}_ephemeral`);
  const remoteStatic = hex(`${side}_remote_static`);
  const psks = vector[`${side}_psks`];
  return {
    prologue: hex(`${side}_prologue`) ?? new Uint8Array(0),
    ...(own && { static: own }),
    ...(ephemeral && { ephemeral }),
    ...(remoteStatic && { remoteStatic }),
    psks: Array.isArray(psks) ? psks.map((psk) => fromHex(String(psk))) : [],
  };
}

function run(provider: CryptoProvider, vector: Vector): void {
  const pattern = patternOf(vector.protocol_name);
  if (typeof pattern === 'string') throw new Error(pattern);
  const initiator = new HandshakeState(provider, pattern, 'initiator', keysOf(provider, vector, 'init'));
  const responder = new HandshakeState(provider, pattern, 'responder', keysOf(provider, vector, 'resp'));
  const handshake = vector.messages.slice(0, pattern.messages.length);
  for (const [i, { payload, ciphertext }] of handshake.entries()) {
    const [writer, reader] = i % 2 === 0 ? [initiator, responder] : [responder, initiator];
    expect(toHexOf(writer.writeMessage(fromHex(payload)))).toBe(ciphertext);
    expect(toHexOf(reader.readMessage(fromHex(ciphertext)))).toBe(payload);
  }
  expect([initiator.finished, responder.finished]).toEqual([true, true]);
  if (vector.handshake_hash !== undefined) expect(toHex(initiator.symmetric.h)).toBe(vector.handshake_hash);
  expect(responder.symmetric.h).toEqual(initiator.symmetric.h);

  const [forth, back] = [initiator.split(), responder.split()];
  const oneWay = pattern.messages.length === 1;
  const none = new Uint8Array(0);
  for (const [i, { payload, ciphertext }] of vector.messages.slice(handshake.length).entries()) {
    const fromInitiator = oneWay || (handshake.length + i) % 2 === 0;
    const [writer, reader] = fromInitiator ? [forth, back] : [back, forth];
    expect(toHex(writer.send.seal(none, fromHex(payload)))).toBe(ciphertext);
    expect(toHexOf(reader.receive.open(none, fromHex(ciphertext)) ?? 'auth')).toBe(payload);
  }
}

function toHexOf(result: Uint8Array | string): string {
  return typeof result === 'string' ? result : toHex(result);
}

const ran = { count: 0 };
const left = new Map<string, string>();

describe.each([
  ['cacophony', 59],
  ['snow', 51],
] as const)('the published Noise vectors of %s', (source, expected) => {
  const file = publishedVectors<{ vectors: Vector[] }>(`noise_${source}.json`);
  for (const vector of file?.vectors ?? []) {
    const pattern = patternOf(vector.protocol_name);
    if (typeof pattern === 'string') {
      left.set(`${source} ${vector.protocol_name}`, pattern);
      continue;
    }
    it.each([
      ['noble', nobleProvider],
      ['node', nodeProvider],
    ] as const)(`${vector.protocol_name} runs byte for byte with %s`, (_, provider) => {
      run(provider, vector);
      ran.count++;
    });
  }
  it.runIf(file !== undefined)('are all there', () => {
    expect(file?.vectors.length).toBe(expected);
    expect([...left]).toEqual([]);
  });
});

afterAll(() => {
  if (ran.count === 0) return;
  const why = [...left].map(([name, reason]) => `${name}: ${reason}`).join('; ') || 'none';
  process.stdout.write(`noise vectors: ${ran.count} runs (${ran.count / 2} vectors, 2 providers), left out: ${why}\n`);
});
