import { describe, expect, it } from 'vitest';
import { utf8 } from '../../src/base/bytes.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import { openHello, SignalHandshake } from '../../src/nat/signal-session.ts';

const provider = nodeProvider;
const pair = (byte: number) => provider.x25519KeyPair(new Uint8Array(32).fill(byte));
const NODE = pair(1);
const COORDINATOR = pair(2);

function handshake() {
  const keys = { static: NODE, ephemeral: pair(3), coordinator: COORDINATOR.publicKey };
  return new SignalHandshake(provider, keys, 77, utf8('credential'));
}

function session() {
  const node = handshake();
  const heard = openHello(provider, COORDINATOR, node.hello);
  if (typeof heard === 'string') throw new Error(heard);
  const accepted = heard.accept(pair(4), 99, utf8('registered'));
  if (typeof accepted === 'string') throw new Error(accepted);
  return { node, heard, accepted };
}

function joined() {
  const { node, accepted } = session();
  const welcomed = node.handleWelcome(accepted.welcome);
  if (typeof welcomed === 'string') throw new Error(welcomed);
  return { own: welcomed.session, theirs: accepted.session };
}

describe('the channel to a coordinator', () => {
  it('tells the coordinator who asks, and both ends share keys', () => {
    const { heard, accepted, node } = session();
    expect(heard.remoteStatic).toEqual(NODE.publicKey);
    expect(heard.payload).toEqual(utf8('credential'));
    const welcomed = node.handleWelcome(accepted.welcome);
    if (typeof welcomed === 'string') throw new Error(welcomed);
    expect(welcomed.payload).toEqual(utf8('registered'));
    expect(accepted.session.open(welcomed.session.seal(utf8('up')))).toEqual(utf8('up'));
    expect(welcomed.session.open(accepted.session.seal(utf8('down')))).toEqual(utf8('down'));
  });

  it('is not opened by another coordinator', () => {
    expect(openHello(provider, pair(5), handshake().hello)).toBe('auth');
  });

  it('survives a forged answer: the true one is still taken', () => {
    const { node, accepted } = session();
    const forged = accepted.welcome.slice();
    forged[forged.length - 1] ^= 1;
    expect(node.handleWelcome(forged)).toBe('auth');
    expect(
      node.handleWelcome(Uint8Array.from([...accepted.welcome.slice(0, 4), 0, 0, 0, 1, ...accepted.welcome.slice(8)])),
    ).toBe('channel');
    expect(node.handleWelcome(accepted.welcome)).toHaveProperty('session');
    expect(node.handleWelcome(accepted.welcome)).toBe('channel');
  });

  it('takes every message once, in any order within 64', () => {
    const { own, theirs } = joined();
    const sealed = Array.from({ length: 70 }, (_, at) => own.seal(Uint8Array.of(at)));
    expect(theirs.open(sealed[69])).toEqual(Uint8Array.of(69));
    expect(theirs.open(sealed[69])).toBe('replay');
    expect(theirs.open(sealed[6])).toEqual(Uint8Array.of(6));
    expect(theirs.open(sealed[6])).toBe('replay');
    expect(theirs.open(sealed[5])).toBe('replay');
  });

  it('lets no forgery use up a counter', () => {
    const { own, theirs } = joined();
    const good = own.seal(utf8('good'));
    for (let at = 4; at < good.length; at++) {
      const forged = good.slice();
      forged[at] ^= 1;
      expect(typeof theirs.open(forged)).toBe('string');
    }
    expect(theirs.open(good)).toEqual(utf8('good'));
  });

  it('does not open what was sent the other way', () => {
    const { own } = joined();
    expect(own.open(own.seal(utf8('echo')))).toBe('auth');
  });

  it('answers no HELLO with more than it has', () => {
    const { node, accepted } = session();
    expect(accepted.welcome.length).toBeLessThanOrEqual(node.hello.length);
  });
});
