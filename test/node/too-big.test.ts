import { describe, expect, it } from 'vitest';
import { concat } from '../../src/base/bytes.ts';
import type { QuotedTooBig } from '../../src/nat/icmp-too-big.ts';
import { met, mtuOf, narrow, outerSize, stream, told } from './narrow-path.ts';
import type { SimNode, World } from './world.ts';

describe('an ICMP too-big from outside', () => {
  /** What a router would quote of the largest datagram that `from` sent to `to` last. */
  function quote(world: World, from: SimNode, to: SimNode): Uint8Array {
    const sent = world.seen.filter((each) => each.from === from.path && each.to === to.path && each.bytes[0] === 0x10);
    const last = sent.findLast(({ bytes }) => bytes.length > 1_000);
    if (!last) throw new Error('nothing large was sent');
    return last.bytes.slice(0, 100);
  }

  function large() {
    const joined = met();
    const { world, a, b } = joined;
    stream(world, a, b, 3_000);
    // the next confirmation has just been: nothing is due
    while (probes(joined) === 0);
    world.run(100);
    return joined;
  }

  /** Probes of the whole size that leave within 50 ms. */
  function probes({ world, a }: Pick<ReturnType<typeof met>, 'world' | 'a'>): number {
    const before = world.seen.length;
    world.run(60);
    return world.seen.slice(before).filter(({ from, to, bytes }) => from === a.path && outerSize(to, bytes) === 1_460)
      .length;
  }

  it('N6: makes a probe leave at once when it quotes what was sent lately, and changes no size', () => {
    const joined = large();
    const { world, a, b } = joined;
    a.engine.handleTooBig({ mtu: 1_400, sourcePort: 47_247, to: b.path, payload: quote(world, a, b) }, world.now);
    expect(a.counter('too-big-heard')).toBe(1);
    expect(probes(joined)).toBe(1);
    expect(mtuOf(a, b).inner).toBe(1_400);
  });

  it.each<[string, (quoted: Uint8Array, joined: ReturnType<typeof large>) => QuotedTooBig]>([
    ['of an index that is not in use', (payload, { b }) => ({ ...word(b), payload: changed(payload, 5) })],
    ['of a counter that was never sent', (payload, { b }) => ({ ...word(b), payload: changed(payload, 12) })],
    ['of another path', (payload, { a }) => ({ ...word(a), payload })],
    ['of a relay that is not used', (payload, { b }) => ({ ...word(b), payload: framed(payload) })],
    ['that quotes too little', (payload, { b }) => ({ ...word(b), payload: payload.slice(0, 15) })],
    ['of a handshake', (payload, { b }) => ({ ...word(b), payload: changed(payload, 0) })],
    ['that names a size no path has', (payload, { b }) => ({ ...word(b), mtu: 68, payload })],
    ['that is no smaller', (payload, { b }) => ({ ...word(b), mtu: 1_500, payload })],
  ])('N6: is ignored %s', (_name, make) => {
    const joined = large();
    const { world, a, b } = joined;
    a.engine.handleTooBig(make(quote(world, a, b), joined), world.now);
    expect(a.counter('too-big-heard')).toBe(0);
    expect(a.counter('too-big-ignored')).toBe(1);
    expect(probes(joined)).toBe(0);
  });

  it('N6: is ignored ten seconds after the quoted datagram left', () => {
    const joined = large();
    const { world, a, b } = joined;
    const payload = quote(world, a, b);
    world.run(8_000);
    a.engine.handleTooBig({ ...word(b), payload }, world.now);
    expect(a.counter('too-big-heard')).toBe(1);
    world.run(3_500);
    a.engine.handleTooBig({ ...word(b), payload }, world.now);
    expect(a.counter('too-big-heard')).toBe(1);
  });

  it('finds the size that an honest router names with the first probe after the fall', () => {
    const joined = large();
    const { world, a, b } = joined;
    narrow(world, 1_377);
    a.engine.handleTooBig({ ...word(b), mtu: 1_377, payload: quote(world, a, b) }, world.now);
    stream(world, a, b, 1_500);
    expect(told(a)[0]).toBe(1_317);
  });
});

const word = ({ path }: SimNode) => ({ mtu: 1_400, sourcePort: 47_247, to: path });

function changed(payload: Uint8Array, at: number): Uint8Array {
  const out = payload.slice();
  out[at] ^= 1;
  return out;
}

function framed(payload: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(0x20, 0, 0, 0, 0, 0, 0, 7), payload);
}
