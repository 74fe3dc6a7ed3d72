import { describe, expect, it } from 'vitest';
import { millis, nodeId } from '../../src/base/brands.ts';
import { pathAddress } from '../../src/base/path-address.ts';
import { nodeProvider as provider } from '../../src/crypto/node-provider.ts';
import { type Bind, decodeBinding, encodeBindAck, encodeBindChallenge } from '../../src/nat/bind.ts';
import { type BinderEffect, RelayBinder } from '../../src/nat/relay-binder.ts';
import { encodeFrame } from '../../src/nat/relay-frame.ts';

const RELAY = pathAddress('198.51.100.3:47247');
const SEEN = pathAddress('203.0.113.5:20000');
const KEY = new Uint8Array(32).fill(3);
const CHALLENGE = new Uint8Array(16).fill(9);
const FRAME = Uint8Array.from([...encodeFrame(7), 0x10, 0, 0]);

function binder() {
  let [seq, drawn] = [0, 0];
  return new RelayBinder({
    provider,
    random: (length) => new Uint8Array(length).fill(++drawn),
    self: nodeId('1'.repeat(32)),
    nextSeq: () => ++seq,
  });
}

function sentBind(effects: readonly BinderEffect[]): Bind {
  const [effect] = effects;
  const decoded = effect?.kind === 'send' ? decodeBinding(effect.bytes) : 'kind';
  if (typeof decoded === 'string' || decoded.kind !== 'bind') throw new Error('no BIND');
  return decoded;
}

const challengeFor = ({ seq }: Bind) =>
  encodeBindChallenge({ kind: 'bind-challenge', channel: 7, seq, challenge: CHALLENGE });
const ackFor = ({ seq, nonce, channel }: Bind, key = KEY) =>
  encodeBindAck(provider, key, { kind: 'bind-ack', status: 'bound', channel, seq, nonce, seen: SEEN });

function bound() {
  const made = binder();
  const first = sentBind(made.bind(RELAY, 7, KEY, millis(0)));
  const second = sentBind(made.handleDatagram(challengeFor(first), RELAY, 25_000, millis(20)));
  expect(second).toEqual({ ...first, challenge: CHALLENGE });
  const effects = made.handleDatagram(ackFor(second), RELAY, 25_000, millis(40));
  expect(effects).toEqual([{ kind: 'bound', relay: RELAY, channel: 7, rtt: 20 }]);
  return made;
}

