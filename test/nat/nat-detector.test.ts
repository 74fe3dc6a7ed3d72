import { describe, expect, it } from 'vitest';
import { millis } from '../../src/base/brands.ts';
import { pathAddress } from '../../src/base/path-address.ts';
import { nodeProvider as provider } from '../../src/crypto/node-provider.ts';
import { NatDetector } from '../../src/nat/nat-detector.ts';
import { decodeReflect, encodeReflect, type ReflectQuestion } from '../../src/nat/reflect.ts';

const KEY = new Uint8Array(32).fill(4);
const LOCAL = pathAddress('192.168.1.10:47247');
const OUTER = pathAddress('203.0.113.5:20000');
const VANTAGES = [pathAddress('198.51.100.1:47247'), pathAddress('198.51.100.2:47247')];

function detector(vantages = VANTAGES) {
  let drawn = 0;
  const random = (length: number) => new Uint8Array(length).fill(++drawn);
  return new NatDetector({ provider, random, vantages, ticket: 5, key: KEY, local: [LOCAL] }, millis(0));
}

function questionOf(bytes: Uint8Array): ReflectQuestion {
  const question = decodeReflect(bytes);
  if (typeof question === 'string' || question.kind !== 'question') throw new Error('no question');
  return question;
}

const answerTo = (bytes: Uint8Array, key = KEY) => {
  const { from, ticket, nonce } = questionOf(bytes);
  return encodeReflect(provider, key, { kind: 'answer', from, ticket, nonce, seen: OUTER });
};

describe('the detector of NATs', () => {
  it('asks from two sockets, three times at most, and ends', () => {
    const made = detector();
    let sent = 0;
    for (let now = 0; now < 10_000; now += 10) sent += made.tick(millis(now)).length;
    expect(sent).toBe(3 * (2 + 3));
    expect(made.isDone(millis(10_000))).toBe(true);
    expect(made.kind(millis(10_000))).toMatchObject({ mapping: 'unknown', filtering: 'unknown' });
  });

  it('does not ask again what was answered, and takes silence for a filter only when the plain question was answered', () => {
    const made = detector();
    for (const { bytes, socket } of made.tick(millis(0)))
      if (questionOf(bytes).from === 'asked') expect(made.handleDatagram(answerTo(bytes), socket)).toBeUndefined();
    expect(made.kind(millis(1))).toMatchObject({ mapping: 'endpoint', filtering: 'unknown' });
    expect(made.tick(millis(200))).toHaveLength(2);
    expect(made.tick(millis(600))).toHaveLength(2);
    expect(made.kind(millis(1_200))).toMatchObject({ mapping: 'endpoint', filtering: 'port' });
    expect(made.reflexive).toEqual([OUTER]);
  });

  it('does not ask a coordinator with one address to answer from another', () => {
    const froms = detector([VANTAGES[0]])
      .tick(millis(0))
      .map(({ bytes }) => questionOf(bytes).from);
    expect(froms).toEqual(['asked', 'asked', 'other-port']);
  });

  it('believes no forged, foreign or repeated answer', () => {
    const made = detector();
    const [first] = made.tick(millis(0));
    expect(made.handleDatagram(answerTo(first.bytes, new Uint8Array(32)), 'main')).toBe('reflect-forged');
    expect(made.handleDatagram(answerTo(first.bytes), 'spare')).toBe('reflect-unasked');
    expect(made.handleDatagram(first.bytes, 'main')).toBe('reflect-unasked');
    expect(made.handleDatagram(new Uint8Array(3), 'main')).toBe('reflect-length');
    expect(made.reflexive).toEqual([]);
  });
});
