import { describe, expect, it } from 'vitest';
import { millis } from '../../src/base/brands.ts';
import { concat } from '../../src/base/bytes.ts';
import { pathAddress } from '../../src/base/path-address.ts';
import { encodeFrame } from '../../src/nat/relay-frame.ts';
import { DatagramTunnel, type TunnelEffect } from '../../src/node/datagram-tunnel.ts';

const DC = pathAddress('198.51.100.1:47247');
const RELAY = pathAddress('198.51.100.1:47249');
const OTHER_RELAY = pathAddress('198.51.100.2:47249');
const random = (length: number) => new Uint8Array(length).fill(0xff);
const signal = (mark: number) => Uint8Array.of(0x33, 1, 0, 0, mark);
const frame = (channel: number) => concat(encodeFrame(channel), Uint8Array.of(0x10));

function up(addresses: readonly string[] = ['a:1', 'b:2']) {
  const tunnel = new DatagramTunnel(addresses, random);
  tunnel.want(millis(0));
  tunnel.handleOpened(millis(10));
  tunnel.takeEffects();
  return tunnel;
}

const kinds = (effects: readonly TunnelEffect[]) =>
  effects.map((effect) => (effect.kind === 'connect' ? effect.address : effect.kind));

describe('a tunnel', () => {
  it('is not made before it is wanted, and takes nothing then', () => {
    const tunnel = new DatagramTunnel(['a:1'], random);
    tunnel.tick(millis(1));
    tunnel.send(signal(1), DC);
    expect(tunnel.takeEffects()).toEqual([{ kind: 'counter', name: 'tunnel-off' }]);
    expect(tunnel.nextDeadline()).toBeUndefined();
  });

  it('sends what was given to it while it was being made, as soon as it stands', () => {
    const tunnel = new DatagramTunnel(['a:1'], random);
    tunnel.want(millis(0));
    tunnel.send(signal(1), DC);
    expect(tunnel.takeEffects()).toEqual([{ kind: 'connect', address: 'a:1' }]);
    tunnel.handleOpened(millis(5));
    expect(tunnel.takeEffects()).toEqual([
      { kind: 'up', address: 'a:1' },
      { kind: 'send', bytes: signal(1) },
    ]);
    expect(tunnel.isUp).toBe(true);
  });

  it('holds no more than 64 datagrams meanwhile, the newest', () => {
    const tunnel = new DatagramTunnel(['a:1'], random);
    tunnel.want(millis(0));
    for (let mark = 0; mark < 70; mark++) tunnel.send(signal(mark), DC);
    tunnel.handleOpened(millis(5));
    const effects = tunnel.takeEffects();
    const sent = effects.flatMap((effect) => (effect.kind === 'send' ? [effect.bytes[4]] : []));
    expect([sent.length, sent[0], sent.at(-1)]).toEqual([64, 6, 69]);
    expect(effects.filter(({ kind }) => kind === 'counter')).toHaveLength(6);
  });

  it('says of what comes that it is from where the last one of its kind went', () => {
    const tunnel = up();
    tunnel.send(signal(1), DC);
    tunnel.send(frame(5), RELAY);
    tunnel.send(frame(6), OTHER_RELAY);
    tunnel.takeEffects();
    for (const bytes of [signal(2), frame(6), frame(5)]) tunnel.handleMessage(bytes);
    expect(tunnel.takeEffects().map((effect) => effect.kind === 'datagram' && effect.from)).toEqual([
      DC,
      OTHER_RELAY,
      RELAY,
    ]);
  });

  it.each([
    ['a frame of a channel that was never used', frame(9)],
    ['what is too short to have a channel', Uint8Array.of(0x20, 0)],
    ['a probe', Uint8Array.of(0x38, 1, 0, 0)],
    ['a data datagram', Uint8Array.of(0x10, 0, 0, 0)],
    ['nothing', new Uint8Array(0)],
  ])('takes no %s', (_, bytes) => {
    const tunnel = up();
    tunnel.send(frame(5), RELAY);
    tunnel.send(signal(1), DC);
    tunnel.takeEffects();
    tunnel.handleMessage(bytes);
    expect(tunnel.takeEffects()).toEqual([{ kind: 'counter', name: 'tunnel-unasked' }]);
  });

  it('tries its addresses in turn, and then waits longer each round', () => {
    const tunnel = new DatagramTunnel(['a:1', 'b:2'], random);
    tunnel.want(millis(0));
    const rounds: number[] = [];
    const tried: string[] = [];
    let opened = true;
    for (let now = 0; now < 20_000; now += 10) {
      if (opened) tunnel.handleClosed('refused', millis(now));
      tunnel.tick(millis(now));
      const connects = tunnel.takeEffects().flatMap((effect) => (effect.kind === 'connect' ? [effect.address] : []));
      opened = connects.length > 0;
      tried.push(...connects);
      if (connects.includes('a:1')) rounds.push(now);
    }
    expect(tried.slice(0, 6)).toEqual(['a:1', 'b:2', 'a:1', 'b:2', 'a:1', 'b:2']);
    const gaps = rounds.slice(1).map((at, i) => at - rounds[i]);
    for (const [at, gap] of gaps.slice(1).entries()) expect(gap).toBeGreaterThan(gaps[at] * 1.5);
  });

  it('gives up an address that does not answer', () => {
    const tunnel = new DatagramTunnel(['a:1', 'b:2'], random);
    tunnel.want(millis(0));
    tunnel.tick(millis(8_000));
    tunnel.tick(millis(8_250));
    expect(kinds(tunnel.takeEffects())).toEqual(['a:1', 'disconnect', 'down', 'b:2']);
  });

  it('that broke after a good while is made again at the same address', () => {
    const tunnel = up();
    tunnel.handleClosed('gone', millis(20_000));
    expect(tunnel.isUp).toBe(false);
    tunnel.tick(millis(21_001));
    expect(kinds(tunnel.takeEffects())).toEqual(['down', 'a:1']);
  });

  it('is taken down when UDP gets through again, and hears nothing more', () => {
    const tunnel = up();
    tunnel.send(signal(1), DC);
    tunnel.takeEffects();
    tunnel.unwant();
    tunnel.handleMessage(signal(2));
    tunnel.handleClosed('gone', millis(30));
    tunnel.tick(millis(9_000));
    expect(kinds(tunnel.takeEffects())).toEqual(['disconnect']);
  });
});