describe('a channel of a relay', () => {
  it('is bound in two round trips, and anew before its mapping dies, with a larger number', () => {
    const made = bound();
    expect(made.nextDeadline()).toBe(25_040);
    expect(made.tick(millis(25_039))).toEqual([]);
    expect(sentBind(made.tick(millis(25_040)))).toMatchObject({ seq: 2, challenge: CHALLENGE });
  });

  it('is bound in one round trip where the address is proved already, until the node moves', () => {
    const made = bound();
    const bind = sentBind(made.bind(RELAY, 8, KEY, millis(50)));
    expect(bind).toMatchObject({ channel: 8, challenge: CHALLENGE });
    const effects = made.handleDatagram(ackFor(bind), RELAY, 25_000, millis(70));
    expect(effects).toEqual([{ kind: 'bound', relay: RELAY, channel: 8, rtt: 20 }]);
    expect(sentBind(made.handleNetworkChange(millis(100))).challenge).toBeUndefined();
  });

  it('is one of many that share a mapping: one at a time is bound anew for all, each within four minutes', () => {
    const made = bound();
    const answer = (bind: Bind, now: number) => made.handleDatagram(ackFor(bind), RELAY, 25_000, millis(now));
    for (let channel = 8; channel < 12; channel++) answer(sentBind(made.bind(RELAY, channel, KEY, millis(40))), 40);
    const again: { readonly at: number; readonly channel: number }[] = [];
    for (let now = 40; now < 500_000; now += 1_000)
      for (const effect of made.tick(millis(now))) {
        const bind = sentBind([effect]);
        again.push({ at: now, channel: bind.channel });
        answer(bind, now);
      }
    expect(again).toHaveLength(Math.floor(500_000 / 25_000) - 1);
    for (let channel = 7; channel < 12; channel++) {
      const times = again.filter((each) => each.channel === channel).map(({ at }) => at);
      expect(times.length).toBeGreaterThanOrEqual(3);
      for (const [at, time] of times.entries()) expect(time - (times[at - 1] ?? 0)).toBeLessThanOrEqual(240_000);
    }
  });

  it('is asked about at once when another one of that relay was given up', () => {
    const made = bound();
    const second = sentBind(made.bind(RELAY, 8, KEY, millis(40)));
    made.handleDatagram(ackFor(second), RELAY, 25_000, millis(40));
    const sent = new Map<number, number>();
    for (let now = 25_000; now < 32_000; now += 10)
      for (const effect of made.tick(millis(now)))
        if (effect.kind === 'send') sent.set(sentBind([effect]).channel, now);
    expect([...sent.keys()]).toEqual([7, 8]);
  });

  it('is bound anew at once when the node moved', () => {
    expect(sentBind(bound().handleNetworkChange(millis(100))).seq).toBe(2);
  });

  it('is given up when the relay stays silent', () => {
    const made = binder();
    made.bind(RELAY, 7, KEY, millis(0));
    const effects: BinderEffect[] = [];
    for (let now = 0; now < 20_000; now += 10) effects.push(...made.tick(millis(now)));
    expect(effects.filter(({ kind }) => kind === 'send')).toHaveLength(4);
    expect(effects.at(-1)).toEqual({ kind: 'unbound', relay: RELAY, channel: 7, cause: 'silent' });
  });

  it('in doubt is said to be silent after three quick questions, and asked on, so that it is bound when the relay is back', () => {
    const made = bound();
    const first = sentBind(made.doubt(RELAY, 7, millis(1_000)));
    expect(made.doubt(RELAY, 7, millis(1_010))).toEqual([]);
    const effects: (BinderEffect & { readonly at: number })[] = [];
    for (let now = 1_010; now < 2_000; now += 10)
      effects.push(...made.tick(millis(now)).map((effect) => ({ ...effect, at: now })));
    expect(effects.map(({ kind, at }) => [kind, at])).toEqual([
      ['send', 1_100],
      ['send', 1_200],
      ['silent', 1_300],
      ['send', 1_300],
    ]);
    expect(made.acceptFrame(FRAME, RELAY)).toBe(7);
    expect(made.handleDatagram(ackFor(first), RELAY, 25_000, millis(2_000))).toMatchObject([{ kind: 'bound' }]);
  });

  it('in doubt is waited for as long as its quickest answer says, also where a later one was slow', () => {
    const made = bound();
    const again = sentBind(made.tick(millis(25_040)));
    made.handleDatagram(ackFor(again), RELAY, 25_000, millis(25_440));
    made.doubt(RELAY, 7, millis(26_000));
    expect(made.nextDeadline()).toBe(26_100);
  });

  it('in doubt is nothing but bound when the relay answers, and a direction that names it again is such a doubt', () => {
    const made = bound();
    const again = sentBind(made.bind(RELAY, 7, KEY, millis(1_000)));
    expect(made.handleDatagram(ackFor(again), RELAY, 25_000, millis(1_020))).toMatchObject([{ kind: 'bound' }]);
    for (let now = 1_030; now < 5_000; now += 10) expect(made.tick(millis(now))).toEqual([]);
  });

  it.each([
    ['under another key', (bind: Bind) => ackFor(bind, new Uint8Array(32)), RELAY, 'bind-forged'],
    ['with another nonce', (bind: Bind) => ackFor({ ...bind, nonce: new Uint8Array(16) }), RELAY, 'bind-forged'],
    ['of an older binding', (bind: Bind) => ackFor({ ...bind, seq: 0 }), RELAY, 'bind-unasked'],
    ['from elsewhere', (bind: Bind) => ackFor(bind), pathAddress('203.0.113.1:9'), 'bind-unasked'],
  ])('is not bound by an answer %s', (_name, answer, from, counter) => {
    const made = binder();
    const bind = sentBind(made.bind(RELAY, 7, KEY, millis(0)));
    expect(made.handleDatagram(answer(bind), from, 25_000, millis(1))).toEqual([{ kind: 'counter', name: counter }]);
    expect(made.acceptFrame(FRAME, RELAY)).toBe('frame-unbound');
  });
});

describe('a framed datagram', () => {
  it('N5: is taken only from a relay and channel that this node bound', () => {
    const made = bound();
    expect(made.acceptFrame(FRAME, RELAY)).toBe(7);
    expect(made.acceptFrame(FRAME, pathAddress('198.51.100.4:47247'))).toBe('frame-unbound');
    expect(made.acceptFrame(FRAME, pathAddress('198.51.100.3:47248'))).toBe('frame-unbound');
    expect(made.acceptFrame(Uint8Array.from([...encodeFrame(8), 0x10, 0]), RELAY)).toBe('frame-unbound');
    made.unbind(RELAY, 7);
    expect(made.acceptFrame(FRAME, RELAY)).toBe('frame-unbound');
  });

  it('N5: is not taken before the relay said that the channel is bound', () => {
    const made = binder();
    made.bind(RELAY, 7, KEY, millis(0));
    expect(made.acceptFrame(FRAME, RELAY)).toBe('frame-unbound');
  });

  it('N5: is taken while a bound channel is bound anew', () => {
    const made = bound();
    made.tick(millis(30_000));
    expect(made.acceptFrame(FRAME, RELAY)).toBe(7);
  });
});
