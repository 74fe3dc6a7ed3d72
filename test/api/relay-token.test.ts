import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeRelayMessage,
  decodeRelayOrder,
  encodeRelayMessage,
  encodeRelayOrder,
  type RelayMessage,
  type RelayOrder,
} from '../../src/api/channel/relay-message.ts';
import { decodeRelayToken, encodeRelayToken } from '../../src/api/relay-token.ts';
import { nodeId } from '../../src/base/brands.ts';
import { toHex } from '../../src/base/bytes.ts';
import { formatPath } from '../../src/base/path-address.ts';
import { nobleProvider as hasher } from '../../src/crypto/noble-provider.ts';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const tokens = fc.record({
  id: bytes(8).map(toHex),
  secret: bytes(32),
  servers: fc.array(fc.constantFrom('vpn.example.net:47247', '192.0.2.1:1', '[2001:db8::1]:443'), {
    minLength: 1,
    maxLength: 8,
  }),
});

describe('the token of a relay', () => {
  it('is read as it was written, with space and broken lines in it', () => {
    fc.assert(
      fc.property(tokens, fc.nat(), (token, at) => {
        const text = encodeRelayToken(hasher, token);
        const cut = at % text.length;
        expect(decodeRelayToken(hasher, `  ${text.slice(0, cut)}\n ${text.slice(cut)}\n`)).toEqual(token);
      }),
    );
  });

  const text = encodeRelayToken(hasher, { id: '01'.repeat(8), secret: new Uint8Array(32).fill(9), servers: ['a.b:1'] });
  it.each([
    ['a join token', `gsj1.${text.slice(5)}`, 'prefix'],
    ['one that was cut', text.slice(0, 40), 'length'],
    ['one with a slip', `${text.slice(0, 20)}${text[20] === 'A' ? 'B' : 'A'}${text.slice(21)}`, 'checksum'],
    ['one without an address', text.split('@')[0], 'server'],
    ['one with a wrong address', `${text.split('@')[0]}@nowhere`, 'server'],
    ['one with nine addresses', `${text.split('@')[0]}@${'a.b:1,'.repeat(8)}a.b:1`, 'server'],
  ])('%s is none', (_, wrong, fault) => {
    expect(decodeRelayToken(hasher, wrong ?? '')).toBe(fault);
  });

  it('is never a throw', () => {
    fc.assert(fc.property(fc.string(), (any) => void decodeRelayToken(hasher, `gsr1.${any}`)));
  });
});

const endpoint = fc
  .tuple(bytes(4), fc.integer({ min: 1, max: 0xffff }))
  .map(([address, port]) => formatPath(4, address, port));
const node = bytes(16).map((id) => nodeId(toHex(id)));
const messages: fc.Arbitrary<RelayMessage> = fc.oneof(
  fc.record({
    type: fc.constant('hello' as const),
    release: fc.string({ minLength: 1, maxLength: 20 }),
    endpoints: fc.array(endpoint, { maxLength: 8 }),
  }),
  fc.constant({ type: 'ping' } as const),
);
const channel = fc
  .record({ channel: fc.integer({ min: 1, max: 0xffff_ffff }), nodes: fc.tuple(node, node) })
  .filter(({ nodes: [a, b] }) => a !== b);
const orders: fc.Arbitrary<RelayOrder> = fc.oneof(
  fc.record({ type: fc.constant('welcome' as const), name: fc.string({ minLength: 1, maxLength: 20 }) }),
  fc.record({ type: fc.constant('allow' as const), channels: fc.array(channel, { maxLength: 20 }) }),
  fc.record({ type: fc.constant('remove' as const), nodes: fc.array(node, { maxLength: 20 }) }),
  fc.constant({ type: 'pong' } as const),
);

describe('what a relay and a server say', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(messages, (each) => {
        expect(decodeRelayMessage(encodeRelayMessage(each))).toEqual(each);
      }),
    );
    fc.assert(
      fc.property(orders, (each) => {
        expect(decodeRelayOrder(encodeRelayOrder(each))).toEqual(each);
      }),
    );
  });

  it('of hostile bytes is a fault, never a throw', () => {
    const faults = ['message-too-long', 'message-encoding', 'message-type', 'message-field'];
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), (any) => {
        expect(faults).toContain(decodeRelayMessage(any));
        expect(faults).toContain(decodeRelayOrder(any));
      }),
    );
    fc.assert(
      fc.property(orders.map(encodeRelayOrder), fc.nat(), fc.integer({ min: 1, max: 255 }), (order, at, flip) => {
        order[at % order.length] ^= flip;
        expect(() => decodeRelayOrder(order)).not.toThrow();
      }),
    );
  });
});
