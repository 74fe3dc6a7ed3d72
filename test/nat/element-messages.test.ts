import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodeId } from '../../src/base/brands.ts';
import { toHex } from '../../src/base/bytes.ts';
import { pathAddress } from '../../src/base/path-address.ts';
import { nodeProvider as provider } from '../../src/crypto/node-provider.ts';
import {
  certificateDomain,
  certificateKey,
  openCertificate,
  sealCertificate,
} from '../../src/nat/certificate-query.ts';
import { decodeElementMessage, type ElementMessage, encodeElementMessage } from '../../src/nat/element-message.ts';
import {
  answerElement,
  decodeElementHead,
  ELEMENT_SIZE,
  ElementAsker,
  elementPsk,
} from '../../src/nat/element-session.ts';

const key = (name: string) => provider.sha256(Uint8Array.from(name, (letter) => letter.charCodeAt(0)));
const endpoint = pathAddress('192.0.2.9:47247');
const endpoint6 = pathAddress('[2001:db8::9]:47247');
const caPart = new Uint8Array(200).fill(7);
const node = nodeId('ab'.repeat(16));

const MESSAGES: readonly ElementMessage[] = [
  { type: 'open', request: 7, endpoint },
  { type: 'open', request: 7, endpoint: endpoint6 },
  { type: 'channel', request: 0, channel: 9, endpoint },
  { type: 'refused', request: 7, reason: 'inside' },
  { type: 'refused', request: 7, reason: 'full' },
  { type: 'keep' },
  { type: 'kept' },
  { type: 'below', caPart },
  { type: 'wanted', node, endpoint: endpoint6 },
  { type: 'certificate', caPart },
  { type: 'place', endpoints: [endpoint, endpoint6] },
  { type: 'place', endpoints: [] },
];

describe('what an element and its GEN say', () => {
  it.each(MESSAGES)('$type is read as it was written', (message) => {
    expect(decodeElementMessage(encodeElementMessage(message))).toEqual(message);
  });

  it('W1: has exact lengths, known types and reasons, and real channels and endpoints', () => {
    for (const message of MESSAGES) {
      const bytes = encodeElementMessage(message);
      expect(decodeElementMessage(bytes.subarray(0, -1))).toBe('length');
      expect(decodeElementMessage(Uint8Array.of(...bytes, 0))).toBe('length');
    }
    expect(decodeElementMessage(Uint8Array.of(10))).toBe('message');
    expect(decodeElementMessage(Uint8Array.of(3, 0, 0, 0, 0, 4))).toBe('reason');
    const [open, , channel] = MESSAGES.map(encodeElementMessage);
    expect(decodeElementMessage(open.fill(0, 5))).toBe('endpoint');
    expect(decodeElementMessage(channel.fill(0, 5, 9))).toBe('channel');
    const place = encodeElementMessage({ type: 'place', endpoints: [endpoint, endpoint6] });
    expect(decodeElementMessage(place.fill(0, 1, 20))).toBe('endpoint');
  });

  it('W2: hostile bytes never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        decodeElementMessage(bytes);
        decodeElementHead(bytes);
        certificateDomain(bytes);
      }),
    );
  });
});

function handshake(pskOf: { readonly asker: string; readonly gen: string } = { asker: 'D', gen: 'D' }) {
  const half = (name: string, psk: string, index: number) => ({
    static: provider.x25519KeyPair(key(`${name} static`)),
    ephemeral: provider.x25519KeyPair(key(`${name} ephemeral`)),
    psk: elementPsk(provider, key(psk)),
    credential: new Uint8Array(268).fill(index),
    index,
  });
  const asker = new ElementAsker(provider, half('asker', pskOf.asker, 1), 3);
  return { asker, gen: answerElement(provider, half('gen', pskOf.gen, 2), asker.query) };
}

describe('the handshake of an element and its GEN', () => {
  it('N3: has an answer that is not longer than its question, and ends in one session', () => {
    const { asker, gen } = handshake();
    if (typeof gen === 'string') throw new Error(gen);
    const answer = asker.handleAnswer(gen.answer);
    if (typeof answer === 'string') throw new Error(answer);
    const { hello, session } = answer.accept();
    expect([asker.query, gen.answer, hello].map(({ length }) => length)).toEqual(Object.values(ELEMENT_SIZE));
    expect([asker.query, gen.answer, hello].map(decodeElementHead)).toEqual([
      { type: 'query', domain: 3, index: 1 },
      { type: 'answer', domain: 0, index: 1 },
      { type: 'hello', domain: 0, index: 2 },
    ]);
    const heard = gen.handleHello(hello);
    if (typeof heard === 'string') throw new Error(heard);
    expect([answer.credential[0], heard.credential[0]]).toEqual([2, 1]);
    const sealed = session.seal(Uint8Array.of(4));
    expect(heard.session.open(sealed.map((byte, at) => (at === 18 ? byte ^ 1 : byte)))).toBe('auth');
    expect(heard.session.open(sealed)).toEqual(Uint8Array.of(4));
    expect(heard.session.open(sealed)).toBe('replay');
    expect(session.open(heard.session.seal(Uint8Array.of(5)))).toEqual(Uint8Array.of(5));
  });

  it('C5: gets no answer under another domain key', () => {
    expect(handshake({ asker: 'D', gen: 'E' }).gen).toBe('auth');
  });

  it('goes on after a forged ANSWER', () => {
    const { asker, gen } = handshake();
    if (typeof gen === 'string') throw new Error(gen);
    expect(asker.handleAnswer(gen.answer.map((byte, at) => (at === 300 ? byte ^ 1 : byte)))).toBe('auth');
    expect(typeof asker.handleAnswer(gen.answer)).toBe('object');
  });

  it('is frozen: the same keys give these bytes', () => {
    const { asker, gen } = handshake();
    if (typeof gen === 'string') throw new Error(gen);
    const answer = asker.handleAnswer(gen.answer);
    if (typeof answer === 'string') throw new Error(answer);
    const { hello, session } = answer.accept();
    const all = [asker.query, gen.answer, hello, session.seal(Uint8Array.of(4))];
    expect(all.map((bytes) => toHex(provider.sha256(bytes)).slice(0, 16))).toEqual([
      'e919184b3faafdd9',
      'c4e3b044a18b9222',
      '8a710727f945cc60',
      'ba4881004046f1c1',
    ]);
  });
});

describe('the question for a certificate', () => {
  const own = certificateKey(provider, key('D'));
  const nonce = new Uint8Array(24).fill(1);

  it('N3: is as long as its answer, and both are for the domain alone', () => {
    const query = sealCertificate(provider, own, nonce, 3, { type: 'query', node });
    const answer = sealCertificate(provider, own, nonce, 3, { type: 'answer', caPart });
    expect([query.length, answer.length]).toEqual([244, 244]);
    expect([certificateDomain(query), certificateDomain(answer)]).toEqual([3, 3]);
    expect(openCertificate(provider, own, query)).toEqual({ type: 'query', node });
    expect(openCertificate(provider, own, answer)).toEqual({ type: 'answer', caPart });
    expect(openCertificate(provider, certificateKey(provider, key('E')), query)).toBe('auth');
    expect(openCertificate(provider, own, query.fill(6, 2, 3))).toBe('auth');
    expect(certificateDomain(query.subarray(1))).toBeUndefined();
  });
});
